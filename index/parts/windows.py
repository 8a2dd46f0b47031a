"""Which rows of an index are the windows of which document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError, InputError
from lsr.index.format.arrays import ArrayWriter, open_array
from lsr.text.windows import WindowSettings, split_window_id

WINDOWS_NAME = "window_documents.npy"


class WindowWriter:
    """Writes the number of each row's document, counted from 0."""

    def __init__(self, folder: Path) -> None:
        self.documents = 0
        self._writer = ArrayWriter(folder / WINDOWS_NAME, np.uint32)
        self._last: tuple[str | None, int] = (None, 0)

    def append(self, ids: Sequence[str]) -> None:
        """Append rows by their ids. InputError unless they are windows, each document's from 0 on, side by side."""
        numbers = np.empty(len(ids), np.uint32)
        for at, id in enumerate(ids):
            document, number = split_window_id(id)
            if number == 0:
                self.documents += 1
            elif self._last != (document, number - 1):
                raise InputError(f"window {id!r} does not follow the one before it of its document")
            self._last = document, number
            numbers[at] = self.documents - 1
        self._writer.append(numbers)

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
        """From the manifest's record. IndexFormatError for a damaged file or record."""
        try:
            values = dict(record)
            return cls(
                documents=int(values.pop("documents")),
                settings=WindowSettings(**values),
                row_documents=open_array(folder / WINDOWS_NAME, np.uint32, rows),
            )
        except (KeyError, TypeError, InputError) as error:
            raise IndexFormatError(
                f"{folder}: the record of the windows is not readable ({error}): build the index again"
            ) from error

    def documents_of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """int64 [n]: the numbers of these rows' documents."""
        return self.row_documents[rows].astype(np.int64)

    def first_rows(self, documents: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """int64 [n]: the rows of these documents' first windows; of the number after the last, the number of rows."""
        return np.searchsorted(self.row_documents, documents.astype(np.uint32))

    def windows_of(self, documents: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """int64: the rows of all windows of these documents, one document after the other."""
        first, last = self.first_rows(documents), self.first_rows(documents + 1)
        counts = last - first
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(first, counts) + offsets

    def rows_beside(self, row: int) -> range:
        """The rows of all windows of a row's document."""
        document = np.array([self.row_documents[row]], np.int64)
        return range(int(self.first_rows(document)[0]), int(self.first_rows(document + 1)[0]))

    def problems(self) -> list[str]:
        """What is wrong with the array."""
        numbers = self.row_documents
        steps = np.diff(numbers.astype(np.int64))
        if numbers[0] != 0 or numbers[-1] != self.documents - 1 or not ((steps == 0) | (steps == 1)).all():
            return [f"{WINDOWS_NAME}: numbers do not ascend one by one from 0 to {self.documents - 1:,}"]
        return []
