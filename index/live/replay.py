"""What a collection holds beyond its segments: the writes of its log, applied again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsr.core.errors import InputError
from lsr.index.format.manifest import Manifest
from lsr.index.live.log.reader import LogPlace, LogReader, TornTail
from lsr.index.live.log.records import decode
from lsr.index.live.memory.segment import Applied, MemorySegment, MemorySettings
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.searched_memory import Searched, SearchedMemory
from lsr.index.live.tombstones import Tombstones
from lsr.index.live.writes import Delete, Put, Write
from lsr.index.parts.dense.record import DenseRecord
from lsr.index.parts.segment import Segment


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
        self.memories = [MemorySegment(self._settings)]
        self.place: LogPlace | None = None
        self.torn: TornTail | None = None
        self.repeated = 0

    @property
    def memory(self) -> MemorySegment:
        """The memory that takes writes."""
        return self.memories[-1]

    def check(self, write: Write) -> None:
        """InputError for a write that does not fit the collection."""
        self.memory.check(write)

    def holds(self, id: str) -> bool:
        """Whether there is a document of this id."""
        return any(memory.state.find(id) is not None for memory in self.memories) or self.in_segment(id) is not None

    def in_segment(self, id: str) -> tuple[Tombstones, range] | None:
        """The segment that holds the document of this id, and its rows; None if none does."""
        for tombstones in self.tombstones:
            rows = tombstones.find(id)
            if rows is not None:
                return tombstones, rows
        return None

    def apply(self, writes: Sequence[Write]) -> Applied:
        """Apply writes in their order. They passed `check`."""
        buried = 0
        missing_here: dict[str, int] = {}
        for write in writes:
            before = self.in_segment(write.id)
            if before is not None:
                tombstones, rows = before
                tombstones.bury(rows, write.gone)
                missing_here[write.id] = missing_here.get(write.id, 0) + 1
                buried += 1
            for older in self.memories[:-1]:
                if older.state.find(write.id) is not None:
                    older.apply([Delete(write.id)])
                    missing_here[write.id] = missing_here.get(write.id, 0) + 1
                    buried += 1
        applied = self.memory.apply(writes)
        # What was in a segment is new to the memory, and not there for it to delete.
        for write in writes:
            if missing_here.pop(write.id, 0):
                if isinstance(write, Put):
                    applied.added, applied.replaced = applied.added - 1, applied.replaced + 1
                else:
                    applied.missing.remove(write.id)
                    applied.deleted += 1
        return applied

    def searched(self) -> list[Searched]:
        """What a snapshot of this moment searches, the largest segment first."""
        found: list[Searched] = [SearchedSegment(each.segment, each.state()) for each in self.tombstones]
        model = self._settings.dim
        found += [SearchedMemory(memory.state, model) for memory in self.memories if memory.state.rows]
        return found or [SearchedMemory(self.memory.state, model)]

    def begin_memory(self) -> MemorySegment:
        """Let a new memory take writes; return the one before."""
        before = self.memory
        self.memories.append(MemorySegment(self._settings))
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
    )


def replayed(path: Path, manifest: Manifest, segments: Sequence[Segment]) -> LiveState:
    """The collection as its log leaves it. IndexFormatError for damage in the log; a torn tail is left out."""
    live = manifest.live
    assert live is not None
    state = LiveState(manifest, segments)
    reader = LogReader(path, bytes.fromhex(live.identity), first=live.log, after=live.sequence)
    for record in reader:
        state.apply(decode(record.payload, f"{record.path}: record {record.sequence:,}"))
    state.place, state.torn, state.repeated = reader.place, reader.torn, reader.repeated
    return state
