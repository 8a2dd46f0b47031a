"""The windows of a snapshot of several segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lsr.index.live.rows import RowNumbers
from lsr.index.parts.windows import WindowRows

Numbers = npt.NDArray[np.int64]


class SnapshotWindows:
    """Which document each row is a window of: as `WindowRows`, with documents numbered one segment after another.

    In a segment whose documents were not cut, each row is a document.

    Attributes:
        settings: how documents were cut, and what the scores of windows add up to.
        documents: how many there are, deleted ones too.
    """

    def __init__(self, windows: Sequence[WindowRows | None], rows: RowNumbers) -> None:
        (self.settings, *_) = (each.settings for each in windows if each is not None)
        self._windows, self._rows = windows, rows
        lengths = np.diff(np.array(rows.starts))
        counts = [rows if each is None else each.documents for each, rows in zip(windows, lengths, strict=True)]
        self._documents = RowNumbers([int(each) for each in counts])
        self.documents = len(self._documents)

    def documents_of(self, rows: Numbers) -> Numbers:
        """The numbers of these rows' documents: int64 [n]."""
        found = np.empty(len(rows), np.int64)
        for segment, places, own in self._rows.split(rows):
            windows = self._windows[segment]
            documents = own if windows is None else windows.documents_of(own)
            found[places] = documents + self._documents.starts[segment]
        return found

    def windows_of(self, documents: Numbers) -> Numbers:
        """The rows of all windows of these documents, one document after the other: int64. Documents ascend."""
        found = []
        for segment, _, own in self._documents.split(documents):
            windows = self._windows[segment]
            rows = own if windows is None else windows.windows_of(own)
            found.append(rows + self._rows.starts[segment])
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def rows_beside(self, row: int) -> range:
        """The rows of all windows of a row's document."""
        segment, own = self._rows.place(row)
        windows, start = self._windows[segment], self._rows.starts[segment]
        if windows is None:
            return range(row, row + 1)
        rows = windows.rows_beside(own)
        return range(rows.start + start, rows.stop + start)


Windows = WindowRows | SnapshotWindows


def windows_of(windows: Sequence[WindowRows | None], rows: RowNumbers) -> Windows | None:
    """The windows of a snapshot, of those of its segments; None if its rows are documents."""
    if all(each is None for each in windows):
        return None
    return windows[0] if len(windows) == 1 else SnapshotWindows(windows, rows)
