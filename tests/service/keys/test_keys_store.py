"""The file of keys: what is in it, who may read it, and what becomes of it under many hands."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lsr.core.errors import InputError, NotFoundError
from lsr.service.http.secrets import KEY, without_keys
from lsr.service.keys.key import Key, digest_of
from lsr.service.keys.keyring import Keyring
from lsr.service.keys.roles import Role
from lsr.service.keys.store import KeyStore, root_of


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path)


def test_a_key_is_known_again_by_its_digest_alone(store: KeyStore, tmp_path: Path) -> None:
    secret, made = store.create(
        Role.WRITE, name="import", collections=("books",), requests_per_minute=60, bytes_per_minute=1000
    )
    found = KEY.fullmatch(secret)
    assert found and found[1] == made.id
    assert store.read() == (made,)
    assert made.is_of(secret) and not made.is_of(secret[:-1] + "~")
    assert made.digest == digest_of(secret)
    file = tmp_path / ".service" / "keys.json"
    text = file.read_text()
    assert secret not in text and secret.rpartition("_")[2] not in text
    assert json.loads(text)["keys"][0]["role"] == "write"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_secrets_are_256_bits_and_none_is_like_another() -> None:
    secrets = {Key.create(Role.READ)[0] for _ in range(200)}
    assert len(secrets) == 200
    assert {len(secret) for secret in secrets} == {4 + 10 + 1 + 43}  # 43 of 64 characters: 256 bits, and two more
    assert all(KEY.fullmatch(secret) for secret in secrets)


def test_a_secret_is_taken_out_of_any_text() -> None:
    secret, key = Key.create(Role.READ)
    assert without_keys(f"/v1/documents/{secret}?a={secret}") == f"/v1/documents/lsr_{key.id}_…?a=lsr_{key.id}_…"
    assert without_keys("nothing of lsr_ in it") == "nothing of lsr_ in it"


def test_revoked_keys_stay_and_are_told(store: KeyStore) -> None:
    _, first = store.create(Role.READ)
    _, second = store.create(Role.READ)
    revoked = store.revoke(first.id)
    assert store.read() == (revoked, second)
    assert revoked.over.startswith("was revoked on ") and not second.over
    assert store.revoke(first.id) == revoked
    with pytest.raises(NotFoundError, match=f"there is no key '{second.id[:-1]}'; did you mean {second.id}"):
        store.revoke(second.id[:-1])


def test_keys_end_when_they_expire(store: KeyStore) -> None:
    now = datetime.now(UTC)
    assert Key.create(Role.READ, expires=now - timedelta(seconds=1))[1].over.startswith("expired on ")
    assert not Key.create(Role.READ, expires=now + timedelta(days=1))[1].over


def test_many_hands_lose_no_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: KeyStore(tmp_path).create(Role.READ)[1].id, range(24)))
    assert sorted(key.id for key in KeyStore(tmp_path).read()) == sorted(made)
    assert {path.name for path in (tmp_path / ".service").iterdir()} <= {"keys.json", "keys.lock"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"collections": ("../etc",)}, "collections"),
        ({"collections": ("",)}, "collections"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a" * 200}, "name"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"bytes_per_minute": -1}, "bytes_per_minute"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_written(
    store: KeyStore, tmp_path: Path, given: dict[str, object], field: str
) -> None:
    with pytest.raises(InputError) as refused:
        store.create(Role.READ, **given)
    assert refused.value.field == field
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", '{"version": 2, "keys": []}', '{"version": 1}', '{"version": 1, "keys": [{}]}', "\udcff"],
)
def test_a_damaged_file_is_named_and_opens_nothing(store: KeyStore, tmp_path: Path, damage: str) -> None:
    secret, _ = store.create(Role.ADMIN)
    keyring = Keyring(store)
    file = tmp_path / ".service" / "keys.json"
    file.write_bytes(damage.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=r"keys\.json"):
        store.read()
    with pytest.raises(InputError):
        Keyring(store)
    with pytest.raises(InputError):
        store.create(Role.READ)
    assert file.read_bytes() == damage.encode(errors="surrogateescape")
    # A server that runs goes on with what it knew.
    assert keyring.asked and keyring.find(f"Bearer {secret}").key is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expires", "2030-01-01"),
        ("revoked", 5),
        ("created", "yesterday"),
        ("digest", "é" * 64),
        ("digest", "a"),
        ("id", "../x"),
        ("collections", "books"),
        ("collections", ["../x"]),
        ("requests_per_minute", 1.5),
        ("bytes_per_minute", True),
        ("role", "owner"),
    ],
)
def test_a_record_that_no_key_has_is_refused(store: KeyStore, tmp_path: Path, field: str, value: object) -> None:
    store.create(Role.READ)
    file = tmp_path / ".service" / "keys.json"
    whole = json.loads(file.read_text())
    whole["keys"][0][field] = value
    file.write_text(json.dumps(whole))
    with pytest.raises(InputError, match=r"keys\.json: field 'keys\.0"):
        store.read()


def test_a_server_whose_keys_are_removed_does_not_open(store: KeyStore, tmp_path: Path) -> None:
    secret, _ = store.create(Role.READ)
    keyring = Keyring(store)
    (tmp_path / ".service" / "keys.json").unlink()
    assert keyring.asked
    assert keyring.find(f"Bearer {secret}").key is None
    assert not Keyring(store).asked


def test_the_root_is_the_folder_or_the_one_above_an_index(toy_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert root_of(toy_index.parent) == toy_index.parent
    assert root_of(toy_index) == toy_index.parent
    monkeypatch.chdir(toy_index)
    assert root_of(".") == toy_index.parent
    monkeypatch.chdir(toy_index.parent)
    assert root_of(toy_index.name) == toy_index.parent
