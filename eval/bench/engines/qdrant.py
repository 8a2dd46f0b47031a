"""The engine of Qdrant, in this process (package qdrant-edge-py): its segment with an index of sparse vectors.

Its search is exact for the weights it stores, of 32, 16 or 8 bits. All documents are in one segment, searched by one
thread; they are added in batches, then optimised and written to disk. It has no batch call that takes threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module, metadata
from pathlib import Path
from time import perf_counter
from typing import Any

from lsr.eval.bench.engines.apart import call_apart
from lsr.eval.bench.engines.contract import BuiltIndex, Configuration, Effort, Queries
from lsr.eval.bench.engines.disk import bytes_on_disk
from lsr.vectors.files import iter_vectors

_TYPES = {Effort.quick: ("Float32",), Effort.full: ("Float32", "Float16", "Uint8")}
_FIELD = "terms"
_DOCUMENTS_A_CALL = 1024


class QdrantEngine:
    """The engine; see `lsr.eval.bench.engines.contract.Engine`."""

    name = "qdrant"
    mean_from_batch = False
    build_input = "Python lists"
    reusable = True

    def __init__(self) -> None:
        self.version = metadata.version("qdrant-edge-py")

    def builds(self, effort: Effort) -> list[dict[str, Any]]:
        """Builds with weights of different types."""
        return [{"datatype": name} for name in _TYPES[effort]]

    def build(self, documents: Path, dim: int, folder: Path, settings: Mapping[str, Any], threads: int) -> BuiltIndex:
        """Build in a separate process."""
        shard = folder / "shard"
        shard.mkdir()
        facts = call_apart(f"{__name__}:build_index", threads, documents=documents, dim=dim, shard=shard, **settings)
        return BuiltIndex(folder, bytes_on_disk(shard), facts.pop("seconds"), facts)

    def open(self, built: BuiltIndex, queries: Queries) -> OpenQdrant:
        """Load the segment."""
        return OpenQdrant(built, queries)


class OpenQdrant:
    """The loaded segment."""

    def __init__(self, built: BuiltIndex, queries: Queries) -> None:
        self._qdrant = import_module("qdrant_edge")
        config = _config(self._qdrant, built.facts["datatype"])
        self._shard = self._qdrant.EdgeShard.load(str(built.folder / "shard"), config)
        self._queries = [
            self._qdrant.Query.Nearest(self._qdrant.SparseVector(terms.tolist(), weights.tolist()), _FIELD)
            if len(terms)
            else None
            for _, terms, weights in queries.vectors
        ]

    def configurations(self, k: int, effort: Effort) -> list[Configuration]:
        """The only configuration: there is nothing to choose."""
        return [Configuration("exact")]

    def searcher(self, k: int, configuration: Configuration) -> Callable[[int], Any]:
        """One query per call."""
        search, request = self._shard.search, self._qdrant.SearchRequest
        requests = [None if query is None else request(query, k) for query in self._queries]

        def run(query: int) -> Any:
            asked = requests[query]
            # It refuses a query without terms.
            return [] if asked is None else search(asked)

        return run

    def rows(self, answer: Any) -> list[int]:
        """The points' ids are row numbers."""
        return [point.id for point in answer]

    def batch(self, k: int, configuration: Configuration, part: int, threads: int) -> None:
        """None: there is no such call."""
        return


def build_index(documents: Path, dim: int, shard: Path, datatype: str) -> dict[str, Any]:
    """Build an index in the empty folder `shard`; returns "seconds", the time in the engine, and the "datatype"."""
    qdrant = import_module("qdrant_edge")
    index = qdrant.EdgeShard.create(str(shard), _config(qdrant, datatype))
    seconds, row = 0.0, 0
    for batch in iter_vectors(documents, dim=dim, batch_rows=_DOCUMENTS_A_CALL):
        points = []
        for _, terms, weights in batch:
            points.append(qdrant.Point(row, {_FIELD: qdrant.SparseVector(terms.tolist(), weights.tolist())}, {}))
            row += 1
        started = perf_counter()
        index.update(qdrant.UpdateOperation.upsert_points(points))
        seconds += perf_counter() - started
    started = perf_counter()
    index.optimize()
    index.flush()
    seconds += perf_counter() - started
    index.close()
    return {"seconds": seconds, "datatype": datatype}


def _config(qdrant: Any, datatype: str) -> Any:
    sparse = qdrant.EdgeSparseVectorParams(datatype=getattr(qdrant.VectorStorageDatatype, datatype))
    return qdrant.EdgeConfig(
        sparse_vectors={_FIELD: sparse},
        # Documents that are not in an optimised segment would be scanned.
        optimizers=qdrant.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1),
        max_search_threads=1,
        wal_enabled=False,
    )
