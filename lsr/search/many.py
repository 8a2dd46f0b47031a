"""Many queries, out of files of texts and of vectors, as a retriever searches with them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lsr.core.counted import counted
from lsr.core.errors import InputError
from lsr.search.asked import read_query_vectors
from lsr.search.encoders import EncodedQueries
from lsr.search.plan import SearchPlan
from lsr.text import open_queries
from lsr.vectors.files import holds_vectors
from lsr.vectors.npy import open_npy_table

if TYPE_CHECKING:
    from lsr.search.retriever import Retriever

_BATCH = 1024


def open_asked(
    retriever: Retriever, source: str | Path | None, dense: str | Path | None, plan: SearchPlan
) -> Iterator[EncodedQueries]:
    """The queries of files, batch by batch, with all vectors that a plan searches with.

    `source` holds texts (as `open_queries` takes them) or sparse vectors; `dense` dense vectors, in its order, which
    alone are called by their numbers. InputError where the files do not go together, or lack what the plan needs, or
    hold what it has no use for.
    """
    retrieve = plan.retrieve
    vectors = None if dense is None else read_dense_queries(dense)
    if vectors is not None and not retrieve.needs_dense:
        raise InputError("this search has no use for dense vectors: choose mode dense or hybrid", source=str(dense))
    by_vector = source is not None and holds_vectors(source)
    if by_vector and not retrieve.needs_sparse:
        raise InputError("a dense search has no use for sparse vectors", source=str(source))
    if source is None or by_vector:
        if plan.rerank is not None:
            raise InputError("re-ranking reads the questions: give their texts")
        if source is None and retrieve.needs_sparse:
            raise InputError(f"a {retrieve.mode} search needs sparse queries as well, or texts", source=str(dense))
        if vectors is None and retrieve.needs_dense:
            raise InputError(f"a {retrieve.mode} search needs dense queries as well, or texts", source=str(source))
    return (
        _given(retriever, source, vectors) if source is None or by_vector else _texts(retriever, source, vectors, plan)
    )


def _given(
    retriever: Retriever, source: str | Path | None, dense: npt.NDArray[np.float32] | None
) -> Iterator[EncodedQueries]:
    sparse = None if source is None else read_query_vectors(retriever.index, source)
    ids = [str(number) for number in range(len(dense))] if sparse is None and dense is not None else []
    ids = ids if sparse is None else sparse.ids
    _as_many(len(ids), dense)
    for start in range(0, len(ids), _BATCH):
        part = slice(start, start + _BATCH)
        rows = None if sparse is None else sparse[part]
        yield EncodedQueries(ids[part], [""] * len(ids[part]), rows, None if dense is None else dense[part])


def _texts(
    retriever: Retriever, source: str | Path, dense: npt.NDArray[np.float32] | None, plan: SearchPlan
) -> Iterator[EncodedQueries]:
    queries, first = open_queries(str(source)), 0
    while batch := list(islice(queries, _BATCH)):
        texts, ids = [query.text for query in batch], [query.id for query in batch]
        rows = None if dense is None else dense[first : first + len(batch)]
        if rows is not None and len(rows) < len(batch):
            _as_many(first + len(batch), dense)
        first += len(batch)
        yield retriever.encode_queries(texts, plan, ids, dense=rows)
    _as_many(first, dense)


def _as_many(count: int, dense: npt.NDArray[np.float32] | None) -> None:
    if dense is not None and len(dense) != count:
        raise InputError(
            f"{counted(len(dense), 'dense vectors')} came with {counted(count, 'queries')}: give one for each"
        )


def read_dense_queries(path: str | Path) -> npt.NDArray[np.float32]:
    """The dense vectors of a .npy file, float32 [queries, dim]. InputError if it is none."""
    return np.asarray(open_npy_table(path, "queries"), np.float32)
