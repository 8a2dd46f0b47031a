"""Other engines' search among the documents that a filter allows: of the same vectors, with the same fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lsr.core.errors import MissingDependencyError
from lsr.vectors.sparse import SparseVectors

Fields = Mapping[str, Any]
Batch = tuple[SparseVectors, list[Fields]]

# Points that are given to the engine at once.
_TOGETHER = 1000


class FilteredPeer(Protocol):
    """An engine that holds all documents, numbered as they came.

    Attributes:
        title: for tables, with what is not as in ours.
    """

    title: str

    def __init__(self, folder: Path, batches: Iterator[Batch], dim: int) -> None: ...

    def asking(
        self, terms: npt.NDArray[np.uint32], weights: npt.NDArray[np.float32], k: int, filter: Any, mask: Any
    ) -> Any:
        """A query in the engine's own form; filter: of `field_filters`; mask: bool [documents], or None."""

    def search(self, asked: Any) -> Any:
        """The engine's own answer."""

    def numbers(self, answer: Any) -> list[int]:
        """The documents of an answer, the best first."""


class QdrantFiltered:
    """qdrant-edge: a shard in this process; the fields are indexed, and segments optimized.

    Its Python package asks for the integer 1 where it is given True, so what is true or false is an integer here.
    """

    title = "qdrant-edge"

    def __init__(self, folder: Path, batches: Iterator[Batch], dim: int) -> None:
        import qdrant_edge as qdrant

        self._qdrant = qdrant
        folder.mkdir()
        config = qdrant.EdgeConfig(sparse_vectors={"terms": qdrant.EdgeSparseVectorParams()})
        self._shard = qdrant.EdgeShard.create(str(folder), config)
        kinds = qdrant.PayloadSchemaType
        for name, kind in (("number", kinds.Integer), ("kind", kinds.Keyword), ("even", kinds.Integer)):
            self._shard.update(qdrant.UpdateOperation.create_field_index(name, kind))
        count = 0
        for vectors, fields in batches:
            points = []
            for row, of_row in enumerate(fields):
                terms, weights = vectors.row(row)
                points.append(
                    qdrant.Point(
                        count, {"terms": self._sparse(terms, weights)}, {**of_row, "even": int(of_row["even"])}
                    )
                )
                count += 1
            for first in range(0, len(points), _TOGETHER):
                self._shard.update(qdrant.UpdateOperation.upsert_points(points[first : first + _TOGETHER]))
        self._shard.optimize()

    def _sparse(self, terms: npt.NDArray[np.uint32], weights: npt.NDArray[np.float32]) -> Any:
        return self._qdrant.SparseVector(terms.tolist(), weights.tolist())

    def asking(
        self, terms: npt.NDArray[np.uint32], weights: npt.NDArray[np.float32], k: int, filter: Any, mask: Any
    ) -> Any:
        nearest = self._qdrant.Query.Nearest(self._sparse(terms, weights), "terms")
        return self._qdrant.SearchRequest(nearest, k, filter=None if filter is None else self._filter(filter))

    def _filter(self, filter: tuple[str, Any]) -> Any:
        qdrant, (kind, value) = self._qdrant, filter
        below = lambda most: qdrant.FieldCondition("number", range=qdrant.RangeFloat(gte=0, lt=most))  # noqa: E731
        if kind == "keyword":
            return qdrant.Filter(must=[qdrant.FieldCondition("kind", match=qdrant.MatchAny(value))])
        if kind == "range":
            return qdrant.Filter(must=[below(value)])
        return qdrant.Filter(
            must=[below(value), qdrant.FieldCondition("even", match=qdrant.MatchValue(1))],
            must_not=[qdrant.FieldCondition("kind", match=qdrant.MatchValue("none"))],
        )

    def search(self, asked: Any) -> Any:
        return self._shard.search(asked)

    def numbers(self, answer: Any) -> list[int]:
        return [point.id for point in answer]


class Bm25sMasked:
    """bm25s, which is given the documents' weights for its own; a query's terms weigh 1 in it, and a mask filters."""

    title = "bm25s, terms without weights"

    def __init__(self, folder: Path, batches: Iterator[Batch], dim: int) -> None:
        import bm25s
        import scipy.sparse
        from bm25s.selection import topk

        self._topk = topk
        columns = scipy.sparse.vstack([vectors.to_scipy() for vectors, _ in batches]).tocsc()
        self._engine = bm25s.BM25()
        self._engine.nonoccurrence_array = None
        self._engine.scores = {
            "data": columns.data,
            "indices": columns.indices,
            "indptr": columns.indptr,
            "num_docs": columns.shape[0],
        }

    def asking(
        self, terms: npt.NDArray[np.uint32], weights: npt.NDArray[np.float32], k: int, filter: Any, mask: Any
    ) -> Any:
        return terms.tolist(), k, None if mask is None else mask.astype(np.float32)

    def search(self, asked: Any) -> Any:
        terms, k, mask = asked
        scores = self._engine.get_scores_from_ids(terms, weight_mask=mask)
        return self._topk(scores, k=min(k, len(scores)), backend="numpy", sorted=True)

    def numbers(self, answer: Any) -> list[int]:
        scores, numbers = answer
        return [int(number) for score, number in zip(scores, numbers, strict=True) if score > 0]


PEERS: dict[str, type[FilteredPeer]] = {"qdrant": QdrantFiltered, "bm25s": Bm25sMasked}


def opened(name: str, folder: Path, batches: Iterator[Batch], dim: int) -> FilteredPeer:
    """The engine with all documents. MissingDependencyError if its package is not there."""
    try:
        return PEERS[name](folder / name, batches, dim)
    except ModuleNotFoundError as error:
        package = {"qdrant_edge": "qdrant-edge-py"}.get(str(error.name), error.name)
        raise MissingDependencyError(f"{name} needs another package: pip install {package}") from error
