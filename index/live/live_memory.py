"""A memory of documents, or of windows of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lsr.index.live.memory.growing import Growing
from lsr.index.live.memory.segment import MemorySegment
from lsr.index.live.memory.state import MemoryState
from lsr.index.live.memory.tables import MemorySettings
from lsr.index.live.searched_memory import SearchedMemory
from lsr.index.live.writes import Put, Write
from lsr.index.parts.windows import WindowRows
from lsr.text.windows import WindowSettings, split_window_id, window_id


class LiveMemory:
    """A segment in memory, and where documents are cut, which row is a window of which document.

    Attributes:
        segment: its rows: documents or, with `windows`, windows under their own ids, those of a document together.
    """

    def __init__(self, settings: MemorySettings, windows: WindowSettings | None) -> None:
        self.segment = MemorySegment(settings)
        self._windows = windows
        self._documents = Growing(np.uint32)
        self._count = 0

    def __repr__(self) -> str:
        return repr(self.segment).replace("Segment", "Live")

    def holds(self, id: str) -> bool:
        """Whether there is a document of this id."""
        return self.segment.state.find(id if self._windows is None else window_id(id, 0)) is not None

    def windows_of(self, id: str) -> list[str]:
        """The ids of the rows of the document of this id; none if it is not there."""
        find = self.segment.state.find
        if self._windows is None:
            return [] if find(id) is None else [id]
        found: list[str] = []
        while find(each := window_id(id, len(found))) is not None:
            found.append(each)
        return found

    def apply(self, writes: Sequence[Write]) -> None:
        """Apply writes to rows."""
        if not writes:
            return
        if self._windows is not None:
            numbers = [split_window_id(write.id)[1] for write in writes if isinstance(write, Put)]
            begun = self._count + np.cumsum([number == 0 for number in numbers], dtype=np.int64)
            if len(begun):
                self._documents.append(begun - 1)
                self._count = int(begun[-1])
        self.segment.apply(writes)

    def searched(self, model: int, state: MemoryState | None = None) -> SearchedMemory:
        """The rows as they are now, or were at a state, as a segment of a snapshot; `model`: the model's terms."""
        state = state or self.segment.state
        if self._windows is None:
            return SearchedMemory(state, model)
        documents = self._documents.view()[: state.rows]
        count = int(documents[-1]) + 1 if len(documents) else 0
        return SearchedMemory(state, model, WindowRows(self._windows, count, documents))
