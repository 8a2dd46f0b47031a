"""Dense vectors, as a part."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lsr.core.errors import InputError, Remedy
from lsr.core.remedies import add_part, add_part_again
from lsr.index.format.arrays import ArrayWriter, open_array
from lsr.index.format.output import seal
from lsr.index.format.records import PartRecord, SegmentRecord
from lsr.index.parts.dense.ann import write_ann
from lsr.index.parts.dense.record import ANN_NAME, NAME, VECTORS_NAME, DenseRecord
from lsr.index.parts.dense.vectors import Dense, open_dense
from lsr.index.parts.part import AddedPart, CarriedRows, OpenSegment, copy_part

_ROWS_AT_A_TIME = 1 << 14


class DensePart(AddedPart):
    """See `Dense`."""

    name = NAME
    title = "dense vectors and their search structure"

    def open(self, folder: Path, record: SegmentRecord) -> Dense:
        """See `Part.open`."""
        return open_dense(folder, record.parts[self.name], record.documents)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        dense: Dense = segment.part(self.name)
        for start in range(0, len(dense), _ROWS_AT_A_TIME):
            if not np.isfinite(dense.vectors[start : start + _ROWS_AT_A_TIME]).all():
                yield f"{VECTORS_NAME}: a number is not finite"
                break
        if dense.kind != "flat":
            dense.read_ann()

    def warm_up(self, opened: Dense) -> None:
        """See `Part.warm_up`."""
        opened.warm_up()

    def mend(self, path: Path, *, damaged: bool = False) -> Remedy:
        """See `Part.mend`."""
        return add_part_again(self.name, path) if damaged else add_part(self.name, path)

    def carry(self, sources: Sequence[CarriedRows], folder: Path) -> PartRecord:
        """See `AddedPart.carry`. The structure of faiss is built again unless all rows stay as they are."""
        if len(sources) == 1 and sources[0].rows is None:
            return copy_part(sources[0], folder)
        record: DenseRecord = sources[0].opened.record
        for source in sources:
            if source.opened.record != record:
                raise InputError(
                    "dense vectors from different encoders, or with different settings, cannot be put into one segment"
                )
        rows = 0
        with ArrayWriter(folder / VECTORS_NAME, np.float32) as writer:
            for source in sources:
                chosen = source.numbers(len(source.opened))
                for start in range(0, len(chosen), _ROWS_AT_A_TIME):
                    writer.append(source.opened.vectors[chosen[start : start + _ROWS_AT_A_TIME]].ravel())
                rows += len(chosen)
        if record.kind != "flat":
            vectors = open_array(folder / VECTORS_NAME, np.float32, rows * record.dim).reshape(rows, record.dim)
            threads = os.cpu_count() or 1
            write_ann(folder / ANN_NAME, vectors, record.kind, seed=0, threads=threads, progress=lambda count: None)
        return PartRecord(folder.name, record.to_record(), seal(folder))
