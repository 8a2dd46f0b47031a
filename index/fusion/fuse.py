"""Fusing two rankings of one index: of one segment, by one call of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.types import CombinedScores, Rows
from lsr.index.engines.prepared import PreparedQuery
from lsr.index.engines.scratch import BorrowedScratch
from lsr.index.fusion.kernel import fuse_rankings
from lsr.index.fusion.methods import IDENTITY, Normaliser
from lsr.index.live.ties import settle

if TYPE_CHECKING:
    from lsr.index.live.snapshot import Index
    from lsr.index.live.sparse import SnapshotQueries


class Fused(NamedTuple):
    """The best of two rankings, best first, ties in row order.

    Attributes:
        rows: int64 [n]; scores: float64 [n].
        ranks: int64 [2, n]: the rank on each side, from 1; 0 if that side did not return the row.
        side_scores: float32 [2, n]; NaN if a side did not return the row and scores were not completed.
        contributions: float64 [2, n]: what each side adds to the score.
    """

    rows: Rows
    scores: CombinedScores
    ranks: Rows
    side_scores: npt.NDArray[np.float32]
    contributions: CombinedScores


def fuse(
    index: Index,
    sparse: tuple[Rows, npt.NDArray[np.float32]],
    dense: tuple[Rows, npt.NDArray[np.float32]],
    shares: tuple[float, float],
    k: int | None,
    *,
    maps: tuple[Normaliser, Normaliser] = (IDENTITY, IDENTITY),
    divisors: npt.NDArray[np.float64] | None = None,
    absent: tuple[float, float] = (0.0, 0.0),
    complete: tuple[SnapshotQueries | None, npt.NDArray[np.float32]] | None = None,
) -> Fused:
    """The k best (all, for None) of two rankings, each (rows, scores), best first.

    A side adds its share of the mapped score or, if `divisors` are given, of 1 / divisors[rank - 1], one for each rank.
    A row that it did not return has no rank there, and the score `absent`. With `complete`, the queries as
    `SparseSearch.prepare` and (a row of) `Dense.prepare` return them, that is replaced by the true score as far as this
    decides which rows are among the k best; `absent` must then not be below the true score. None as the sparse query
    says that `absent` is the true score there.
    """
    sides = np.array([(*each, share, other) for each, share, other in zip(maps, shares, absent, strict=True)])
    segment = index.sparse.only
    if segment is None:
        return _fuse_several(index, (sparse, dense), sides, k, divisors, complete)
    sparse_query, dense_query = complete or (None, _NO_VECTOR)
    (asked,) = [_NO_QUERY] if sparse_query is None else sparse_query.by_segment[0]
    with BorrowedScratch(segment) as scratch:
        found = fuse_rankings(
            *segment.forward_arrays,
            left=sparse[0],
            left_scores=sparse[1],
            right=dense[0],
            right_scores=dense[1],
            sides=sides,
            divisors=_NO_DIVISORS if divisors is None else divisors,
            k=len(sparse[0]) + len(dense[0]) if k is None else k,
            row_positions=segment.row_positions,
            terms=asked.terms,
            term_turns=asked.turns,
            term_weights=asked.weights,
            lookup=scratch.lookup(len(asked.terms)),
            vectors=_NO_VECTOR if complete is None else segment.part("dense").flat,
            query=dense_query,
            completes=complete is not None,
        )
    return Fused(*found)


def _fuse_several(
    index: Index,
    rankings: tuple[tuple[Rows, npt.NDArray[np.float32]], tuple[Rows, npt.NDArray[np.float32]]],
    sides: npt.NDArray[np.float64],
    k: int | None,
    divisors: npt.NDArray[np.float64] | None,
    complete: tuple[SnapshotQueries | None, npt.NDArray[np.float32]] | None,
) -> Fused:
    """As `fuse_rankings`, to the bit, of rankings of several segments: all unknown scores are completed at once."""
    rows = np.union1d(rankings[0][0], rankings[1][0])
    ranks = np.zeros((2, len(rows)), np.int64)
    scores = np.empty((2, len(rows)), np.float32)
    contributions = np.zeros((2, len(rows)))
    for side, (found, known) in enumerate(rankings):
        shift, factor, share, absent = sides[side]
        places = np.searchsorted(rows, found)
        ranks[side, places], scores[side] = np.arange(1, len(found) + 1), absent
        scores[side, places] = known
        lacking = ranks[side] == 0
        if complete is not None and lacking.any():
            sparse_query, dense_query = complete
            if side == 1:
                scores[side, lacking] = index.parts["dense"].scores_prepared(dense_query, rows[lacking])
            elif sparse_query is not None:
                scores[side, lacking] = index.sparse.scores_prepared(sparse_query, rows[lacking])
        if divisors is None:
            contributions[side] = share * ((scores[side].astype(np.float64) - shift) * factor)
        else:
            contributions[side, ~lacking] = share / divisors[ranks[side, ~lacking] - 1]
        if complete is None:
            scores[side, lacking] = np.nan
    total = contributions[0] + contributions[1]
    order = settle(np.argsort(-total, kind="stable"), rows, total, k, index.documents.row_order)
    return Fused(rows[order], total[order], ranks[:, order], scores[:, order], contributions[:, order])


_NO_VECTOR, _NO_DIVISORS = np.empty(0, np.float32), np.empty(0)
_NO_QUERY = PreparedQuery(np.empty(0, np.uint32), _NO_VECTOR, np.empty(0, np.int32))
