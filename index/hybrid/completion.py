"""The true scores of documents that one side did not return, as far as they matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lsr.index.hybrid.fusion import Normaliser
from lsr.index.kernels.completion import complete

if TYPE_CHECKING:
    from lsr.index.reader import Index


def complete_best(
    index: Index,
    sparse: tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]] | None,
    dense: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    ranks: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    contributions: npt.NDArray[np.float64],
    maps: tuple[Normaliser, ...],
    shares: tuple[float, float],
    k: int | None,
) -> npt.NDArray[np.bool_]:
    """Complete `scores` and `contributions` (both [2, n]) in place, best bound first, until the k best are known.

    What stands in them for a side that did not return a document (rank 0) must not be below the truth. Documents that
    cannot be among the k best are left as they are: bool [n] says which were not. k None completes all.

    `sparse` is the query's (term ids, weights); None where the sparse scores need no completing. `dense` is a row of
    what `Dense.prepare` returned.
    """
    segment = index._segment
    prepared = next(iter(index._prepare(*(sparse or _NOTHING))))
    kept = np.zeros(len(rows), np.bool_)
    most = len(rows) if k is None else min(k, len(rows))
    affine = np.array([(*each, share) for each, share in zip(maps, shares, strict=True)])
    with index._borrowed_scratch() as scratch:
        complete(
            *segment.forward_arrays,
            segment.row_positions,
            *prepared,
            scratch.lookup(len(prepared.terms)),
            index.dense.flat,
            dense,
            rows,
            ranks,
            scores,
            contributions,
            affine,
            kept,
            np.empty(max(most, 1)),
            np.empty(max(most, 1), np.int64),
        )
    return kept


_NOTHING = (np.empty(0, np.uint32), np.empty(0, np.float32))
