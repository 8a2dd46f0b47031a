"""The state of a collection that another process writes to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.index.format.live_record import LiveRecord
from lsr.index.format.manifest import Manifest
from lsr.index.live.log.frames import log_path
from lsr.index.live.log.reader import LogPlace, LogRecord
from lsr.index.live.replay import LiveState
from lsr.index.live.tombstones import Tombstones
from lsr.index.parts.segment import Segment


class FollowedState(LiveState):
    """As the writer's: each file of the log has a memory of its own, which goes once the file is in a segment."""

    def __init__(self, manifest: Manifest, segments: Sequence[Segment]) -> None:
        super().__init__(manifest, segments)
        live = manifest.live
        assert live is not None
        # By memory: the name of its file of the log, and the documents that its writes put or deleted.
        self._files = [_file(live)]
        self._touched: list[list[tuple[str, npt.NDArray[np.uint32]]]] = [[]]

    def take(self, record: LogRecord) -> None:
        """Apply a record of the log."""
        self._begin_file(record.path.name)
        for write in self._apply_record(record):
            id = self.document_of(write)
            if id is not None:
                self._touched[-1].append((id, write.gone))

    def _begin_file(self, name: str) -> None:
        """Let a new memory take the writes of a file, unless it is the one that is being read."""
        if name > self._files[-1]:
            self.begin_memory()
            self._files.append(name)
            self._touched.append([])

    def reaches(self, live: LiveRecord, place: LogPlace) -> bool:
        """Whether all that a manifest has in segments was taken, when the log was read as far as `place`."""
        return place.number >= live.log and place.sequence >= live.sequence

    def go_on_from(self, manifest: Manifest, segments: Sequence[Segment]) -> None:
        """Be what the writer was made by publishing: of these segments. `reaches` holds.

        What became a segment leaves memory. Of a new segment, what the writes deleted that are not in segments is
        deleted; of the others, that is done.
        """
        live = manifest.live
        assert live is not None
        self._begin_file(_file(live))
        kept = [number for number, file in enumerate(self._files) if file >= _file(live)]
        self.memories = [self.memories[number] for number in kept]
        self._files = [self._files[number] for number in kept]
        self._touched = [self._touched[number] for number in kept]
        known = {each.segment.record.name: each for each in self.tombstones}
        self.tombstones = [self._tombstones(segment, known.get(segment.record.name)) for segment in segments]

    def _tombstones(self, segment: Segment, known: Tombstones | None) -> Tombstones:
        if known is not None:
            known.segment = segment
            return known
        made = Tombstones(segment)
        for touched in self._touched:
            for id, gone in touched:
                rows = made.find(id)
                if rows is not None:
                    made.bury(rows, gone)
        return made


def _file(live: LiveRecord) -> str:
    return log_path(Path(), live.log).name
