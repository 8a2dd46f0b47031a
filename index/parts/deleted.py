"""Deleted rows: those of documents that were deleted, or replaced by others, after their segment was written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError, InputError
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.arrays import open_array, write_array
from lsr.index.format.files import RESTORE
from lsr.index.format.output import seal
from lsr.index.format.records import PartRecord, SegmentRecord, mapping, number
from lsr.index.parts.part import AddedPart, CarriedRows, OpenSegment

NAME = "deleted"
ROWS_NAME, TERMS_NAME, TOKENS_NAME = "rows.npy", "terms.npy", "tokens.npy"

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DeletedRows:
    """The deleted rows of a segment, and what they no longer count for.

    Attributes:
        alive: uint8 [⌈rows / 8⌉]: a bit for each row, the least significant first, set for those that are not deleted.
        count: how many are deleted.
        terms: int64 [2, n]: term ids, ascending, and how many of the deleted rows hold each.
        tokens: int64 [2, n]: the same of tokens of their texts, where these are counted.
    """

    alive: npt.NDArray[np.uint8]
    count: int
    terms: Counts
    tokens: Counts

    def write(self, folder: Path) -> PartRecord:
        """Write the files into an empty folder; return the part's record."""
        write_array(folder / ROWS_NAME, self.alive)
        write_array(folder / TERMS_NAME, self.terms.ravel())
        write_array(folder / TOKENS_NAME, self.tokens.ravel())
        return PartRecord(folder.name, {"rows": self.count}, seal(folder))

    def rows(self, rows: int) -> npt.NDArray[np.int64]:
        """The numbers of the deleted ones among so many rows, ascending."""
        return numbers_of_deleted(self.alive, rows)


class DeletedPart(AddedPart):
    """See `DeletedRows`."""

    name = NAME
    title = "which documents are deleted"

    def open(self, folder: Path, record: SegmentRecord) -> DeletedRows:
        """See `Part.open`."""
        alive = open_array(folder / ROWS_NAME, np.uint8, (record.documents + 7) // 8)
        count = record.documents - int(np.unpackbits(alive, count=record.documents, bitorder="little").sum())
        terms = _open_counts(folder / TERMS_NAME, record.terms, count)
        tokens = _open_counts(folder / TOKENS_NAME, record.terms, count)
        try:
            said = number(mapping(record.parts[self.name].record, keys=("rows",)), "rows", 0, record.documents)
        except InputError as error:
            raise IndexFormatError(f"{folder}: the record of deleted rows is not readable ({error})") from error
        if said != count:
            raise IndexFormatError(
                f"{folder / ROWS_NAME}: {count:,} rows are deleted, where the manifest says {said:,}",
                remedies=[BUILD_AGAIN, RESTORE],
            )
        return DeletedRows(alive, count, terms, tokens)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        return iter(())  # what there is to find is found when it is opened

    def mend(self, path: Path, *, damaged: bool = False) -> Any:
        """See `Part.mend`."""
        return RESTORE

    def carry(self, sources: Sequence[CarriedRows], folder: Path) -> PartRecord:
        """Raise InputError: a segment that is made of others leaves out what is deleted, so it has no such part."""
        raise InputError("deleted rows are left out of a new segment, not carried over")


def numbers_of_deleted(alive: npt.NDArray[np.uint8], rows: int) -> npt.NDArray[np.int64]:
    """The numbers of the deleted ones among so many rows, ascending; `alive`: as in `DeletedRows`."""
    return np.flatnonzero(np.unpackbits(alive, count=rows, bitorder="little") == 0)


def counted(ids: npt.NDArray[np.integer]) -> Counts:
    """How often each id occurs: as `DeletedRows.terms`."""
    found, counts = np.unique(ids, return_counts=True)
    return np.stack([found.astype(np.int64), counts.astype(np.int64)])


def added_up(first: Counts, second: Counts) -> Counts:
    """The sum of two counts by id."""
    ids = np.concatenate([first[0], second[0]])
    found, places = np.unique(ids, return_inverse=True)
    sums = np.bincount(places, np.concatenate([first[1], second[1]]), len(found)).astype(np.int64)
    return np.stack([found, sums])


def _open_counts(path: Path, terms: int, rows: int) -> Counts:
    values = open_array(path, np.int64)
    counts = values[: len(values) // 2 * 2].reshape(2, -1)
    ids = counts[0]
    ascending = not len(ids) or (ids[0] >= 0 and ids[-1] < terms and bool((ids[1:] > ids[:-1]).all()))
    if len(values) % 2 or not ascending or not ((counts[1] > 0) & (counts[1] <= rows)).all():
        raise IndexFormatError(f"{path}: not counts of deleted rows", remedies=[BUILD_AGAIN, RESTORE])
    return counts
