"""All documents that match a query and a filter: what is counted, and what is ordered by something else than scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.types import CombinedScores, Rows
from lsr.index.filters.allowed import AllowedRows
from lsr.index.fusion.grouping import group_rows
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.settings import DENSE, HYBRID, SPARSE_FIRST, RetrievalPlan

if TYPE_CHECKING:
    from lsr.index.live.snapshot import Index

_ROWS_AT_A_TIME = 1 << 16


class Matches(NamedTuple):
    """Documents that match, in no order: the rows of their best windows, int64 [n], and their scores, float64 [n]."""

    rows: Rows
    scores: CombinedScores


def all_matches(
    index: Index,
    query: HybridQuery,
    plan: RetrievalPlan,
    allow: npt.NDArray[Any] | None,
    min_score: float | None = None,
) -> Matches:
    """Every allowed document that a query matches, and that scores at least `min_score`.

    A search of terms matches what shares one with the query, a search of dense vectors every document that has a vector
    other than zeros, one of both what matches on either side. A query without vectors matches everything, with a score
    of 0. Each allowed document is scored, so this takes time that grows with their number. Dense vectors are as
    `Dense.prepare` returns them.

    InputError for a least score of documents whose rankings are fused: only those that are found have one.
    """
    rows = AllowedRows.of(allow, len(index)).among(index.documents.alive).numbers()
    mode = plan.retrieve.mode
    if min_score is not None and plan.retrieve.fuses:
        raise InputError("not all documents that match have a score where two rankings are fused", field="min_score")
    if query.sparse is None and query.dense is None:
        found, scores = rows, np.zeros(len(rows))
    elif mode == DENSE:
        found, scores = _by_dense(index, query, rows)
    else:
        found, scores = _by_terms(index, query, rows)
        if mode == HYBRID:
            others = _by_dense(index, query, rows)[0]
            found = np.union1d(found, others)
        if mode in (HYBRID, SPARSE_FIRST):
            scores = np.zeros(len(found))
    if index.documents.windows is not None:
        found, scores = group_rows(index, found, scores, len(found))
    if min_score is not None:
        enough = scores >= min_score
        found, scores = found[enough], scores[enough]
    return Matches(found, scores)


def _by_terms(index: Index, query: HybridQuery, rows: Rows) -> tuple[Rows, CombinedScores]:
    assert query.sparse is not None
    found, scored = [rows[:0]], [np.empty(0)]
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        part = rows[start : start + _ROWS_AT_A_TIME]
        scores = index.scores(*query.sparse, part)
        matching = scores > 0
        found.append(part[matching])
        scored.append(scores[matching].astype(np.float64))
    return np.concatenate(found), np.concatenate(scored)


def _by_dense(index: Index, query: HybridQuery, rows: Rows) -> tuple[Rows, CombinedScores]:
    assert query.dense is not None
    dense = index.parts["dense"]
    found, scored = [rows[:0]], [np.empty(0)]
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        part = rows[start : start + _ROWS_AT_A_TIME]
        scores = dense.scores_prepared(query.dense, part)
        matching = scores != 0
        if query.dense.any():
            matching[~matching] = dense.vectors[part[~matching]].any(axis=1)
        found.append(part[matching])
        scored.append(scores[matching].astype(np.float64))
    return np.concatenate(found), np.concatenate(scored)
