"""Other names of collections, each of one collection at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from lsr.core.errors import ConflictError, IndexFormatError, NotFoundError
from lsr.service.collections.kept import read_kept, write_kept


class Aliases:
    """The aliases in a file, by name; what another process writes there is seen. For any number of threads."""

    def __init__(self, path: Path | None) -> None:
        """`path`: None where nothing is kept, and there are none."""
        self._path = path
        # Of which file, and what is in it: together, for several threads read it while another writes.
        self._known: tuple[tuple[int, int] | None, dict[str, str]] = (None, {})

    def all(self) -> dict[str, str]:
        """The collection of each alias. IndexFormatError for a damaged file."""
        if self._path is None:
            return {}
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        stamp = status.st_mtime_ns, status.st_ino
        known, names = self._known
        if stamp != known:
            found = read_kept(self._path) or {}
            if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
                raise IndexFormatError(f"{self._path}: not names of collections by alias", remedies=["restore it"])
            names = found
            self._known = stamp, names
        return names

    def of(self, collection: str) -> list[str]:
        """The aliases of a collection, in the order of their letters."""
        return sorted(alias for alias, name in self.all().items() if name == collection)

    def put(self, alias: str, collection: str) -> None:
        """Let an alias stand for a collection from now on: a search finds the one before or this one."""
        with self._alone() as path:
            write_kept(path, dict(sorted({**self.all(), alias: collection}.items())))

    def remove(self, alias: str) -> None:
        """NotFoundError if there is no such alias."""
        with self._alone() as path:
            known = dict(self.all())
            if known.pop(alias, None) is None:
                raise NotFoundError(f"there is no alias {alias!r}")
            write_kept(path, known)

    @contextmanager
    def _alone(self) -> Iterator[Path]:
        """The file, which nobody else changes meanwhile, of this process or another."""
        if self._path is None:
            raise ConflictError("this server keeps nothing, and no aliases: start it with a folder")
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        with FileLock(self._path.with_suffix(".lock"), mode=0o600):
            yield self._path
