from __future__ import annotations

import os
from pathlib import Path

import pytest

from lsr.core.errors import InputError, MissingInputError
from lsr.service import ServiceSettings


def test_environment_gives_what_the_caller_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSR_MAX_K", "7")
    monkeypatch.setenv("LSR_SEARCH_THREADS", "3")
    monkeypatch.setenv("LSR_REQUEST_TIMEOUT", "0.5")
    monkeypatch.setenv("LSR_CORS_ORIGINS", "https://a.example, https://b.example")
    monkeypatch.setenv("LSR_LOG_FORMAT", "json")
    settings = ServiceSettings.from_env(search_threads=5, queue=None)
    assert settings == ServiceSettings(
        max_k=7,
        search_threads=5,
        request_timeout=0.5,
        cors_origins=("https://a.example", "https://b.example"),
        log_format="json",
    )


def test_zero_threads_means_one_a_core() -> None:
    assert ServiceSettings().threads == os.cpu_count()
    assert ServiceSettings(search_threads=3).threads == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_k", 0), ("queue", -1), ("request_timeout", 0.0), ("request_timeout", float("nan")), ("log_format", "xml")],
)
def test_senseless_values_are_refused(name: str, value: object) -> None:
    with pytest.raises(InputError, match=name):
        ServiceSettings(**{name: value})


def test_a_variable_that_is_not_a_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSR_QUEUE", "many")
    with pytest.raises(InputError, match=r"LSR_QUEUE.*'many'"):
        ServiceSettings.from_env()


def test_a_file_gives_what_variables_and_the_caller_do_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "lsr.toml"
    file.write_text('max_k = 7\nqueue = 3\nmax_texts = 5\nallow_hosts = ["a.example", "b.example"]\nanonymous = true\n')
    monkeypatch.setenv("LSR_QUEUE", "4")
    monkeypatch.setenv("LSR_MAX_TEXTS", "6")
    found = ServiceSettings.from_env(file, max_texts=8)
    assert (found.max_k, found.queue, found.max_texts, found.anonymous) == (7, 4, 8, True)
    assert found.allow_hosts == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_q = 7", r"lsr.toml: field 'max_q': there is no such setting; did you mean max_k\?"),
        ("max_k = 0", r"lsr.toml: field 'max_k': must be at least 1, not 0"),
        ("max_k = 'many'", r"lsr.toml: field 'max_k': must be a whole number, not 'many'"),
        ("max_k = 1.5", r"lsr.toml: field 'max_k': must be a whole number, not 1.5"),
        ("max_k = true", r"lsr.toml: field 'max_k': must be a number, not true"),
        ("request_timeout = false", r"lsr.toml: field 'request_timeout': must be a number, not false"),
        ("anonymous = 'perhaps'", r"lsr.toml: field 'anonymous': must be true or false, not 'perhaps'"),
        ("log_format = 'xml'", r"lsr.toml: field 'log_format': must be text, json or off, not 'xml'"),
        ("allow_hosts = ['http://a']", r"lsr.toml: field 'allow_hosts': 'http://a' is not the name of a host"),
        ("workers = 0", r"lsr.toml: field 'workers': must be at least 1"),
        ("[server]\nmax_k = 7", r"lsr.toml: field 'server': there is no such setting"),
        ("port = 80", r"lsr.toml: field 'port': there is no such setting; there are .*, max_k, .*workers"),
        (f"max_k = {'9' * 5000}", r"lsr.toml: is not TOML: Exceeds the limit \(4300 digits\)[^;]*$"),
        ("\nmax_k = ", r"lsr.toml:2: is not TOML: Invalid value"),
        ("max_k = 7\nmax_k = 8", r"lsr.toml:2: is not TOML: Cannot overwrite a value"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "lsr.toml").write_text(text)
    with pytest.raises(InputError, match=told):
        ServiceSettings.from_env(tmp_path / "lsr.toml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"there is no file .*nothing\.toml"):
        ServiceSettings.from_env(tmp_path / "nothing.toml")
    with pytest.raises(InputError, match="is a folder"):
        ServiceSettings.from_env(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"\nrerank = '\xe9'")
    with pytest.raises(InputError, match=r"latin.toml:2: is not UTF-8"):
        ServiceSettings.from_env(tmp_path / "latin.toml")


def test_what_is_logged_of_settings_is_what_was_changed_and_no_secret() -> None:
    settings = ServiceSettings(max_k=7, queue=64, tracing="https://me:hidden@traces.example:4318/v1/traces")
    assert settings.changed() == {"max_k": 7, "tracing": "https://traces.example:4318/v1/traces"}
    for url in ("ftp://me:hidden@traces.example", "https://traces.example/?token=hidden", "https://a.example/#hidden"):
        with pytest.raises(InputError) as refused:
            ServiceSettings(tracing=url)
        assert "hidden" not in str(refused.value)


def test_a_variable_that_is_nearly_a_setting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LSR_QUEU", "LSR_MAX_KS", "LSR_QUEUE", "LSR_KEY", "LSR_CACHE_DIR", "LSR_SERVICE_HOST", "LSR_PORT"):
        monkeypatch.setenv(name, "7")
    assert ServiceSettings.misspelt() == {"LSR_MAX_KS": "LSR_MAX_K", "LSR_QUEU": "LSR_QUEUE"}


def test_every_setting_is_documented_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    rows = {}
    for line in page.splitlines():
        cells = [cell.strip(" `") for cell in line.split("|")]
        if len(cells) > 4 and cells[2].startswith("LSR_"):
            rows[cells[1]] = (cells[2], cells[3])
    assert set(rows) == set(ServiceSettings.model_fields)
    for name, field in ServiceSettings.model_fields.items():
        default = "none" if field.default in ((), "") else str(field.default).removesuffix(".0").lower()
        assert rows[name] == (f"LSR_{name.upper()}", default)
