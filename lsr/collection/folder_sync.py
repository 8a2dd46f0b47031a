"""One folder and one collection, brought in step round by round."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from lsr.collection.collection import Collection
from lsr.collection.folder_state import FolderState, KnownFile, Signature
from lsr.collection.outcomes import Refused
from lsr.collection.resting import Resting
from lsr.core.counted import counted
from lsr.core.documents import Document
from lsr.text.folder_corpus import FolderCorpus, FolderListing
from lsr.text.reports import SkipReport

# Documents, of however many files, that are encoded and made safe together.
_BATCH, _BATCH_CHARACTERS = 256, 1 << 22


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


class FolderSync:
    """A folder and a collection; a context manager. For one thread.

    What is read is taken in batches. Of each, first which file has which documents is noted, then the documents are
    added, and then the files are noted as read: so nothing that was added is forgotten, whenever this ends.

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
        self._begin_batch()

    def _begin_batch(self) -> None:
        self._documents: list[Document] = []
        self._characters = 0
        # Which files have documents of an id, and which were read, with the ids of all their documents.
        self._claims: dict[str, list[str]] = {}
        self._read: dict[str, tuple[KnownFile, set[str] | None]] = {}

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

    # -- a round -------------------------------------------------------------------------------------------------------

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
        self._begin_batch()
        if not self._agrees:
            if self._state.moment != self._collection.moment:
                self._state.distrust()
            self._agrees = True
        known = self._state.files()
        self._state.forget(
            [path for path in known if path not in listing.files and not _is_below(path, listing.closed)]
        )
        ranks = {name: rank for rank, name in enumerate(listing.files)}
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
                self._take(name, path, found, ranks, done, stop)
        done.problems += [each for each in troubles if each not in self._told]
        self._told = set(troubles)
        if not stop.is_set():
            self._end_batch(done)
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
            self._read[name] = found, None
            return None
        return found

    # -- documents -----------------------------------------------------------------------------------------------------

    def _take(
        self, name: str, path: Path, found: KnownFile, ranks: dict[str, int], done: Synced, stop: threading.Event
    ) -> None:
        """Take the documents of a file, and note that it was read."""
        report, ids, twice = SkipReport(), set[str](), list[str]()
        for document in self.corpus.documents(path, report):
            ids.add(document.id)
            if not self._take_document(name, document, ranks, done):
                twice.append(document.id)
            if stop.is_set():
                return
        if twice:
            some = f"{counted(len(twice), 'ids')} of earlier files, as {twice[0]!r}"
            done.problems.append(f"{name}: {some}: left out")
        if not path.exists() or Signature.of(path) != found.signature:
            done.waiting.append(name)  # it was written to while it was read
            return
        more = report.count - len(report.messages)
        done.problems += report.messages + ([f"{name}: and {more:,} more"] if more > 0 else [])
        # What could not be read may be a document that was there before: nothing of the file is deleted then.
        self._read[name] = found, None if report.count else ids

    def _take_document(self, name: str, document: Document, ranks: dict[str, int], done: Synced) -> bool:
        """Take a document of a file into the batch; False if an earlier file has one of its id, which counts."""
        is_first = all(ranks.get(each, ranks[name]) >= ranks[name] for each in self._holders(document.id))
        self._claims.setdefault(document.id, []).append(name)
        if is_first:
            self._documents.append(document)
            self._characters += document.size
        if len(self._claims) >= _BATCH or self._characters >= _BATCH_CHARACTERS:
            self._end_batch(done)
        return is_first

    def _holders(self, id: str) -> set[str]:
        """The files that have a document of this id."""
        found = {*self._state.holders(id), *self._claims.get(id, ())}
        return {name for name in found if id in (self._read.get(name, (None, None))[1] or (id,))}

    def _end_batch(self, done: Synced) -> None:
        """Put what was read into the collection, as far as that holds it otherwise, and note what was read."""
        if self._claims:
            self._state.claim([(id, name) for id, names in self._claims.items() for name in names])
        changed = [each for each in self._documents if not _is_same(self._collection.get(each.id), each)]
        if changed:
            added = self._collection.add(changed, progress=self._progress)
            done.created += added.created
            done.replaced += added.replaced
            done.refused += added.refused
        if self._claims or self._read:
            # Whichever file had them, they are of those files now.
            self._state.read(self._read, [document.id for document in self._documents])
        self._begin_batch()

    def _delete(self, listing: FolderListing, ranks: dict[str, int], done: Synced, stop: threading.Event) -> None:
        """Delete what no file has any more; where another file has it, it is that one's document from now on."""
        others: dict[str, set[str]] = {}
        gone = []
        for id in self._state.leaving():
            holders = self._state.holders(id)
            there = [each for each in holders if each in ranks]
            if there:
                others.setdefault(min(there, key=ranks.__getitem__), set()).add(id)
            elif not holders:
                gone.append(id)
        for name, ids in others.items():
            for document in self.corpus.documents(listing.files[name], SkipReport()):
                if document.id in ids:
                    self._take_document(name, document, ranks, done)
        self._end_batch(done)
        self._state.settled([id for ids in others.values() for id in ids])
        for first in range(0, len(gone), _BATCH):
            if stop.is_set():
                return
            done.deleted += self._collection.delete(gone[first : first + _BATCH]).deleted
            self._state.settled(gone[first : first + _BATCH])


def _is_same(held: Document | None, document: Document) -> bool:
    """Whether the collection has a document as it is, but for the day of a file whose contents are the same."""
    if held is None or held == document:
        return held is not None
    if document.fields.get("path") != document.id:
        return False
    day = {"modified": document.fields.get("modified")}
    return Document(held.id, held.text, held.title, {**held.fields, **day}) == document


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or folder == "." or path.startswith(f"{folder}/") for folder in folders)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
