"""The order of the documents: from rows to positions in the index, where similar documents are neighbours, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.index.format.arrays import open_numbers, write_array
from lsr.index.format.records import SegmentRecord
from lsr.index.parts.part import OpenSegment, WrittenPart

# Derived from the other file, and stored because filtered searches and reading a document's vector need it.
POSITIONS_NAME = "order_positions.npy"
ROWS_NAME = "order_rows.npy"


@dataclass(frozen=True, slots=True)
class Order:
    """The order of the documents, in both directions.

    Attributes:
        rows: uint32 [documents]: the row at each position.
        positions: uint32 [documents]: the position of each row.
    """

    rows: npt.NDArray[np.uint32]
    positions: npt.NDArray[np.uint32]


def write_order(folder: Path, rows: npt.NDArray[np.uint32]) -> None:
    """Write the files of a segment; `rows`: uint32 [documents], the row at each position."""
    write_array(folder / ROWS_NAME, rows)
    write_array(folder / POSITIONS_NAME, inverse(rows))


def inverse(places: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Where each number stands in a permutation of 0 … n - 1: uint32 [n]."""
    found = np.empty_like(places)
    found[places] = np.arange(len(places), dtype=np.uint32)
    return found


class OrderPart(WrittenPart):
    """The order of the documents. The builder writes it itself, before the forward index."""

    name = "order"
    title = "order of the documents"
    files = (ROWS_NAME, POSITIONS_NAME)

    def open(self, folder: Path, record: SegmentRecord) -> Order:
        """See `Part.open`."""
        count = record.documents
        return Order(*(open_numbers(folder / name, np.uint32, count, count) for name in self.files))

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        order: Order = segment.part(self.name)
        every = np.arange(segment.record.documents)
        if not np.array_equal(np.sort(order.rows), every):
            yield f"{ROWS_NAME}: not every row occurs exactly once"
        elif not np.array_equal(order.positions[order.rows], every):
            yield f"{POSITIONS_NAME}: not the positions of the rows in {ROWS_NAME}"
