"""The engine zvec: Alibaba's vector database in this process, with HNSW on sparse vectors under inner product.

Measured through `Collection.query`, which makes Python objects of its hits. Only the graph can be chosen: in version
0.8.0 a search of sparse vectors took the same time for the same hits with an `ef` of 10 as with one of 2,000. It has no
batch call that takes threads.
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

_GRAPHS = {Effort.quick: ((16, 200),), Effort.full: ((16, 200), (50, 500))}
_FIELD = "terms"
# The most that it takes.
_DOCUMENTS_A_CALL = 1024


class ZvecEngine:
    """The engine; see `lsr.eval.bench.engines.contract.Engine`."""

    name = "zvec"
    mean_from_batch = False
    build_input = "Python dictionaries"
    reusable = True

    def __init__(self) -> None:
        self.version = metadata.version("zvec")

    def builds(self, effort: Effort) -> list[dict[str, Any]]:
        """A small graph; for a full measurement also that of its default settings."""
        return [{"m": m, "ef_construction": ef} for m, ef in _GRAPHS[effort]]

    def build(self, documents: Path, dim: int, folder: Path, settings: Mapping[str, Any], threads: int) -> BuiltIndex:
        """Build in a separate process."""
        path = folder / "collection"
        seconds = call_apart(
            f"{__name__}:build_index",
            threads,
            documents=documents,
            dim=dim,
            path=path,
            threads_of_build=threads,
            **settings,
        )
        return BuiltIndex(folder, bytes_on_disk(path), seconds)

    def open(self, built: BuiltIndex, queries: Queries) -> OpenZvec:
        """Open the collection."""
        return OpenZvec(built, queries)


class OpenZvec:
    """The open collection."""

    def __init__(self, built: BuiltIndex, queries: Queries) -> None:
        self._zvec = _module(1)
        option = self._zvec.CollectionOption(read_only=True)
        self._collection = self._zvec.open(str(built.folder / "collection"), option)
        self._queries = [
            dict(zip(terms.tolist(), weights.tolist(), strict=True)) for _, terms, weights in queries.vectors
        ]

    def configurations(self, k: int, effort: Effort) -> list[Configuration]:
        """The only configuration: there is nothing to choose."""
        return [Configuration("approximate")]

    def searcher(self, k: int, configuration: Configuration) -> Callable[[int], Any]:
        """One query per call."""
        search = self._collection.query
        asked = [self._zvec.Query(_FIELD, vector=query) for query in self._queries]

        def run(query: int) -> Any:
            # It refuses a query without terms.
            return search(asked[query], topk=k) if asked[query].vector else []

        return run

    def rows(self, answer: Any) -> list[int]:
        """The documents' names are their row numbers; what comes from the graph need not match."""
        return [int(document.id) for document in answer if document.score > 0]

    def batch(self, k: int, configuration: Configuration, part: int, threads: int) -> None:
        """None: there is no such call."""
        return


def build_index(documents: Path, dim: int, path: Path, threads_of_build: int, m: int, ef_construction: int) -> float:
    """Build a collection at `path`; returns the seconds spent in the engine."""
    zvec = _module(threads_of_build)
    parameters = zvec.HnswIndexParam(metric_type=zvec.MetricType.IP, m=m, ef_construction=ef_construction)
    vector = zvec.VectorSchema(_FIELD, zvec.DataType.SPARSE_VECTOR_FP32, index_param=parameters)
    collection = zvec.create_and_open(str(path), zvec.CollectionSchema(name="bench", vectors=[vector]))
    seconds, row = 0.0, 0
    for batch in iter_vectors(documents, dim=dim, batch_rows=_DOCUMENTS_A_CALL):
        made = []
        for _, terms, weights in batch:
            entries = dict(zip(terms.tolist(), weights.tolist(), strict=True))
            made.append(zvec.Doc(id=str(row), vectors={_FIELD: entries}))
            row += 1
        started = perf_counter()
        for status in collection.insert(made):
            if not status.ok():
                raise RuntimeError(status.message())
        seconds += perf_counter() - started
    started = perf_counter()
    collection.optimize()
    collection.flush()
    return seconds + perf_counter() - started


def _module(threads: int) -> Any:
    zvec = import_module("zvec")
    zvec.init(query_threads=threads, optimize_threads=threads, log_level=zvec.LogLevel.ERROR)
    return zvec
