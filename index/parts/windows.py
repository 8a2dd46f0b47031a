"""Rows that are windows of documents: which row belongs to which document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError
from lsr.core.options import build, check_options
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.arrays import ArrayWriter, open_array, write_array
from lsr.index.format.files import RESTORE
from lsr.index.format.records import SegmentRecord, number
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import WrittenPart
from lsr.text.windows import WindowSettings, split_window_id

WINDOWS_NAME = "window_documents.npy"


class WindowWriter:
    """Writes the number of each row's document, counted from 0."""

    def __init__(self, draft: SegmentDraft, settings: WindowSettings) -> None:
        self._draft, self._settings = draft, settings
        self._documents = 0
        self._writer = ArrayWriter(draft.folder / WINDOWS_NAME, np.uint32)
        self._last: tuple[str | None, int] = (None, 0)

    def check(self, documents: Sequence[Document]) -> None:
        """Check the ids: InputError unless each document's windows follow one another, numbered from 0."""
        last = self._last
        for row in documents:
            document, number = split_window_id(row.id)
            if number and last != (document, number - 1):
                raise InputError(f"window {row.id!r} does not directly follow the previous window of its document")
            last = document, number

    def append(self, documents: Sequence[Document]) -> None:
        """Append rows."""
        places = [split_window_id(row.id) for row in documents]
        if places:
            self._last = places[-1]
        numbers = self._documents - 1 + np.cumsum([number == 0 for _, number in places], dtype=np.int64)
        self._documents += sum(number == 0 for _, number in places)
        self._writer.append(numbers)

    def finish(self) -> None:
        """Close the file, and tell the draft of the windows."""
        self.close()
        self._draft.windows_record = {**self._settings.to_record(), "documents": self._documents}

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


@dataclass(frozen=True)
class WindowRows:
    """The windows of an index.

    Attributes:
        settings: how they were cut, and what their scores add up to.
        documents: how many there are.
        row_documents: uint32 [rows]: the number of each row's document; never descends.
    """

    settings: WindowSettings
    documents: int
    row_documents: npt.NDArray[np.uint32]

    @classmethod
    def open(cls, folder: Path, record: dict[str, Any], rows: int) -> WindowRows:
        """Open the windows of the manifest's record. IndexFormatError for a damaged file or record."""
        try:
            documents = number(record, "documents", 1, rows)
            settings = build(WindowSettings, {name: value for name, value in record.items() if name != "documents"})
            check_options(settings)
        except (InputError, TypeError) as error:
            raise IndexFormatError(
                f"{folder}: the record of the windows is not readable ({error})", remedies=[BUILD_AGAIN]
            ) from error
        numbers = open_array(folder / WINDOWS_NAME, np.uint32, rows)
        steps = numbers[1:] - numbers[:-1]  # of unsigned numbers: one that descends is a large step
        if numbers[0] != 0 or numbers[-1] != documents - 1 or (steps > 1).any():
            raise IndexFormatError(
                f"{folder / WINDOWS_NAME}: numbers do not ascend one by one from 0 to {documents - 1:,}",
                remedies=[BUILD_AGAIN, RESTORE],
            )
        return cls(settings, documents, numbers)

    def documents_of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The numbers of these rows' documents: int64 [n]."""
        return self.row_documents[rows].astype(np.int64)

    def first_rows(self, documents: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The rows of these documents' first windows: int64 [n]; for the number after the last, the number of rows."""
        return np.searchsorted(self.row_documents, documents.astype(np.uint32))

    def windows_of(self, documents: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The rows of all windows of these documents, one document after the other: int64."""
        first, last = self.first_rows(documents), self.first_rows(documents + 1)
        counts = last - first
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(first, counts) + offsets

    def rows_beside(self, row: int) -> range:
        """The rows of all windows of a row's document."""
        document = np.array([self.row_documents[row]], np.int64)
        return range(int(self.first_rows(document)[0]), int(self.first_rows(document + 1)[0]))


def number_documents(windows: npt.NDArray[np.integer]) -> npt.NDArray[np.uint32]:
    """uint32 [rows]: the number of each row's document, counted from 0, of rows that are windows of these numbers."""
    return (np.cumsum(windows == 0, dtype=np.int64) - 1).astype(np.uint32)


class WindowsPart(WrittenPart):
    """See `WindowRows`."""

    name = "windows"
    title = "which document each window belongs to"
    files = (WINDOWS_NAME,)

    def is_in(self, record: SegmentRecord) -> bool:
        """True unless the rows are whole documents."""
        return record.windows is not None

    def open(self, folder: Path, record: SegmentRecord) -> WindowRows:
        """See `Part.open`."""
        assert record.windows is not None
        return WindowRows.open(folder, record.windows, record.documents)

    def wanted(self, draft: SegmentDraft) -> bool:
        """See `WrittenPart.wanted`."""
        return draft.windows is not None

    def begin(self, draft: SegmentDraft) -> WindowWriter:
        """See `WrittenPart.begin`."""
        assert draft.windows is not None
        return WindowWriter(draft, draft.windows)

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """Number the documents again, where rows are not as they were added."""
        if draft.arrivals is None:
            return
        numbers = open_array(draft.folder / WINDOWS_NAME, np.uint32, draft.documents)[draft.arrivals]
        another = np.diff(numbers, prepend=numbers[:1]) != 0
        write_array(draft.folder / WINDOWS_NAME, np.cumsum(another, dtype=np.uint32))
