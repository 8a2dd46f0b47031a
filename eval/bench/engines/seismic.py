"""The engine pyseismic-lsr: Seismic by its authors, in Rust (Bruch, Nardini, Rulli and Venturini, SIGIR 2024).

Measured through `SeismicIndexRaw` (`SeismicIndexRawLV` for vocabularies beyond 65,536 terms), which takes term ids as
they are and returns row numbers. Its mean latency is that of `batch_search` with one thread over the queries of a file,
without the cost of Python objects; percentiles need single calls of `search`, which are timed with the arrays already
made, and nothing is subtracted for the call. Both means are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module, metadata
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.eval.bench.engines.apart import call_apart
from lsr.eval.bench.engines.contract import BuiltIndex, Configuration, Effort, Queries
from lsr.eval.bench.vectors import below
from lsr.vectors.files import iter_vectors
from lsr.vectors.sparse import SparseVectors

# The defaults of its package, and the best of its authors' configurations at 1.5 times the memory of the vectors
# (experiments/best_configs of TusKANNy/seismic), scaled to a collection of this size.
_BUILDS = (
    {"n_postings": 3500, "centroid_fraction": 0.1, "summary_energy": 0.4, "max_fraction": 1.5},
    {"n_postings": 1000, "centroid_fraction": 0.2, "summary_energy": 0.4, "max_fraction": 6.0},
)
# With `sorted` left at its default: on 32,768 real documents the other value lay on the same frontier.
# And with a graph of each document's nearest neighbours, as its authors won SISAP 2026's task 3 with.
_WITH_GRAPH = {**_BUILDS[1], "nknn": 20}
_QUERY_CUTS = {Effort.quick: (3, 5, 8, 12), Effort.full: (3, 4, 5, 6, 8, 10, 12, 16)}
_HEAP_FACTORS = {Effort.quick: (0.9, 0.8, 0.7, 0.6), Effort.full: (0.9, 0.8, 0.7, 0.6, 0.5)}
# A graph makes up for a coarser search of the lists.
_GRAPH_QUERY_CUTS = (2, 3, 4, 5, 8, 12)
_GRAPH_HEAP_FACTORS = (1.0, 0.9, 0.8, 0.7)
_NEIGHBOURS = (5, 20)
_SMALL_VOCABULARY = 65_536


class SeismicEngine:
    """The engine; see `lsr.eval.bench.engines.contract.Engine`."""

    name = "seismic"
    mean_from_batch = True
    build_input = "its own binary format"
    reusable = True

    def __init__(self) -> None:
        self.version = metadata.version("pyseismic-lsr")

    def builds(self, effort: Effort) -> list[dict[str, Any]]:
        """Two builds; for a full measurement also one with a graph, which takes longer."""
        return [dict(build) for build in (*_BUILDS, *([_WITH_GRAPH] if effort is Effort.full else []))]

    def build(self, documents: Path, dim: int, folder: Path, settings: Mapping[str, Any], threads: int) -> BuiltIndex:
        """Convert, which is not timed, and build in a separate process."""
        output = folder / "index"
        seconds = call_apart(
            f"{__name__}:build_index",
            threads,
            documents=str(documents),
            dim=dim,
            output=str(output),
            settings=dict(settings),
        )
        return BuiltIndex(folder, output.stat().st_size, seconds, {"dim": dim})

    def open(self, built: BuiltIndex, queries: Queries) -> OpenSeismic:
        """Load the index, and write the queries in its format."""
        return OpenSeismic(built, queries)


class OpenSeismic:
    """The loaded index."""

    def __init__(self, built: BuiltIndex, queries: Queries) -> None:
        self._index = index_class(built.facts["dim"]).load(str(built.folder / "index"))
        # A term beyond the largest of the documents makes it panic.
        vectors = below(queries.vectors, self._index.dim)
        self._queries = [(terms.astype(np.int32), weights) for _, terms, weights in vectors]
        self._parts = [built.folder / f"queries-{part}.bin" for part in range(len(queries.parts))]
        for path, rows in zip(self._parts, queries.parts, strict=True):
            write_binary(path, [vectors.take(rows)])

    def configurations(self, k: int, effort: Effort) -> list[Configuration]:
        """The grid of query_cut and heap_factor, with a graph also of n_knn, the neighbours looked at."""
        grid: Iterator[tuple[float, ...]]
        names: tuple[str, ...]
        if self._index.knn_len:
            grid = product(_GRAPH_QUERY_CUTS, _GRAPH_HEAP_FACTORS, _NEIGHBOURS)
            names = ("query_cut", "heap_factor", "n_knn")
        else:
            grid = product(_QUERY_CUTS[effort], _HEAP_FACTORS[effort])
            names = ("query_cut", "heap_factor")
        return [Configuration("approximate", dict(zip(names, values, strict=True))) for values in grid]

    def searcher(self, k: int, configuration: Configuration) -> Callable[[int], Any]:
        """One query per call."""
        search, queries, (cut, factor, neighbours) = self._index.search, self._queries, _values(configuration)

        def run(query: int) -> Any:
            terms, weights = queries[query]
            return search(terms, weights, k, cut, factor, neighbours, True)

        return run

    def rows(self, answer: Any) -> list[int]:
        """The second of each (score, row)."""
        return [row for _, row in answer]

    def batch(self, k: int, configuration: Configuration, part: int, threads: int) -> Callable[[], object]:
        """`batch_search` over the part's file."""
        path, (cut, factor, neighbours) = str(self._parts[part]), _values(configuration)
        return lambda: self._index.batch_search(path, k, cut, factor, neighbours, True, threads)


def _values(configuration: Configuration) -> tuple[int, float, int]:
    parameters = configuration.parameters
    return parameters["query_cut"], parameters["heap_factor"], parameters.get("n_knn", 0)


def build_index(documents: str, dim: int, output: str, settings: dict[str, Any]) -> float:
    """Build and save an index; returns the seconds from the binary file of vectors to the index in memory."""
    source = Path(output).with_suffix(".bin")
    write_binary(source, iter_vectors(documents, dim=dim))
    started = perf_counter()
    index = index_class(dim).build(str(source), **settings)
    seconds = perf_counter() - started
    source.unlink()
    index.save(output)
    return seconds


def write_binary(path: Path, batches: list[SparseVectors] | Iterator[SparseVectors]) -> None:
    """Write vectors in Seismic's format: the number of rows, then for each row its length, term ids and weights.

    Every number takes four little-endian bytes; weights are floats.
    """
    rows = 0
    with path.open("wb") as file:
        file.write(bytes(4))
        for batch in batches:
            file.write(_interleaved(batch).tobytes())
            rows += len(batch)
        file.seek(0)
        file.write(rows.to_bytes(4, "little"))


def _interleaved(batch: SparseVectors) -> npt.NDArray[np.uint32]:
    """Rows one after another: length, term ids, weights."""
    lengths = np.diff(batch.indptr)
    starts = 2 * batch.indptr[:-1] + np.arange(len(batch))
    within = np.arange(batch.nnz) - np.repeat(batch.indptr[:-1], lengths)
    first = np.repeat(starts + 1, lengths) + within
    words = np.empty(len(batch) + 2 * batch.nnz, "<u4")
    words[starts] = lengths
    words[first] = batch.indices
    words[first + np.repeat(lengths, lengths)] = batch.weights.astype("<f4").view("<u4")
    return words


def index_class(dim: int) -> Any:
    """The package's class of indexes of so many terms."""
    package = import_module("seismic")
    return package.SeismicIndexRaw if dim <= _SMALL_VOCABULARY else package.SeismicIndexRawLV
