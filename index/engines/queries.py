"""Checking queries before they reach the kernels, which check nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import kind_of
from lsr.core.errors import InputError
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.format.arrays import plain
from lsr.index.format.columns import SharedColumns
from lsr.index.kernels.query import (
    BAD_WEIGHT,
    NOT_ASCENDING,
    OK,
    OUT_OF_VOCABULARY,
    prepare_queries,
    prepare_query,
    share_columns,
)
from lsr.vectors.sparse import SparseVectors

# Of more terms, rare ones are not put in order by insertion.
_SHORT = 256


def check_query(
    terms: npt.ArrayLike, weights: npt.ArrayLike, dim: int, scale: np.float32, weight_bits: int = 8
) -> PreparedQueries:
    """Check one query; return it with terms ascending and weights times the index's scale.

    They are rounded so that a score, the sum of products with stored weights of so many bits, is exact in float64.

    InputError if a term occurs twice or is not one of the `dim` terms of the index, or for a weight that is not finite
    and positive, or so small or large that scores would leave the range of float32.
    """
    term_ids = _as_term_ids(terms)
    query_weights = _as_weights(weights)
    if term_ids.ndim != 1 or term_ids.shape != query_weights.shape:
        raise InputError(
            f"term ids of shape {term_ids.shape} do not match weights of shape {query_weights.shape}: "
            "give one weight for each term id"
        )
    scaled = np.empty(len(term_ids), np.float32)
    code, at = prepare_query(term_ids, query_weights, dim, scale, weight_bits, scaled)
    if code == NOT_ASCENDING:
        order = np.argsort(term_ids, kind="stable")
        term_ids, query_weights = term_ids[order], query_weights[order]
        code, at = prepare_query(term_ids, query_weights, dim, scale, weight_bits, scaled)
    if code == OK:
        return PreparedQueries(np.array([0, len(term_ids)]), term_ids, scaled)
    if code == NOT_ASCENDING:
        raise InputError(f"term {term_ids[at]} occurs twice in the query")
    if code == OUT_OF_VOCABULARY:
        raise InputError(f"term id {term_ids[at]} is outside the index's vocabulary of {dim:,} terms")
    if code == BAD_WEIGHT:
        raise InputError(f"weight {query_weights[at]} of term {term_ids[at]} is not finite and positive")
    raise InputError(
        f"weight {query_weights[at]} of term {term_ids[at]} is too small or too large: with weights in "
        f"steps of {scale:.3g}, as in this index, scores would leave the range of float32"
    )


def check_queries(
    queries: SparseVectors, first: int, last: int, scale: np.float32, weight_bits: int = 8
) -> PreparedQueries:
    """Check rows first … last - 1 as `check_query` does."""
    start = queries.indptr[first]
    pairs = slice(start, queries.indptr[last])
    indptr = queries.indptr[first : last + 1] - start
    terms, weights = plain(queries.indices[pairs]), plain(queries.weights[pairs])
    scaled = np.empty(len(terms), np.float32)
    bad = prepare_queries(indptr, terms, weights, queries.dim, scale, weight_bits, scaled)
    if bad >= 0:
        check_query(
            *queries.row(first + bad), queries.dim, scale, weight_bits
        )  # raises the error that says what is wrong
    return PreparedQueries(indptr, terms, scaled)


def _as_weights(weights: npt.ArrayLike) -> npt.NDArray[np.float32]:
    try:
        return plain(np.asarray(weights, np.float32))
    except (TypeError, ValueError):
        raise InputError(f"weights must be numbers, not {kind_of(weights)}") from None


def in_columns(queries: PreparedQueries, ids: npt.NDArray[np.uint32]) -> PreparedQueries:
    """The queries by columns, whose term ids are `ids`, ascending; terms that are in no document are left out."""
    columns = np.minimum(np.searchsorted(ids, queries.terms), len(ids) - 1)
    known = ids[columns] == queries.terms
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(known)])[queries.indptr]
    return PreparedQueries(indptr, columns[known].astype(np.uint32), queries.weights[known])


def in_shared_columns(queries: PreparedQueries, columns: SharedColumns) -> PreparedQueries:
    """The queries by columns, of which rare terms share some."""
    terms = queries.terms
    if len(queries) == 1 and (not len(terms) or terms[-1] < columns.first):
        return queries
    if len(queries) == 1 and len(terms) <= _SHORT:
        # NumPy takes longer for this than the search of a small index.
        terms, weights, turns = terms.copy(), queries.weights.copy(), np.empty(len(terms), np.int32)
        share_columns(terms, weights, turns, columns.first, columns.shared)
        return PreparedQueries(queries.indptr, terms, weights, turns)
    rare = columns.arrange(queries.indptr, terms)
    if not len(rare.places):
        return queries
    terms, weights, turns = terms.copy(), queries.weights.copy(), np.full(len(terms), -1, np.int32)
    terms[rare.places], turns[rare.places] = rare.columns, rare.turns
    weights[rare.places] = queries.weights[rare.sources]
    return PreparedQueries(queries.indptr, terms, weights, turns)


def _as_term_ids(terms: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """Term ids as uint32, refusing what the cast would wrap or round."""
    try:
        ids = np.asarray(terms)
    except ValueError:  # lists of different lengths
        raise InputError(f"term ids must be integers, not {kind_of(terms)}") from None
    if ids.dtype == np.uint32:
        return plain(ids)
    if ids.size and (ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= 2**32):
        raise InputError("term ids must be integers in 0 … 2³² − 1")
    return np.ascontiguousarray(ids, np.uint32)
