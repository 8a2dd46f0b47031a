"""The keys of a root, in a file."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from lsr.core.errors import InputError, NotFoundError
from lsr.core.files import atomic_file
from lsr.core.options import beneath, did_you_mean
from lsr.core.places import named
from lsr.core.structured import parse_json
from lsr.index.format.manifest import has_manifest
from lsr.service.keys.key import Key, now
from lsr.service.keys.roles import Role

_VERSION = 1


class Stamp(NamedTuple):
    """What a file is known by to be another than before."""

    written: int
    size: int
    number: int


class KeyStore:
    """The keys of a root: `ROOT/.service/keys.json`. Any process may change them, one at a time.

    The file holds digests alone, and only its owner may read it. Keys that were revoked stay in it: a root that had
    keys does not become one that is open to all.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._path = self.root / ".service" / "keys.json"

    @classmethod
    def of(cls, path: str | Path) -> KeyStore:
        """The keys of a root, or of the root that an index lies in."""
        return cls(root_of(path))

    def stamp(self) -> Stamp | None:
        """Changes whenever the file does; None where there is none."""
        try:
            status = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Stamp(status.st_mtime_ns, status.st_size, status.st_ino)

    def read(self) -> tuple[Key, ...]:
        """All keys, the oldest first. InputError for a file that is damaged."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except UnicodeDecodeError:
            raise InputError("is not UTF-8", source=str(self._path)) from None
        record = parse_json(text, str(self._path))
        if (
            not isinstance(record, dict)
            or record.get("version") != _VERSION
            or not isinstance(record.get("keys"), list)
        ):
            raise InputError("is not a file of keys that this version reads", source=str(self._path))
        found = []
        for number, each in enumerate(record["keys"]):
            try:
                with beneath(f"keys.{number}"):
                    found.append(Key.from_record(each))
            except InputError as error:
                raise InputError(error.reason, source=str(self._path), field=error.field) from None
        return tuple(found)

    def create(self, role: Role, **given: Any) -> tuple[str, Key]:
        """A new key, and what is known of it: see `Key`. The key itself is told here and never again."""
        secret, key = Key.create(role, **given)
        self._change(lambda keys: (*keys, key))
        return secret, key

    def revoke(self, id: str) -> Key:
        """Let a key open nothing any more. NotFoundError if there is none; nothing happens to one that was revoked."""
        revoked: list[Key] = []

        def change(keys: tuple[Key, ...]) -> Iterable[Key]:
            for key in keys:
                if key.id == id:
                    key = dataclasses.replace(key, revoked=key.revoked or now())
                    revoked.append(key)
                yield key
            if not revoked:
                raise NotFoundError(f"there is no key {id!r}{did_you_mean(id, [key.id for key in keys])}")

        self._change(change)
        return revoked[0]

    def _change(self, change: Callable[[tuple[Key, ...]], Iterable[Key]]) -> None:
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        with FileLock(self._path.with_suffix(".lock"), mode=0o600):
            records = [{**key.to_record(), "digest": key.digest} for key in change(self.read())]
            with atomic_file(self._path, force=True) as temporary:
                os.chmod(temporary, 0o600)  # noqa: PTH101 - before there is anything in it
                temporary.write_text(json.dumps({"version": _VERSION, "keys": records}, indent=1), encoding="utf-8")


def root_of(path: str | Path) -> Path:
    """The root of what is served: the folder itself, or the one that it lies in if it is an index."""
    path = Path(path)
    return named(path).absolute().parent if has_manifest(path) else path
