"""The engine SINDI of VSAG (package pyvsag): window after window of documents, scores are added up in a dense array.

By Ant Group, in C++ (arXiv 2509.08395). Weights are floats or, with `use_quantization`, of 8 bits; `doc_prune_ratio`
is the share of a document's weight that is left out of the lists, and with `use_reorder` the `n_candidate` best are
scored anew by the whole vectors. A search without pruning of a build without it is exact. Two parameters of the search
are not tried: `term_prune_ratio`, which lost a third of the hits on real documents before it saved any time, and the
way into the heap, which is chosen as later versions do by themselves.

Its mean latency is that of one call with all queries, which it answers one after another on one thread. It leaves the
places of a short answer as they were in memory, so it is not asked for more hits than there can be, and an id that is
no row, or comes twice, is none. It prints to stdout.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module, metadata
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.eval.bench.engines.apart import call_apart
from lsr.eval.bench.engines.contract import BuiltIndex, Configuration, Effort, Queries
from lsr.vectors.files import read_vectors
from lsr.vectors.sparse import SparseVectors

# The first is exact; the last prunes, quantises and scores anew as its documentation proposes.
_LISTS: tuple[dict[str, Any], ...] = (
    {"doc_prune_ratio": 0.0, "use_quantization": False, "use_reorder": False},
    {"doc_prune_ratio": 0.0, "use_quantization": True, "use_reorder": True},
    {"doc_prune_ratio": 0.4, "use_quantization": True, "use_reorder": True},
)
# Documents a window: the least and the most that it takes.
_WINDOWS = {Effort.quick: (60_000,), Effort.full: (10_000, 60_000)}
_QUERY_PRUNES = {Effort.quick: (0.0, 0.2, 0.4), Effort.full: (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)}
# Candidates to score anew, times k.
_CANDIDATES = {Effort.quick: (2, 10), Effort.full: (2, 4, 10, 25)}
# With more pruning than this, documents enter the heap from the lists, and not from the array of scores.
_MOST_FROM_SCORES = 0.1


class SindiEngine:
    """The engine; see `lsr.eval.bench.engines.contract.Engine`."""

    name = "sindi"
    mean_from_batch = True
    build_input = "arrays in memory"
    reusable = True

    def __init__(self) -> None:
        self.version = metadata.version("pyvsag")

    def builds(self, effort: Effort) -> list[dict[str, Any]]:
        """Whole and pruned lists; for a full measurement in windows of two sizes."""
        return [{**lists, "window_size": size} for lists, size in product(_LISTS, _WINDOWS[effort])]

    def build(self, documents: Path, dim: int, folder: Path, settings: Mapping[str, Any], threads: int) -> BuiltIndex:
        """Build in a separate process; it has one thread, whatever `threads` says."""
        facts = call_apart(
            f"{__name__}:build_index", threads, documents=documents, dim=dim, folder=folder, settings=dict(settings)
        )
        return BuiltIndex(folder, (folder / "index").stat().st_size, facts.pop("seconds"), facts)

    def open(self, built: BuiltIndex, queries: Queries) -> OpenSindi:
        """Load the index."""
        return OpenSindi(built, queries)


class OpenSindi:
    """The loaded index."""

    def __init__(self, built: BuiltIndex, queries: Queries) -> None:
        self._settings, self._documents = built.facts["index"]["index_param"], built.facts["documents"]
        self._index = _module().Index("sindi", json.dumps(built.facts["index"]))
        self._index.load(str(built.folder / "index"))
        frequencies = np.load(built.folder / "frequencies.npy")
        self._queries = [_arrays(queries.vectors[i : i + 1]) for i in range(len(queries.vectors))]
        self._at_most = [int(frequencies[terms].sum()) for _, terms, _ in self._queries]
        self._parts = [_arrays(queries.vectors.take(rows)) for rows in queries.parts]

    def configurations(self, k: int, effort: Effort) -> list[Configuration]:
        """The grid of query_prune_ratio and, if candidates are scored anew, n_candidate."""
        reorders, whole = self._settings["use_reorder"], not self._settings["doc_prune_ratio"]
        found = []
        for prune in _QUERY_PRUNES[effort]:
            if not reorders:
                mode = "exact" if whole and not prune else "approximate"
                found.append(Configuration(mode, {"query_prune_ratio": prune}))
                continue
            for times in _CANDIDATES[effort]:
                found.append(Configuration("approximate", {"query_prune_ratio": prune, "n_candidate": times * k}))
        return found

    def searcher(self, k: int, configuration: Configuration) -> Callable[[int], Any]:
        """One query per call."""
        search, queries, at_most = self._index.knn_search, self._queries, self._at_most
        parameters = self._parameters(configuration)

        def run(query: int) -> Any:
            wanted = min(k, at_most[query])
            return search(*queries[query], wanted, parameters) if wanted else None

        return run

    def rows(self, answer: Any) -> list[int]:
        """The ids that are rows, each once."""
        ids = [] if answer is None else answer[0][0].tolist()
        return [row for row in dict.fromkeys(ids) if 0 <= row < self._documents]

    def batch(self, k: int, configuration: Configuration, part: int, threads: int) -> Callable[[], object] | None:
        """One call with the whole part, on one thread only."""
        if threads > 1:
            return None
        search, queries, parameters = self._index.knn_search, self._parts[part], self._parameters(configuration)
        return lambda: search(*queries, k, parameters)

    def _parameters(self, configuration: Configuration) -> str:
        most = max(configuration.parameters["query_prune_ratio"], self._settings["doc_prune_ratio"])
        from_lists = {"use_term_lists_heap_insert": most > _MOST_FROM_SCORES}
        return json.dumps({"sindi": {**configuration.parameters, **from_lists}})


def build_index(documents: Path, dim: int, folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Build and save an index, with the number of documents of each term in frequencies.npy (int64 [dim]).

    Returns "seconds", from arrays to the index in memory; "index", its parameters; "documents", their number.
    """
    vectors = read_vectors(documents, dim=dim)
    parameters = {
        "dtype": "sparse",
        "metric_type": "ip",
        # Not the size of the vocabulary, but of the longest document.
        "dim": max(int(np.diff(vectors.indptr).max(initial=0)), 1),
        "index_param": {"term_id_limit": dim, **settings},
    }
    index = _module().Index("sindi", json.dumps(parameters))
    arrays, ids = _arrays(vectors), np.arange(len(vectors))
    started = perf_counter()
    index.build(*arrays, ids)
    seconds = perf_counter() - started
    index.save(str(folder / "index"))
    np.save(folder / "frequencies.npy", np.bincount(vectors.indices, minlength=dim))
    return {"seconds": seconds, "index": parameters, "documents": len(vectors)}


def _arrays(vectors: SparseVectors) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
    """Starts, term ids and weights."""
    return (vectors.indptr - vectors.indptr[0]).astype(np.uint32), vectors.indices, vectors.weights


def _module() -> Any:
    module = import_module("pyvsag")
    module.set_logger_off()
    return module
