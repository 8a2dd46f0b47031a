"""What a search costs beyond its kernel."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from lsr.index import Index, IndexBuilder
from lsr.vectors.sparse import SparseVectors

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Overhead:
    """Microseconds of a search with almost nothing to search: medians over the queries.

    Attributes:
        hot_us: such searches one after another, with all code and data in the nearest caches.
        after_search_us: each right after a search of the real index, which has filled the caches with its own data, as
            in practice.
    """

    hot_us: float
    after_search_us: float


def measure_overhead(index: Index, queries: SparseVectors, k: int, mode: str, **parameters: Any) -> Overhead:
    """Time searches of an index of `k` documents as short as the queries.

    The queries keep their lengths and weights; their terms are numbered from 0, and every document holds all of these.
    Such a search takes every step of a real one (checking and preparing the query, handing it to the compiled code,
    making `k` hits), while its kernel has almost nothing to do: an upper bound of the overhead that needs no
    instrumentation. `index` is the real one, for `after_search_us`.
    """
    with tempfile.TemporaryDirectory(prefix="lsr-bench-") as folder:
        rows = [queries.row(i) for i in range(len(queries))]
        numbered = [np.arange(len(terms), dtype=np.uint32) for terms, _ in rows]
        small = _index_of_few(Path(folder) / "index", queries.dim, max(map(len, numbered)), k)
        small.sparse.warm_up()
        hot, after = np.full(len(rows), np.inf), np.full(len(rows), np.inf)
        for _ in range(_ROUNDS):
            for i, (_, weights) in enumerate(rows):
                started = perf_counter()
                small.search(numbered[i], weights, k, mode=mode, **parameters)
                hot[i] = min(hot[i], perf_counter() - started)
            for i, (terms, weights) in enumerate(rows):
                index.search(terms, weights, k, mode=mode, **parameters)
                started = perf_counter()
                small.search(numbered[i], weights, k, mode=mode, **parameters)
                after[i] = min(after[i], perf_counter() - started)
    return Overhead(float(np.median(hot)) * 1e6, float(np.median(after)) * 1e6)


def _index_of_few(path: Path, dim: int, terms: int, documents: int) -> Index:
    # Scores differ, so that the hits have to be ordered.
    rows = [(np.arange(terms), np.full(terms, 1 + row / documents, np.float32)) for row in range(documents)]
    with IndexBuilder(path, dim=dim) as builder:
        builder.add(SparseVectors.from_rows(rows, dim=dim))
        return builder.finish(threads=1)
