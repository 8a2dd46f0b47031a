"""Copies of collections as they were at one moment, kept beside them."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from lsr.core.errors import ConflictError, LsrError, NotFoundError, OutputExistsError
from lsr.core.files import atomic_file, remove
from lsr.index import Index
from lsr.index.collection.copies import copy_collection
from lsr.index.format.manifest import has_manifest
from lsr.service.collections.jobs import Progress
from lsr.service.collections.root import Root
from lsr.service.names import check_name, is_name


class Snapshots:
    """The snapshots of a server's collections; those of one that was removed stay."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def of(self, collection: str) -> list[dict[str, Any]]:
        """What there is to say of the snapshots of a collection, the newest first; NotFoundError."""
        folder = self._folder(collection)
        names = [each.name for each in folder.iterdir() if is_name(each.name)] if folder.is_dir() else []
        if not names and collection not in self._root.names():
            self._root.find(collection)
        found = [self._described(collection, name) for name in names if has_manifest(folder / name)]
        return sorted(found, key=lambda each: str(each["taken"]), reverse=True)

    def new_name(self, collection: str, name: str | None) -> str:
        """The name of a snapshot to be made: as asked for, or of this moment. ConflictError if there is one."""
        if name is None:
            return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        check_name(name)
        if (self._folder(collection) / name).exists():
            raise ConflictError(f"there is a snapshot {name!r} of {collection!r} already: choose another name")
        return name

    def make(self, collection: str, name: str, progress: Progress) -> dict[str, Any]:
        """Copy a collection as it is now, while it is searched and written to; what there is to say of the copy."""
        source, folder = self._root.where() / collection, self._folder(collection)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            copy_collection(source, folder / name, progress=progress)
        except OutputExistsError as error:
            raise ConflictError(error.problem, remedies=error.remedies) from None
        return {"snapshot": name, **self._described(collection, name)}

    def restore(self, collection: str, name: str, new: str, progress: Progress) -> dict[str, Any]:
        """Make a collection of a snapshot, which stays."""
        source = self.find(collection, name)
        with self._root.making(new) as folder:
            copy_collection(source, folder, progress=progress)
        return {"collection": new, "documents": len(Index.open(self._root.where() / new).documents)}

    def size(self, collection: str, name: str) -> int | None:
        """Bytes of a snapshot."""
        self.find(collection, name)
        found: int | None = self._described(collection, name)["bytes"]
        return found

    def remove(self, collection: str, name: str) -> None:
        """NotFoundError if there is no such snapshot."""
        remove(self.find(collection, name))
        self._kept(collection, name).unlink(missing_ok=True)

    def find(self, collection: str, name: str) -> Path:
        """The folder of a snapshot. NotFoundError names those that there are."""
        path = self._folder(collection) / name
        if is_name(name) and has_manifest(path):
            return path
        there = ", ".join(repr(each["name"]) for each in self.of(collection)) or "none"
        raise NotFoundError(f"there is no snapshot {name!r} of {collection!r}; there are: {there}")

    def _folder(self, collection: str) -> Path:
        """Where the snapshots of a collection are, which need not be there any more; NotFoundError for no name."""
        if not is_name(collection):
            self._root.find(collection)
        return self._root.kept("snapshots", collection)

    def _described(self, collection: str, name: str) -> dict[str, Any]:
        path = self._folder(collection) / name
        taken = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
        said: dict[str, Any] = {"name": name, "taken": taken, "documents": None, "bytes": None}
        try:
            said |= self._counted(path, self._kept(collection, name))
        except (LsrError, OSError) as error:
            said["problem"] = f"it cannot be read ({type(error).__name__})"
        return said

    def _kept(self, collection: str, name: str) -> Path:
        return self._root.kept("counted", collection, f"{name}.json")

    @staticmethod
    def _counted(path: Path, kept: Path) -> dict[str, Any]:
        """Documents and bytes, kept as long as no file changes: to count them, a log of any length is read."""
        of = _known_by(path)
        with suppress(OSError, ValueError, TypeError, KeyError):
            known = json.loads(kept.read_bytes())
            if known["of"] == of:
                return {"documents": int(known["documents"]), "bytes": int(known["bytes"])}
        index = Index.open(path)
        counted = {"documents": len(index.documents), "bytes": index.describe()["bytes"]["total"]}
        # A process that reads may not write here, and another may write the same at the same time.
        with suppress(OSError, OutputExistsError):
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with atomic_file(kept, force=True) as written:
                written.write_text(json.dumps({**counted, "of": of}), encoding="utf-8")
        return counted


def _known_by(folder: Path) -> str:
    """What all files of a snapshot are known by, without reading them: it is another when one is changed or gone."""
    known = [
        [str(file.relative_to(folder)), found.st_ino, found.st_mtime_ns, found.st_size]
        for file in sorted(folder.rglob("*"))
        for found in [file.lstat()]
    ]
    return sha256(json.dumps(known).encode()).hexdigest()
