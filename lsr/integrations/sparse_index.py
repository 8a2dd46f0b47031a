"""An inverted index in a temporary folder, for vectors of sparse encoders: it calls documents by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any
from weakref import finalize

from lsr.core.errors import InputError

if TYPE_CHECKING:
    from lsr.index import Index


class IndexFolder:
    """A folder for indexes of which each takes the place of the one before, and which goes with its owner."""

    def __init__(self, owner: Any, folder: str | Path | None) -> None:
        self.path = Path(mkdtemp(prefix="lsr-mteb-") if folder is None else folder)
        self._made = 0
        if folder is None:
            finalize(owner, rmtree, self.path, ignore_errors=True)

    def next(self) -> Path:
        """Where the next index goes; the one before, which may be searched yet, is removed."""
        rmtree(self.path / str(self._made), ignore_errors=True)
        self._made += 1
        return self.path / str(self._made)


class LsrSearchIndex:
    """An inverted index for the vectors of a sparse encoder (`IndexEncoderSearchProtocol`).

    `SearchEncoderWrapper(SparseEncoderWrapper(model), index_backend=LsrSearchIndex())` searches with it in place of
    scoring each query with each document. Weights are stored in 24 bits; scores are inner products of these.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        """`folder`: where indexes are built; a temporary folder, if it is not given."""
        self._folder = IndexFolder(self, folder)
        self._parts: list[Any] = []
        self._index: Index | None = None
        self.ids: list[str] = []

    def add_documents(self, embeddings: Any, idxs: Sequence[str]) -> None:
        """Add the vectors of documents, [n, dim], dense or sparse, of torch or numpy, of weights above 0."""
        first = len(self.ids)
        self.ids += [str(id) for id in idxs]
        # Rows are called by their numbers, which are what a search gives.
        self._parts.append(_vectors(embeddings, [str(number) for number in range(first, len(self.ids))]))
        self._index = None

    def search(
        self,
        embeddings: Any,
        top_k: int,
        similarity_fn: Callable[..., Any] | None = None,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        query_idx_to_id: Mapping[int, str] | None = None,
    ) -> tuple[list[list[float]], list[list[int]]]:
        """The scores and numbers of the best documents of each query; among `top_ranked`, numbers count in its list.

        Every similarity is the inner product. A query that shares no term with so many documents has fewer.
        """
        index = self.build()
        queries = _vectors(embeddings, [str(number) for number in range(embeddings.shape[0])])
        if top_ranked is None:
            found = index.search_batch(queries, min(top_k, len(self.ids)), mode="exact")
            return [[*map(float, hits.scores)] for hits in found], [[*map(int, hits.ids)] for hits in found]
        if query_idx_to_id is None:
            raise InputError("is needed with top_ranked", field="query_idx_to_id")
        numbers = {id: number for number, id in enumerate(self.ids)}
        scores: list[list[float]] = []
        places: list[list[int]] = []
        for number in range(len(queries)):
            among = [numbers[id] for id in top_ranked[query_idx_to_id[number]]]
            rows = [index.documents.row(str(each)) for each in among]
            terms, weights = queries.row(number)
            given = index.scores(terms, weights, rows)
            best = sorted(range(len(among)), key=lambda place: (-given[place], place))[:top_k]
            scores.append([float(given[place]) for place in best])
            places.append(best)
        return scores, places

    def clear(self) -> None:
        """Forget all documents."""
        self._parts, self._index, self.ids = [], None, []

    def build(self) -> Index:
        """The index of what was added; it is built when it is first searched, if it was not before."""
        from lsr.index import IndexBuilder, IndexSettings

        if self._index is None:
            if not self._parts:
                raise InputError("add documents first", field="embeddings")
            settings = IndexSettings(weight_bits=24)  # scores as those of the floats, as nearly as it goes
            with IndexBuilder(self._folder.next(), dim=self._parts[0].dim, settings=settings) as builder:
                for part in self._parts:
                    builder.add(part)
                self._index = builder.finish()
        return self._index


def _vectors(embeddings: Any, ids: list[str]) -> Any:
    import numpy as np
    import scipy.sparse

    from lsr.vectors.sparse import SparseVectors

    if hasattr(embeddings, "is_sparse"):
        return SparseVectors.from_torch(embeddings, ids)
    matrix = embeddings if hasattr(embeddings, "tocsr") else scipy.sparse.csr_array(np.asarray(embeddings, np.float32))
    return SparseVectors.from_scipy(matrix, ids)
