"""An order of documents in which similar ones are neighbours, by clustering around random documents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from lsr.vectors.sparse import SparseVectors

# Approximate numbers of documents in a cluster.
TOPIC = 512
SUBTOPIC = 16


def topical_order(vectors: SparseVectors, seed: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Cluster documents in two levels around random ones; return the order of rows, and where clusters end.

    Documents go to the topic (of about TOPIC) whose centre is nearest by cosine, and there to the subtopic (of about
    SUBTOPIC). Returns (order int64 [n], ends int64 [subtopics]): subtopic i holds order[ends[i - 1] : ends[i]].
    Neighbouring topics follow each other.
    """
    rng = np.random.default_rng(seed)
    rows = np.arange(len(vectors))
    arrays = (vectors.indptr, vectors.indices, vectors.weights)
    centres = rng.choice(rows, max(1, len(rows) // TOPIC), replace=False)
    groups = rng.choice(centres, max(1, round(len(centres) ** 0.5)), replace=False)
    centres = centres[np.argsort(_nearest(*arrays, centres, groups, vectors.dim), kind="stable")]
    topics = _nearest(*arrays, rows, centres, vectors.dim)
    order = np.argsort(topics, kind="stable")
    ends = []
    start = 0
    for stop in np.cumsum(np.bincount(topics, minlength=len(centres))):
        members = order[start:stop]
        if len(members):
            chosen = rng.choice(members, max(1, len(members) // SUBTOPIC), replace=False)
            subtopics = _nearest(*arrays, members, chosen, vectors.dim)
            order[start:stop] = members[np.argsort(subtopics, kind="stable")]
            sizes = np.bincount(subtopics)
            ends.append(start + np.cumsum(sizes[sizes > 0]))
        start = stop
    return order, np.concatenate(ends)


@njit(nogil=True, cache=True)
def _nearest(indptr, indices, weights, rows, centres, dim):
    """The number of each row's centre with the largest cosine (ties: the first): int64 [rows]."""
    offsets = np.zeros(dim + 2, np.int64)
    for centre in centres:
        for p in range(indptr[centre], indptr[centre + 1]):
            offsets[indices[p] + 2] += 1
    offsets = np.cumsum(offsets)
    numbers = np.empty(offsets[-1], np.int64)
    shares = np.empty(offsets[-1], np.float32)
    for i, centre in enumerate(centres):
        values = weights[indptr[centre] : indptr[centre + 1]]
        norm = np.sqrt((values * values).sum())
        for p in range(indptr[centre], indptr[centre + 1]):
            place = offsets[indices[p] + 1]
            offsets[indices[p] + 1] += 1
            numbers[place], shares[place] = i, weights[p] / norm
    nearest = np.empty(rows.size, np.int64)
    found = np.zeros(centres.size, np.float32)
    for i, row in enumerate(rows):
        found[:] = 0
        for p in range(np.uint64(indptr[row]), np.uint64(indptr[row + 1])):
            weight = weights[p]
            for e in range(np.uint64(offsets[indices[p]]), np.uint64(offsets[indices[p] + 1])):
                found[numbers[e]] += weight * shares[e]
        nearest[i] = found.argmax()
    return nearest
