"""What a collection holds beyond its segments: the writes of its log, applied again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.options import build
from lsr.core.schema import Schema
from lsr.index.format.manifest import Manifest
from lsr.index.live.live_memory import LiveMemory
from lsr.index.live.log.reader import LogPlace, LogReader, LogRecord, TornTail
from lsr.index.live.log.records import decode
from lsr.index.live.memory.segment import Applied, MemorySegment, MemorySettings
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.searched_memory import Searched
from lsr.index.live.tombstones import Tombstones
from lsr.index.live.writes import Delete, Put, Write
from lsr.index.parts.dense.record import DenseRecord
from lsr.index.parts.segment import Segment
from lsr.text.windows import WindowSettings, split_window_id


class LiveState:
    """Segments with what was deleted of them, and memories: the newest, and those on their way to the disk.

    One thread at a time applies writes; another may call `searched` only while none does.

    Attributes:
        tombstones: of each segment.
        memories: the last one takes writes.
        place, torn, repeated: of the log, as `LogReader` found it; None where there was none to read.
    """

    def __init__(self, manifest: Manifest, segments: Sequence[Segment]) -> None:
        self._settings = memory_settings(manifest)
        self.tombstones = [Tombstones(segment) for segment in segments]
        live = manifest.live
        assert live is not None
        self._windows = None if live.windows is None else build(WindowSettings, live.windows)
        self.memories = [LiveMemory(self._settings, self._windows)]
        self.place: LogPlace | None = None
        self.torn: TornTail | None = None
        self.repeated = 0

    @property
    def memory(self) -> MemorySegment:
        """The memory that takes writes."""
        return self.memories[-1].segment

    def check(self, write: Write) -> None:
        """InputError for a write that does not fit the collection."""
        if self._windows is not None and isinstance(write, Put):
            split_window_id(write.id)
        self.memory.check(write)
        if self._settings.dense is not None and isinstance(write, Put) and write.dense is None:
            # A segment would hold zeros for it, which searches find, and memory nothing.
            raise InputError(f"document {write.id!r}: the collection has dense vectors, and it has none", field="dense")
        if self._settings.schema is not None and isinstance(write, Put):
            self._settings.schema.check([self._with_fields(write)])

    def _with_fields(self, put: Put) -> Document:
        """The document whose fields a write has: of the windows of one, the first has them."""
        document = put.document
        if self._windows is None:
            return document
        id, number = split_window_id(document.id)
        return Document(id, "", "", {} if number else document.fields.get("fields", {}))

    def holds(self, id: str) -> bool:
        """Whether there is a document of this id."""
        return any(memory.holds(id) for memory in self.memories) or self.in_segment(id) is not None

    def in_segment(self, id: str) -> tuple[Tombstones, range] | None:
        """The segment that holds the document of this id, and its rows; None if none does."""
        for tombstones in self.tombstones:
            rows = tombstones.find(id)
            if rows is not None:
                return tombstones, rows
        return None

    def document_of(self, write: Write) -> str | None:
        """The id of the document that a write deletes or begins to put; None for the further windows of one."""
        if self._windows is None or isinstance(write, Delete):
            return write.id
        document, number = split_window_id(write.id)
        return None if number else document

    def apply(self, writes: Sequence[Write]) -> Applied:
        """Apply writes in their order. They passed `check`.

        Where documents are cut, each `Put` is a window, under its own id; those of a document follow one another, and a
        `Delete` names the document. What became of them is counted by documents.
        """
        applied, held, seen = Applied(), [], set[str]()
        for write in writes:
            id = self.document_of(write)
            if id is None:
                held.append(write)
                continue
            if id in seen:
                # Whether it is there depends on what was put of it just before.
                self.memories[-1].apply(held)
                held, seen = [], set()
            seen.add(id)
            there = self._bury(id, write)
            gone = self.memories[-1].windows_of(id)
            if isinstance(write, Delete):
                held += [Delete(each) for each in gone]
                applied.deleted += there or bool(gone)
                if not there and not gone:
                    applied.missing.append(id)
            else:
                # The first is replaced by this one.
                held += [*(Delete(each) for each in gone[1:]), write]
                if there or gone:
                    applied.replaced += 1
                else:
                    applied.new.append(id)
        self.memories[-1].apply(held)
        return applied

    def _bury(self, id: str, write: Write) -> bool:
        """Delete a document from segments and older memories; whether it was there."""
        before = self.in_segment(id)
        if before is not None:
            tombstones, rows = before
            tombstones.bury(rows, write.gone)
            return True
        for older in self.memories[:-1]:
            gone = older.windows_of(id)
            if gone:
                older.apply([Delete(each) for each in gone])
                return True
        return False

    def searched(self) -> list[Searched]:
        """What a snapshot of this moment searches, the largest segment first."""
        found: list[Searched] = [SearchedSegment(each.segment, each.state()) for each in self.tombstones]
        model = self._settings.dim
        memories = [memory.searched(model) for memory in self.memories if memory.segment.state.rows]
        return [*found, *memories] or [self.memories[-1].searched(model)]

    def take(self, record: LogRecord) -> None:
        """Apply a record of the log. IndexFormatError for one that cannot be read."""
        self._apply_record(record)

    def _apply_record(self, record: LogRecord) -> list[Write]:
        """Apply a record, and return its writes."""
        writes = decode(record.payload, f"{record.path}: record {record.sequence:,}")
        self.apply(writes)
        return writes

    def recovered(self) -> list[str]:
        """What the log was found to be that no writer leaves on purpose, in words; mostly nothing."""
        found = [] if self.torn is None else [f"{self.torn}: cut off, for none of it was acknowledged"]
        if self.repeated:
            found.append(f"{self.repeated:,} bytes of the log were there twice, and were left out")
        return found

    def begin_memory(self) -> LiveMemory:
        """Let a new memory take writes; return the one before."""
        before = self.memories[-1]
        self.memories.append(LiveMemory(self._settings, self._windows))
        return before


def memory_settings(manifest: Manifest) -> MemorySettings:
    """What a collection has fixed for its memory."""
    live = manifest.live
    assert live is not None
    try:
        dense = None if live.dense is None else DenseRecord.from_record(live.dense)
    except InputError as error:
        raise InputError(error.problem, field="live.dense") from error
    return MemorySettings(
        dim=live.terms,
        scale=manifest.weight_scale,
        bits=live.settings.weight_bits,
        tokens=live.terms if live.tokens else 0,
        dense=dense,
        schema=None if live.schema is None else Schema.from_record(live.schema),
    )


def replayed(
    path: Path, manifest: Manifest, segments: Sequence[Segment], kind: type[LiveState] = LiveState
) -> LiveState:
    """The collection as its log leaves it. IndexFormatError for damage in the log; a torn tail is left out."""
    live = manifest.live
    assert live is not None
    state = kind(manifest, segments)
    reader = LogReader(path, bytes.fromhex(live.identity), first=live.log, after=live.sequence)
    for record in reader:
        state.take(record)
    state.place, state.torn, state.repeated = reader.place, reader.torn, reader.repeated
    return state
