"""The engine kannolo: HNSW on sparse vectors by Seismic's authors, in Rust (Delfino et al., ECIR 2025).

Measured with three of its kinds of index: weights of 16 bits with term ids as they are (`SparsePlainHNSW`), 8 bits with
packed ids (`SparseDotPacking8HNSW`; `SparseFixedU8HNSW` gave the same answers as fast from a larger file), and a graph
of pruned vectors whose candidates are scored anew by the whole ones (`SparseRerankHNSW`). Graphs are "permuted", which
changes the order in memory and no answer. Term ids have 16 bits, so larger vocabularies are left out.

Its mean latency is that of `batch_search` on one thread, and percentiles are of `search`, as for Seismic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module, metadata
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from lsr.eval.bench.engines.apart import call_apart
from lsr.eval.bench.engines.contract import BuiltIndex, Configuration, Effort, LeftOut, Queries
from lsr.eval.bench.vectors import below
from lsr.vectors.files import read_vectors

_RERANK = "SparseRerankHNSW"
_QUICK = {"kind": "SparseDotPacking8HNSW", "m": 32, "ef_construction": 200}
_BUILDS = {
    Effort.quick: (_QUICK,),
    # The second is its authors' choice for MS MARCO (experiments/best_configs of TusKANNy/kannolo), the third theirs
    # for SISAP 2026's task 3; `prune_percentage` is what is kept of a vector's sum of weights.
    Effort.full: (
        _QUICK,
        {"kind": "SparsePlainHNSW", "m": 32, "ef_construction": 2000},
        {"kind": _RERANK, "m": 32, "ef_construction": 1000, "prune_percentage": 75.0},
    ),
}
_GRAPH = "permuted"
_EF_SEARCH = {Effort.quick: (20, 100, 500), Effort.full: (10, 20, 50, 100, 200, 400, 800, 1600)}
# With the early exit that its authors recommend, ef_search is small: these times k.
_EARLY_EF = {Effort.quick: (1,), Effort.full: (1, 3)}
_EARLY_EXITS = {Effort.quick: (0.1, 0.3), Effort.full: (0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)}
# Candidates to score anew, times k.
_CANDIDATES = {Effort.quick: (5,), Effort.full: (2, 5, 10)}
_MAX_TERMS = 65_536


class KannoloEngine:
    """The engine; see `lsr.eval.bench.engines.contract.Engine`."""

    name = "kannolo"
    mean_from_batch = True
    build_input = "arrays in memory"
    reusable = True

    def __init__(self) -> None:
        self.version = metadata.version("kannolo")

    def builds(self, effort: Effort) -> list[dict[str, Any]]:
        """A small graph; for a full measurement also its authors' two, which take long to build."""
        return [dict(build) for build in _BUILDS[effort]]

    def build(self, documents: Path, dim: int, folder: Path, settings: Mapping[str, Any], threads: int) -> BuiltIndex:
        """Build in a separate process."""
        if dim > _MAX_TERMS:
            raise LeftOut(f"its term ids have 16 bits, but the vocabulary has {dim:,} terms")
        output = folder / "index"
        facts = call_apart(
            f"{__name__}:build_index", threads, documents=documents, dim=dim, output=output, settings=dict(settings)
        )
        return BuiltIndex(folder, output.stat().st_size, facts.pop("seconds"), facts)

    def open(self, built: BuiltIndex, queries: Queries) -> OpenKannolo:
        """Load the index."""
        return OpenKannolo(built, queries)


class OpenKannolo:
    """The loaded index."""

    def __init__(self, built: BuiltIndex, queries: Queries) -> None:
        kind = built.facts["kind"]
        self._reranks = kind == _RERANK
        self._index = getattr(import_module("kannolo"), kind).load(str(built.folder / "index"), graph_type=_GRAPH)
        # A term beyond the largest of the documents ends the process.
        vectors = below(queries.vectors, built.facts["terms"])
        self._queries = [(terms.astype(np.int32), weights) for _, terms, weights in vectors]
        self._parts = [vectors.take(rows) for rows in queries.parts]

    def configurations(self, k: int, effort: Effort) -> list[Configuration]:
        """The grid of ef_search, and that of early exits with a small one; with candidates, if these are scored anew.

        No ef_search is less than the hits or candidates wanted of the graph.
        """
        return [Configuration("approximate", each) for wanted in self._wanted(k, effort) for each in wanted]

    def _wanted(self, k: int, effort: Effort) -> list[list[dict[str, Any]]]:
        grids: list[list[dict[str, Any]]] = []
        for times in _CANDIDATES[effort] if self._reranks else (1,):
            own: dict[str, Any] = {"k_candidates": k * times} if self._reranks else {}
            least = k * times
            grids.append([{**own, "ef_search": ef} for ef in sorted({least, *_EF_SEARCH[effort]}) if ef >= least])
            early = product((1,) if self._reranks else _EARLY_EF[effort], _EARLY_EXITS[effort])
            grids.append([{**own, "ef_search": least * ef, "early_exit_threshold": exit} for ef, exit in early])
        return grids

    def searcher(self, k: int, configuration: Configuration) -> Callable[[int], Any]:
        """One query per call."""
        search, queries, arguments = self._index.search, self._queries, {"k": k, **configuration.parameters}

        def run(query: int) -> Any:
            terms, weights = queries[query]
            return search(terms, weights, **arguments)

        return run

    def rows(self, answer: Any) -> list[int]:
        """The rows of those that score above 0: what comes from the graph need not match, and -1 stands for nothing."""
        scores, rows = answer
        return [row for row, score in zip(rows.tolist(), scores.tolist(), strict=True) if row >= 0 and score > 0]

    def batch(self, k: int, configuration: Configuration, part: int, threads: int) -> Callable[[], object]:
        """`batch_search`."""
        vectors, search = self._parts[part], self._index.batch_search
        flat = vectors.indices.astype(np.int32), vectors.weights, vectors.indptr.astype(np.int64)
        arguments = {"k": k, **configuration.parameters, "num_threads": threads}
        return lambda: search(*flat, **arguments)


def build_index(documents: Path, dim: int, output: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Build and save an index.

    Returns "seconds", from arrays to the index in memory; "terms", how many its vocabulary has; and its "kind".
    """
    vectors = read_vectors(documents, dim=dim)
    terms, starts = vectors.indices.astype(np.int32), vectors.indptr.astype(np.int64)
    parameters = dict(settings)
    build = getattr(import_module("kannolo"), parameters.pop("kind")).build_from_arrays
    started = perf_counter()
    index = build(terms, vectors.weights, starts, **parameters, graph_type=_GRAPH)
    seconds = perf_counter() - started
    index.save(str(output))
    return {"seconds": seconds, "terms": int(terms.max(initial=-1)) + 1, "kind": settings["kind"]}
