"""The forward index: every document's terms and weights, by position. All scores come from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.index.format.arrays import open_array
from lsr.index.format.checks import ascend_within_rows, holds_zero, largest
from lsr.index.format.postings import Postings, deficit_dtype, open_postings, term_dtype
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
        deficits: by which parts of a unit `weights` are too large: uint8 [nnz] of 256ths in an index of 16 bits a
            weight, uint16 [nnz] of 65,536ths in one of 24, None in one of 8.
    """

    deficits: npt.NDArray[Any] | None = None

    def vector(self, position: int, scale: np.float32) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Term ids, ascending, and weights of the document at a position."""
        pairs = slice(self.indptr[position], self.indptr[position + 1])
        deficits = None if self.deficits is None else self.deficits[pairs]
        return self.indices[pairs].astype(np.uint32), as_floats(self.weights[pairs], deficits, scale)


def as_floats(
    weights: npt.NDArray[np.uint8], deficits: npt.NDArray[Any] | None, scale: np.float32
) -> npt.NDArray[np.float32]:
    """Stored weights as the float32 values that they represent; `deficits` are as in `Forward`."""
    steps = weights.astype(np.float32)
    if deficits is not None:
        steps -= deficits.astype(np.float32) / np.float32(1 << 8 * deficits.itemsize)
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
        dtype = deficit_dtype(record.settings.weight_bits)
        deficits = None if dtype is None else open_array(folder / DEFICITS_NAME, dtype, record.postings)
        return Forward(postings.indptr, postings.indices, postings.weights, deficits)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        forward: Forward = segment.part(self.name)
        dim = segment.record.dim
        if largest(forward.indices) >= dim:
            yield f"{TERMS_NAME}: a number is not below {dim:,}"
        shared = segment.record.shared
        if not ascend_within_rows(forward.indptr, forward.indices, None if shared is None else shared.first):
            yield f"{TERMS_NAME}: numbers do not ascend within a row"
        if holds_zero(forward.weights):
            yield f"{WEIGHTS_NAME}: a weight is zero"
