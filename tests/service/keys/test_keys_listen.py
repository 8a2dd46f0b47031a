"""Where a server listens: not beyond its own machine without keys, unless someone insists."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from lsr.cli.remedies import in_flags
from lsr.core.errors import InputError
from lsr.service import ServiceSettings, serve, server
from lsr.service.keys.roles import Role
from lsr.service.keys.store import KeyStore
from lsr.service.listening import logs


class _Heard(Exception):
    """Raised in place of listening: what would have been listened on."""

    def __init__(self, host: str) -> None:
        self.host = host


@pytest.fixture
def listened(monkeypatch: pytest.MonkeyPatch, toy_index: Path, tmp_path: Path) -> Any:
    """Call `serve` with a host and settings, over a link to the index in an empty root: the host that it listens on."""
    (tmp_path / "books").symlink_to(toy_index)

    def listen(host: str, port: int) -> Any:
        raise _Heard(host)

    monkeypatch.setattr(server, "_listen", listen)

    def call(host: str, **settings: Any) -> str:
        with pytest.raises(_Heard) as heard:
            serve(tmp_path / "books", ServiceSettings(**settings), host=host)
        return heard.value.host

    return call


@pytest.mark.parametrize(
    ("host", "without_keys"),
    [
        ("0.0.0.0", "127.0.0.1"), ("192.0.2.1", "127.0.0.1"), ("example.org", "127.0.0.1"), ("::", "::1"),
        ("2001:db8::1", "::1"), ("127.0.0.1", "127.0.0.1"), ("127.0.0.5", "127.0.0.5"), ("::1", "::1"),
        ("localhost", "localhost"),
    ],
)  # fmt: skip
def test_without_keys_only_this_machine_is_listened_to(
    listened: Any, tmp_path: Path, host: str, without_keys: str
) -> None:
    assert listened(host) == without_keys
    assert listened(host, anonymous=True) == host
    _, key = KeyStore(tmp_path).create(Role.READ)
    assert listened(host) == host
    KeyStore(tmp_path).revoke(key.id)
    assert listened(host) == host  # nobody can ask, but that is what the keys say


def test_keys_beside_anonymous_are_a_contradiction(toy_index: Path, tmp_path: Path) -> None:
    (tmp_path / "books").symlink_to(toy_index)
    KeyStore(tmp_path).create(Role.READ)
    with pytest.raises(InputError, match=r"anonymous.*there are keys"):
        serve(tmp_path / "books", ServiceSettings(anonymous=True))


def test_damaged_keys_keep_a_server_from_starting(toy_index: Path, tmp_path: Path) -> None:
    (tmp_path / "books").symlink_to(toy_index)
    (tmp_path / ".service").mkdir()
    (tmp_path / ".service" / "keys.json").write_text("{")
    with pytest.raises(InputError, match=r"keys\.json:1: is not JSON"):
        serve(tmp_path / "books", ServiceSettings())


def test_the_log_says_why_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, toy_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "books").symlink_to(toy_index)
    monkeypatch.setattr(server.Server, "run", lambda self, sockets: None)
    loggers = [logging.getLogger(name) for name in logs._LOGGERS]
    before = [(each.handlers, each.level, each.propagate) for each in loggers]
    try:
        serve(tmp_path / "books", ServiceSettings(max_k=7), host="0.0.0.0", port=0, wording=in_flags)
        said = capsys.readouterr().err
        assert "listening on http://127.0.0.1:" in said and "settings: max_k=7" in said
        assert "not on 0.0.0.0: there are no keys" in said and f"`lsr keys create {tmp_path / 'books'}`" in said
        serve(tmp_path / "books", ServiceSettings(anonymous=True), host="0.0.0.0", port=0)
        assert "anyone who can reach 0.0.0.0 may ask, without a key" in capsys.readouterr().err
    finally:
        for each, (handlers, level, propagate) in zip(loggers, before, strict=True):
            each.handlers, each.level, each.propagate = handlers, level, propagate
