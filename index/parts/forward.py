"""The forward index: every document's terms and weights, by position. All scores come from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.index.format.arrays import open_array
from lsr.index.format.checks import ascend_within_rows, holds_zero, largest
from lsr.index.format.postings import Postings, open_postings, term_dtype
from lsr.index.format.records import SegmentRecord
from lsr.index.parts.part import OpenSegment, WrittenPart

INDPTR_NAME = "forward_indptr.npy"
TERMS_NAME = "forward_terms.npy"
WEIGHTS_NAME = "forward_weights.npy"
DEFICITS_NAME = "forward_deficits.npy"


@dataclass(frozen=True, slots=True)
class Forward(Postings):
    """The documents' terms and weights, by position.

    Attributes:
        deficits: uint8 [nnz]: 256ths of a unit by which `weights` are too large, or None in an index of 8 bits a
            weight.
    """

    deficits: npt.NDArray[np.uint8] | None = None

    def vector(self, position: int, scale: np.float32) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Term ids, ascending, and weights of the document at a position."""
        pairs = slice(self.indptr[position], self.indptr[position + 1])
        deficits = None if self.deficits is None else self.deficits[pairs]
        return self.indices[pairs].astype(np.uint32), as_floats(self.weights[pairs], deficits, scale)


def as_floats(
    weights: npt.NDArray[np.uint8], deficits: npt.NDArray[np.uint8] | None, scale: np.float32
) -> npt.NDArray[np.float32]:
    """Stored weights as the float32 values that they represent; `deficits` are those of 16-bit indexes, or None."""
    steps = weights.astype(np.float32)
    if deficits is not None:
        steps -= deficits.astype(np.float32) / 256
    return steps * scale


class ForwardPart(WrittenPart):
    """The forward index. The builder writes it itself: only vectors are put in another order."""

    name = "forward"
    title = "terms and weights of the documents"
    files = (INDPTR_NAME, TERMS_NAME, WEIGHTS_NAME, DEFICITS_NAME)
    holds_weights = True

    def open(self, folder: Path, record: SegmentRecord) -> Forward:
        """See `Part.open`."""
        postings = open_postings(folder, record.documents, record.postings, term_dtype(record.dim))
        fine = record.settings.weight_bits == 16
        deficits = open_array(folder / DEFICITS_NAME, np.uint8, record.postings) if fine else None
        return Forward(postings.indptr, postings.indices, postings.weights, deficits)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        forward: Forward = segment.part(self.name)
        dim = segment.record.dim
        if largest(forward.indices) >= dim:
            yield f"{TERMS_NAME}: a number is not below {dim:,}"
        if not ascend_within_rows(forward.indptr, forward.indices):
            yield f"{TERMS_NAME}: numbers do not ascend within a row"
        if holds_zero(forward.weights):
            yield f"{WEIGHTS_NAME}: a weight is zero"
