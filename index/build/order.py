"""The order of the documents in an index: similar ones side by side, so that the bounds of blocks are tight."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lsr.core.executor import SERIAL, Executor, executor
from lsr.index.format.postings import Postings
from lsr.index.kernels.ordering import chain, nearest_centroids, set_centroids
from lsr.index.kernels.random import sample

# Clusters of at most so many documents are chained; the time grows with the square of the number.
LEAF = 256
_MOST_CLUSTERS = 1024
# Cells of a matrix of centroids: 128 MiB.
_MOST_CENTROID_CELLS = 1 << 25
_SAMPLE_PER_CLUSTER = 32
_ROUNDS = 2
_ASSIGN_AT_A_TIME = 8192


def order_documents(
    documents: Postings,
    dim: int,
    seed: int = 0,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
    rows: npt.NDArray[np.uint32] | None = None,
) -> npt.NDArray[np.uint32]:
    """Put similar documents side by side; return the number of the document at each position: uint32 [documents].

    Documents are split by k-means into clusters, and these again, down to a few hundred documents, which are chained
    by nearest neighbour. The order depends on the seed and not on `threads` (default: as many as there are CPUs).
    `rows`: uint32 [documents], their numbers in the order of their rows (default: as they are numbered). The positions
    of the rows depend on that order alone, not on the numbers.
    Memory: 128 MiB of centroids, for each thread a few MiB, and 24 bytes a document. `progress` is called with the
    number of documents just placed.
    """
    order = np.empty(len(documents), np.int64)
    members = np.arange(len(documents)) if rows is None else rows.astype(np.int64)
    with executor(threads) as workers:

        def place(group: tuple[int, npt.NDArray[np.int64]]) -> int:
            start, placed = group
            _place(documents, dim, seed, placed, order[start : start + len(placed)])
            return len(placed)

        groups = _split(documents, dim, seed, members, workers) if len(members) > LEAF else [members]
        starts = np.cumsum([0] + [len(group) for group in groups])
        for placed in workers.map(place, zip(starts.tolist(), groups, strict=False)):
            if progress is not None:
                progress(placed)
    return order.astype(np.uint32)


def _place(documents: Postings, dim: int, seed: int, rows: npt.NDArray[np.int64], order: npt.NDArray[np.int64]) -> None:
    """Fill `order` with `rows`, similar ones side by side."""
    dense = np.zeros(dim, np.int32)
    waiting = [rows]
    start = 0
    while waiting:
        members = waiting.pop()
        if len(members) > 2 * LEAF:
            parts = _split(documents, dim, seed, members)
            if len(parts) == 1:
                # What k-means cannot separate is cut anywhere.
                parts = [members[i : i + LEAF] for i in range(0, len(members), LEAF)]
            waiting += reversed(parts)
            continue
        stop = start + len(members)
        chain(documents.indptr, documents.indices, documents.weights, members, dense, order[start:stop])
        start = stop


def _split(
    documents: Postings, dim: int, seed: int, rows: npt.NDArray[np.int64], workers: Executor = SERIAL
) -> list[npt.NDArray[np.int64]]:
    """Split `rows` into clusters; return those that are not empty, each with its rows in their order."""
    arrays = (documents.indptr, documents.indices, documents.weights)
    clusters = max(2, min(len(rows) // LEAF, _MOST_CLUSTERS, _MOST_CENTROID_CELLS // dim))
    drawn = min(len(rows), clusters * _SAMPLE_PER_CLUSTER)
    chosen = np.empty(len(rows), np.int64)
    sample(len(rows), drawn, np.uint64(seed), chosen)
    chosen = rows[chosen[:drawn]]
    centroids = np.empty((dim, clusters), np.float32)
    set_centroids(*arrays, chosen[:clusters], np.arange(clusters), centroids)

    def assign(members: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        labels = np.empty(len(members), np.int64)
        nearest_centroids(*arrays, members, centroids, labels)
        return labels

    def assign_all(members: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        parts = [members[i : i + _ASSIGN_AT_A_TIME] for i in range(0, len(members), _ASSIGN_AT_A_TIME)]
        return np.concatenate(list(workers.map(assign, parts)))

    for _ in range(_ROUNDS):
        set_centroids(*arrays, chosen, assign_all(chosen), centroids)
    labels = assign_all(rows)
    by_label = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=clusters))
    return [group for group in np.split(rows[by_label], ends[:-1]) if len(group)]
