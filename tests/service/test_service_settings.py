from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest

from lsr.core.errors import InputError
from lsr.service import ServiceSettings


def test_environment_gives_what_the_caller_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSR_MAX_K", "7")
    monkeypatch.setenv("LSR_WORKERS", "3")
    monkeypatch.setenv("LSR_REQUEST_TIMEOUT", "0.5")
    monkeypatch.setenv("LSR_CORS_ORIGINS", "https://a.example, https://b.example")
    monkeypatch.setenv("LSR_LOG_FORMAT", "json")
    settings = ServiceSettings.from_env(workers=5, queue=None)
    assert settings == ServiceSettings(
        max_k=7,
        workers=5,
        request_timeout=0.5,
        cors_origins=("https://a.example", "https://b.example"),
        log_format="json",
    )


def test_zero_workers_means_one_a_core() -> None:
    assert ServiceSettings().threads == os.cpu_count()
    assert ServiceSettings(workers=3).threads == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_k", 0), ("queue", -1), ("request_timeout", 0.0), ("request_timeout", float("nan")), ("log_format", "xml")],
)
def test_senseless_values_are_refused(name: str, value: object) -> None:
    with pytest.raises(InputError, match=name):
        ServiceSettings(**{name: value})  # type: ignore[arg-type]


def test_a_variable_that_is_not_a_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSR_QUEUE", "many")
    with pytest.raises(InputError, match=r"LSR_QUEUE.*'many'"):
        ServiceSettings.from_env()


def test_every_setting_is_documented_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    rows = {}
    for line in page.splitlines():
        cells = [cell.strip(" `") for cell in line.split("|")]
        if len(cells) > 4 and cells[2].startswith("LSR_"):
            rows[cells[1]] = (cells[2], cells[3])
    assert set(rows) == {field.name for field in fields(ServiceSettings)}
    for field in fields(ServiceSettings):
        default = "none" if field.default in ((), "") else str(field.default).removesuffix(".0")
        assert rows[field.name] == (f"LSR_{field.name.upper()}", default)
