"""Query vectors of one's own, by the ids of the queries that they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.counted import counted
from lsr.core.documents import Query
from lsr.core.errors import InputError
from lsr.index import Index
from lsr.search.asked import read_query_vectors
from lsr.search.many import read_dense_queries
from lsr.vectors.sparse import SparseVectors


@dataclass(frozen=True, slots=True)
class GivenVectors:
    """Query vectors that stand in the place of encoded texts.

    Attributes:
        rows: the row of each query's vectors, by its id.
        sparse: sparse vectors, or None.
        dense: float32 [queries, dim], or None.
    """

    rows: Mapping[str, int]
    sparse: SparseVectors | None = None
    dense: npt.NDArray[np.float32] | None = None

    def of(self, queries: Sequence[Query]) -> tuple[SparseVectors | None, npt.NDArray[np.float32] | None]:
        """The vectors of these queries, in their order. InputError for one that has none."""
        for query in queries:
            if query.id not in self.rows:
                raise InputError(f"the judged query {query.id!r} has no vector among the {len(self.rows):,} given")
        places = [self.rows[query.id] for query in queries]
        return (
            None if self.sparse is None else self.sparse.take(places),
            None if self.dense is None else self.dense[places],
        )


def read_given(
    index: Index, sparse: str | Path | None, dense: str | Path | None, ids: Sequence[str] | None = None
) -> GivenVectors:
    """The query vectors of files: sparse ones with their ids, and a .npy of dense ones, in the order of the former.

    Without the former, the order is that of `ids`: all queries of the collection. InputError for files that cannot be
    read, are of another vocabulary than the index, or have another number of vectors.
    """
    vectors = None if sparse is None else read_query_vectors(index, sparse)
    named = vectors.ids if vectors is not None else list(ids or [])
    rows = {id: row for row, id in enumerate(named)}
    if dense is None:
        return GivenVectors(rows, vectors)
    table = read_dense_queries(dense)
    check_as_many(table, named, dense)
    return GivenVectors(rows, vectors, table)


def check_as_many(table: npt.NDArray[np.float32], ids: Sequence[str], source: str | Path) -> None:
    """InputError unless there is a dense vector for each query."""
    if len(table) != len(ids):
        raise InputError(
            f"{counted(len(table), 'dense vectors')} came with {counted(len(ids), 'queries')}: give one for each, in "
            "their order",
            source=str(source),
        )
