"""Keeping a collection in step with a folder of files."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from lsr.collection.collection import Collection
from lsr.collection.encoding import Refused
from lsr.collection.folder_state import FolderState, KnownFile, Signature
from lsr.collection.resting import Resting
from lsr.core.chunks import chunks
from lsr.core.counted import counted
from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.text.folder_corpus import FolderCorpus, FolderListing
from lsr.text.reports import SkipReport

# Documents that are read, compared and made safe together.
_BATCH, _BATCH_CHARACTERS = 256, 1 << 22
# How often as long as a file has to rest one synchronisation waits for files that do not.
_PATIENCE = 10


@dataclass(slots=True)
class Synced:
    """What became of a folder's documents.

    Attributes:
        created: documents that were new in the collection; replaced: that were there, and another; deleted: that are no
            longer in the folder.
        refused: documents that were not written, each with its reason.
        problems: files and lines that could not be read, in words: told once, until the file changes.
        waiting: files that are being written, and were left for the next time.
        unread: how many files there are of kinds that are not read.
    """

    created: int = 0
    replaced: int = 0
    deleted: int = 0
    refused: list[Refused] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    unread: int = 0

    @property
    def changed(self) -> bool:
        """Whether the collection is another than before."""
        return bool(self.created or self.replaced or self.deleted)

    def add(self, other: Synced) -> None:
        """Take in what another one did, after this."""
        self.created += other.created
        self.replaced += other.replaced
        self.deleted += other.deleted
        self.refused += other.refused
        self.problems += other.problems
        self.waiting, self.unread = other.waiting, other.unread


def sync(
    collection: Collection,
    folder: str | Path,
    *,
    rest: float = 1.0,
    stop: threading.Event | None = None,
    progress: Callable[[int], None] | None = None,
) -> Synced:
    """Bring a collection in step with a folder of files, once; return what became of the documents.

    The documents are those of `lsr index FOLDER`: files are documents, and files of records have many. Those that are
    new or changed are added, those that have gone from the folder since the last time are deleted; what did not come
    from the folder is left alone. What is known of the folder is kept in the collection's; without it, files are read
    again, and what the collection holds already is not encoded again.

    Args:
        rest: seconds for which a file must not have changed; one that is still written after ten times that is left for
            the next time, and told as `waiting`. 0 takes every file as it is.
        stop: ends it, once set, between two batches.
        progress: called with the number of documents just encoded.

    InputError if there is no such folder. Every batch is on the disk before the next.
    """
    stop = stop or threading.Event()
    with FolderSync(collection, folder, rest=rest, progress=progress) as syncing:
        done, until = syncing.round(stop), time.monotonic() + _PATIENCE * rest
        while done.waiting and time.monotonic() < until and not stop.wait(rest / 4):
            done.add(syncing.round(stop))
        return done


def watch(
    collection: Collection,
    folder: str | Path,
    *,
    interval: float = 2.0,
    rest: float = 1.0,
    stop: threading.Event,
    told: Callable[[Synced], None],
) -> None:
    """Keep a collection in step with a folder, until `stop` is set.

    The folder is looked at every `interval` seconds; `told` is called with what was done or went wrong, if anything.
    Raises as `sync` if the folder is not there at first; if it goes later, that is told as a problem, and nothing is
    deleted.
    """
    with FolderSync(collection, folder, rest=rest) as syncing:
        syncing.corpus.listing()
        missing = False
        while not stop.is_set():
            try:
                done = syncing.round(stop)
                missing = False
            except InputError as error:
                done = Synced() if missing else Synced(problems=[str(error)])
                missing = True
            if done.changed or done.problems or done.refused:
                told(done)
            stop.wait(interval)


class FolderSync:
    """A folder and a collection, synchronised round by round; a context manager.

    Attributes:
        corpus: the folder.
    """

    def __init__(
        self,
        collection: Collection,
        folder: str | Path,
        *,
        rest: float,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.corpus = FolderCorpus(folder, without=collection.path)
        self._collection, self._progress = collection, progress
        self._resting = Resting(rest)
        self._state = FolderState(collection.path, self.corpus.path)
        # What was told of files that cannot be opened, which may be opened later without being changed.
        self._told: set[str] = set()
        # Whether what is known is true of the collection: nobody else wrote to it since.
        self._agrees = False
        self._written = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if error is None and self._agrees and self._written == self._collection.written:
                self._settle()  # memory may have become a segment since: that is no other collection
        finally:
            self._state.close()

    def _settle(self) -> None:
        """Say that what is known is true of the collection as it is now."""
        moment = self._collection.moment
        if self._state.moment != moment:
            self._state.settle(moment)
        self._written = self._collection.written

    def round(self, stop: threading.Event) -> Synced:
        """Look at every file once; take those that have changed and rest. InputError if there is no such folder."""
        try:
            return self._round(stop)
        except sqlite3.DatabaseError as error:
            # What was known is damaged, or gone: it is found out again.
            self._state.discard(error)
            self._agrees = False
            return self._round(stop)

    def _round(self, stop: threading.Event) -> Synced:
        listing, done = self.corpus.listing(), Synced()
        done.unread = listing.report.files_unread.total()
        troubles = list(listing.report.messages)
        if not self._agrees:
            if self._state.moment != self._collection.moment:
                self._state.distrust()
            self._agrees = True
        known = self._state.files()
        for path in known:
            if path not in listing.files and not _is_below(path, listing.closed):
                self._state.forget(path)
        ranks = {path: rank for rank, path in enumerate(listing.files)}
        for name, path in listing.files.items():
            if stop.is_set():
                return done
            try:
                found = self._changed(name, path, known.get(name), done)
            except FileNotFoundError:
                continue  # since it was listed: the next round sees that
            except OSError as error:
                troubles.append(f"{path}: cannot be read: {error.strerror or error}")
                continue
            if found is not None:
                self._take_file(name, path, found, ranks, done, stop)
        done.problems += [each for each in troubles if each not in self._told]
        self._told = set(troubles)
        self._delete(listing, ranks, done, stop)
        if not stop.is_set():
            self._settle()
        return done

    def _changed(self, name: str, path: Path, known: KnownFile | None, done: Synced) -> KnownFile | None:
        """A file that is to be read, as it is now; None if it is as it is known, or does not rest."""
        signature = Signature.of(path)
        if known is not None and known.signature == signature:
            return None
        if not self._resting.rests(path):
            done.waiting.append(name)
            return None
        found = KnownFile(signature, _digest(path))
        if known is not None and known.digest == found.digest:
            self._state.read(name, found, None)
            return None
        return found

    def _take_file(
        self, name: str, path: Path, found: KnownFile, ranks: dict[str, int], done: Synced, stop: threading.Event
    ) -> None:
        """Put the documents of a file into the collection, and note which they are."""
        report = SkipReport()
        ids = self._take(name, path, report, ranks, done, stop)
        if stop.is_set():
            return
        if not path.exists() or Signature.of(path) != found.signature:
            done.waiting.append(name)  # it was written to while it was read
            return
        more = report.count - len(report.messages)
        done.problems += report.messages + ([f"{name}: and {more:,} more"] if more > 0 else [])
        # What could not be read may be a document that was there before: nothing of the file is deleted then.
        self._state.read(name, found, None if report.count else ids)

    def _take(
        self,
        name: str,
        path: Path,
        report: SkipReport,
        ranks: dict[str, int],
        done: Synced,
        stop: threading.Event,
        only: set[str] | None = None,
    ) -> set[str]:
        """Put the documents of a file into the collection, `only` those of these ids; the ids of all."""
        ids: set[str] = set()
        stream = self.corpus.documents(path, report)
        for batch in chunks(stream, _BATCH, _BATCH_CHARACTERS, lambda document: document.size):
            if stop.is_set():
                break
            self._state.claim(name, [document.id for document in batch])
            twice = [document.id for document in batch if not self._is_first(document.id, name, ranks)]
            if twice and only is None:
                done.problems.append(
                    f"{name}: {counted(len(twice), 'ids')} of earlier files, as {twice[0]!r}: left out"
                )
            wanted = _ids_of(batch).difference(twice) if only is None else only.difference(twice)
            self._add([document for document in batch if document.id in wanted], done)
            # Whatever other file had them, they are of this one now.
            self._state.settled(wanted & _ids_of(batch))
            ids |= _ids_of(batch)
        return ids

    def _is_first(self, id: str, name: str, ranks: dict[str, int]) -> bool:
        """Whether no file before this one has a document of this id: as for `lsr index`, the first one counts."""
        mine = ranks[name]
        return all(ranks.get(each, mine) >= mine for each in self._state.holders(id))

    def _add(self, documents: Iterable[Document], done: Synced) -> None:
        """Add those that the collection does not hold as they are."""
        changed = [document for document in documents if not _is_same(self._collection.get(document.id), document)]
        if changed:
            added = self._collection.add(changed, progress=self._progress)
            done.created += added.created
            done.replaced += added.replaced
            done.refused += added.refused

    def _delete(self, listing: FolderListing, ranks: dict[str, int], done: Synced, stop: threading.Event) -> None:
        """Delete what no file has any more; where another file has it, it is that one's document from now on."""
        leaving = self._state.leaving()
        others: dict[str, set[str]] = {}
        gone = []
        for id in leaving:
            holders = [each for each in self._state.holders(id) if each in ranks]
            if holders:
                others.setdefault(min(holders, key=ranks.__getitem__), set()).add(id)
            elif not self._state.holders(id):
                gone.append(id)
        for name, ids in others.items():
            self._take(name, listing.files[name], SkipReport(), ranks, done, stop, only=ids)
        for first in range(0, len(gone), _BATCH):
            if stop.is_set():
                return
            done.deleted += self._collection.delete(gone[first : first + _BATCH]).deleted
            self._state.settled(gone[first : first + _BATCH])
        if not stop.is_set():
            self._state.settled([id for ids in others.values() for id in ids])


def _is_same(held: Document | None, document: Document) -> bool:
    """Whether the collection has a document as it is, but for the day of a file whose contents are the same."""
    if held is None or held == document:
        return held is not None
    if document.fields.get("path") != document.id:
        return False
    day = {"modified": document.fields.get("modified")}
    return Document(held.id, held.text, held.title, {**held.fields, **day}) == document


def _ids_of(documents: Iterable[Document]) -> set[str]:
    return {document.id for document in documents}


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or folder == "." or path.startswith(f"{folder}/") for folder in folders)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
