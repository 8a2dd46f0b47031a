"""Token vectors, as a part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError, Remedy
from lsr.core.remedies import add_part, add_part_again
from lsr.index.format.arrays import ArrayWriter, OffsetWriter
from lsr.index.format.output import seal
from lsr.index.format.records import PartRecord, SegmentRecord
from lsr.index.parts.late.record import CODES_NAME, INDPTR_NAME, NAME, SCALES_NAME, LateRecord
from lsr.index.parts.late.vectors import LateVectors, open_late
from lsr.index.parts.part import AddedPart, CarriedRows, OpenSegment, copy_part

_ROWS_AT_A_TIME = 1 << 12


class LatePart(AddedPart):
    """See `LateVectors`."""

    name = NAME
    title = "token vectors, for re-ranking"

    def open(self, folder: Path, record: SegmentRecord) -> LateVectors:
        """See `Part.open`."""
        return open_late(folder, record.parts[self.name].record, record.documents)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        late: LateVectors = segment.part(self.name)
        return late.problems()

    def mend(self, path: Path, *, damaged: bool = False) -> Remedy:
        """See `Part.mend`."""
        return add_part_again(self.name, path) if damaged else add_part(self.name, path)

    def carry(self, sources: Sequence[CarriedRows], folder: Path) -> PartRecord:
        """See `AddedPart.carry`."""
        if len(sources) == 1 and sources[0].rows is None:
            return copy_part(sources[0], folder)
        first: LateRecord = sources[0].opened.record
        for source in sources:
            record: LateRecord = source.opened.record
            if (record.dim, record.bits, record.encoder) != (first.dim, first.bits, first.encoder):
                raise InputError(
                    "token vectors from different encoders, or of different sizes, cannot be put into one segment"
                )
        documents = vectors = 0
        with (
            OffsetWriter(folder / INDPTR_NAME) as offsets,
            ArrayWriter(folder / CODES_NAME, np.uint8) as codes,
            ArrayWriter(folder / SCALES_NAME, np.float32) as scales,
        ):
            for source in sources:
                late: LateVectors = source.opened
                held = late.codes.reshape(late.record.vectors, late.record.vector_bytes)
                chosen = source.numbers(len(late))
                for start in range(0, len(chosen), _ROWS_AT_A_TIME):
                    lengths, places = _vectors_of(late.indptr, chosen[start : start + _ROWS_AT_A_TIME])
                    offsets.append(lengths)
                    codes.append(held[places].ravel())
                    scales.append(late.scales[places])
                    vectors += len(places)
                documents += len(chosen)
        made = LateRecord(documents, vectors, first.dim, first.bits, first.encoder)
        return PartRecord(folder.name, made.to_record(), seal(folder))


def _vectors_of(
    indptr: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The number of vectors of each of these rows, and the places of all of them."""
    lengths = indptr[rows + 1] - indptr[rows]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return lengths, np.repeat(indptr[rows], lengths) + within
