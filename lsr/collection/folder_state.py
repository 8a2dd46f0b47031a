"""What is known of a folder that a collection is kept in step with: its files, and which documents came of them.

An SQLite file in the collection's folder. It may be lost: then every file is read again, what the collection already
holds is not encoded again, and documents of files that have gone meanwhile stay.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from lsr.core.errors import LsrError

_VERSION = 1
# What SQLite says of a file that is none of its own, or not as it was written, or lacks a table.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_TABLES = """
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, digest TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (id TEXT, path TEXT, PRIMARY KEY (id, path)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS documents_by_path ON documents (path);
CREATE TABLE IF NOT EXISTS leaving (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""
_JOURNAL = "-journal"
_SUFFIXES = ("", _JOURNAL, "-wal", "-shm")
# At the end of a journal that names another one, which SQLite removes when it has rolled back: as it is said in
# https://sqlite.org/fileformat.html. Only transactions over several databases have that.
_NAMES_ANOTHER = bytes.fromhex("d9d505f920a163d7")


class Signature(NamedTuple):
    """What tells without reading that a file has changed: its size in bytes, and its time in nanoseconds."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> Signature:
        """That of a file as it is now. OSError if it is not there."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)


class KnownFile(NamedTuple):
    """A file as it was when it was last read; `digest`: SHA-256 of its bytes. None where it is to be read again."""

    signature: Signature | None
    digest: str | None


class FolderState:
    """The state of one folder, in a collection's. A context manager, which closes it. For one thread.

    Every change is on the disk when it has returned, or none of it.
    """

    def __init__(self, collection: Path, folder: Path) -> None:
        """Open it, or begin anew if there is none, or none that can be read."""
        name = sha256(str(folder.resolve()).encode(errors="surrogateescape")).hexdigest()[:16]
        self.path = collection / f"folder-{name}.sqlite"
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            self.discard(error)

    def _check_files(self) -> None:
        """DatabaseError for files that a stranger's collection has and this class does not make: SQLite, which would
        follow a link, wait for a pipe and do as a journal says, is not to see them.
        """
        for suffix in _SUFFIXES:
            path = Path(f"{self.path}{suffix}")
            if not os.path.lexists(path):
                continue
            if suffix not in ("", _JOURNAL) or not stat.S_ISREG(path.lstat().st_mode):
                raise sqlite3.DatabaseError(f"{path}: not a file of this state")
            if suffix == _JOURNAL:
                with path.open("rb") as file:
                    file.seek(max(path.stat().st_size - len(_NAMES_ANOTHER), 0))
                    if file.read() == _NAMES_ANOTHER:
                        raise sqlite3.DatabaseError(f"{path}: names another journal")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def discard(self, error: sqlite3.DatabaseError) -> None:
        """Begin anew: nothing is known. LsrError if the error does not say that the file is damaged: of a full disk."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code not in _DAMAGE:
            raise LsrError(f"{self.path}: {error}", remedies=["make room there, or see who may write there"]) from error
        with suppress(AttributeError, sqlite3.Error):
            self._connection.close()
        for suffix in _SUFFIXES:
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        self._open()

    def _open(self) -> None:
        self._check_files()
        self._connection = sqlite3.connect(self.path, isolation_level=None)
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"a state of version {version}")
        self._connection.executescript(f"{_TABLES} PRAGMA user_version = {_VERSION};")
        if _schema(self._connection) != _expected_schema():
            raise sqlite3.DatabaseError("views or triggers, or tables of other columns")
        (problem,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)

    @contextmanager
    def _together(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # -- what the collection was like ----------------------------------------------------------------------------------

    @property
    def moment(self) -> str | None:
        """The moment of the collection at which all of this was true; None for none."""
        found = self._connection.execute("SELECT value FROM facts WHERE name = 'moment'").fetchone()
        return None if found is None else str(found[0])

    def settle(self, moment: str) -> None:
        """Say that all of this is true of the collection as it is at this moment."""
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES ('moment', ?)", (moment,))

    def distrust(self) -> None:
        """Let every file be read again: the collection is another than it was left as."""
        self._connection.execute("UPDATE files SET size = NULL, mtime_ns = NULL, digest = NULL")

    # -- files ---------------------------------------------------------------------------------------------------------

    def files(self) -> dict[str, KnownFile]:
        """The files that are known, by path."""
        found = self._connection.execute("SELECT path, size, mtime_ns, digest FROM files").fetchall()
        return {
            path: KnownFile(None if size is None else Signature(size, mtime), digest)
            for path, size, mtime, digest in found
        }

    def claim(self, documents: Sequence[tuple[str, str]]) -> None:
        """Say, with ids and paths, which files have which documents, before these are added to the collection."""
        with self._together() as connection:
            paths = {path for _, path in documents}
            connection.executemany("INSERT OR IGNORE INTO files (path) VALUES (?)", ((path,) for path in paths))
            connection.executemany("INSERT OR IGNORE INTO documents VALUES (?, ?)", documents)

    def read(self, files: Mapping[str, tuple[KnownFile, set[str] | None]], settled: Iterable[str] = ()) -> None:
        """Say that files were read, with the ids of all their documents, or None where some may not have been seen.

        `settled`: ids of documents that are those of a file, whether another one lost them or not.
        """
        with self._together() as connection:
            for path, (known, ids) in files.items():
                values = (path, *(known.signature or (None, None)), known.digest)
                connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", values)
                if ids is None:
                    continue
                before = connection.execute("SELECT id FROM documents WHERE path = ?", (path,)).fetchall()
                gone = [(id, path) for (id,) in before if id not in ids]
                connection.executemany("INSERT OR IGNORE INTO leaving VALUES (?)", ((id,) for id, _ in gone))
                connection.executemany("DELETE FROM documents WHERE id = ? AND path = ?", gone)
            connection.executemany("DELETE FROM leaving WHERE id = ?", ((id,) for id in settled))

    def forget(self, paths: Iterable[str]) -> None:
        """Say that files are gone."""
        gone = [(path,) for path in paths]
        if not gone:
            return
        with self._together() as connection:
            connection.executemany("INSERT OR IGNORE INTO leaving SELECT id FROM documents WHERE path = ?", gone)
            connection.executemany("DELETE FROM documents WHERE path = ?", gone)
            connection.executemany("DELETE FROM files WHERE path = ?", gone)

    # -- documents -----------------------------------------------------------------------------------------------------

    def holders(self, id: str) -> list[str]:
        """The files that have a document of this id."""
        return [path for (path,) in self._connection.execute("SELECT path FROM documents WHERE id = ?", (id,))]

    def leaving(self) -> list[str]:
        """Ids of documents that a file does not have any more."""
        return [id for (id,) in self._connection.execute("SELECT id FROM leaving ORDER BY id")]

    def settled(self, ids: Iterable[str]) -> None:
        """Say that what became of documents that were leaving is settled."""
        gone = [(id,) for id in ids]
        if gone:
            with self._together() as connection:
                connection.executemany("DELETE FROM leaving WHERE id = ?", gone)


def _schema(connection: sqlite3.Connection) -> list[tuple[str, str, str | None]]:
    return connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()


@cache
def _expected_schema() -> list[tuple[str, str, str | None]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_TABLES)
        return _schema(connection)
