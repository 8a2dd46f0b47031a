"""`lsr keys`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lsr.service.http.secrets import KEY


def test_a_key_is_made_listed_and_revoked(run: Any, tmp_path: Path) -> None:
    code, secret, said = run("keys", "create", ".", "--role", "write", "--name", "import", "--collection", "books")
    found = KEY.fullmatch(secret.strip())
    assert code == 0 and found and "not shown again" in said and "no collection books yet" in said
    code, listed, _ = run("keys", "list", tmp_path)
    assert code == 0 and listed == f"{found[1]}  write · books · import\n"
    assert run("keys", "revoke", ".", found[1])[:2] == (0, "")
    assert "was revoked on" in run("keys", "list", ".")[1]
    [record] = json.loads(run("keys", "list", ".", "--json")[1])["keys"]
    assert record["id"] == found[1] and record["revoked"] and "digest" not in record
    assert found[0] not in (tmp_path / ".service" / "keys.json").read_text()


def test_limits_and_an_end(run: Any) -> None:
    given = ("--requests-per-minute", 60, "--bytes-per-minute", 1000000, "--expires", "90d")
    made = json.loads(run("keys", "create", ".", *given, "--json")[1])
    assert KEY.fullmatch(made["key"]) and made["role"] == "read" and made["collections"] == []
    listed = run("keys", "list", ".")[1]
    assert "60 requests a minute · 1,000,000 bytes a minute · until " in listed
    assert run("keys", "create", ".", "--expires", "2099-01-31")[0] == 0
    assert "until 2099-01-31" in run("keys", "list", ".")[1]


def test_the_root_of_an_index_is_where_its_keys_are(run: Any, toy_index: Path, tmp_path: Path) -> None:
    Path("books").symlink_to(toy_index)
    assert run("keys", "create", "books")[0] == 0
    assert (tmp_path / ".service" / "keys.json").exists()
    assert run("keys", "list", ".")[1].endswith("read · all collections\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", "nowhere"), "there is no folder nowhere"),
        (("create", ".", "--role", "owner"), "'owner' is not one of"),
        (("create", ".", "--expires", "soon"), "'soon' is no moment"),
        (("create", ".", "--expires", "2001-01-01"), "2001-01-01 is over"),
        (("create", ".", "--expires", "9999-12-31T23:59:59-23:00"), "is no moment"),
        (("create", ".", "--expires", "0001-01-01T00:00:00+14:00"), "is no moment"),
        (("create", ".", "--collection", "../a"), "'../a' is not the name of a collection"),
        (("create", ".", "--requests-per-minute", 0), "requests-per-minute"),
        (("revoke", ".", "abc"), "there is no key 'abc'"),
        (("revoke", "."), "ID"),
        (("lst", "."), "No such command 'lst'"),
    ],
)
def test_what_is_wrong_is_said(run: Any, tmp_path: Path, arguments: tuple[object, ...], told: str) -> None:
    code, out, err = run("keys", *arguments)
    assert code == 2 and told in err and out == ""
    assert not (tmp_path / ".service" / "keys.json").exists()


def test_no_keys(run: Any) -> None:
    assert run("keys", "list", ".") == (0, "", run("keys", "list", ".")[2])
    assert "there are no keys" in run("keys", "list", ".")[2]
    assert json.loads(run("keys", "list", ".", "--json")[1]) == {"keys": []}


def test_settings_of_a_file_that_are_wrong_are_said_before_anything_is_served(run: Any, toy_index: Path) -> None:
    Path("lsr.toml").write_text("max_kk = 7\n")
    code, _, err = run("serve", toy_index, "--config", "lsr.toml")
    assert code == 2 and "lsr.toml: field 'max_kk': there is no such setting; did you mean max_k?" in err
