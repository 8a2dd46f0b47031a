"""This engine: `index.search`, timed as a user calls it, including all of its Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice, product
from pathlib import Path
from time import perf_counter
from typing import Any

import lsr
from lsr.eval.bench.engines.contract import BuiltIndex, Configuration, Effort, Queries
from lsr.index import Hits, Index, IndexBuilder, IndexSettings, parameter_grid
from lsr.vectors.files import iter_vectors

# Kernels are compiled on an index of this many documents before the timed build: a user pays for that only once.
_COMPILE_DOCUMENTS = 2000

# Indexes for the published algorithms, with their authors' settings, and the searches of each.
_PUBLISHED: dict[str, dict[str, Any]] = {
    "seismic": {"n_postings": 3500, "centroid_fraction": 0.1, "summary_energy": 0.4},
    "bmp": {"block_size": 16},
}
_PUBLISHED_GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "seismic": {"query_cut": (3, 5, 8, 12), "heap_factor": (0.9, 0.8, 0.7, 0.6)},
    "bmp": {"alpha": (1.0, 0.9, 0.8, 0.7), "beta": (1.0, 0.8)},
}


class LsrEngine:
    """The engine; see `lsr.eval.bench.engines.contract.Engine`."""

    name = "lsr"
    mean_from_batch = True
    build_input = "the Parquet file"
    reusable = False

    def __init__(self) -> None:
        self.version = lsr.__version__

    def builds(self, effort: Effort) -> list[dict[str, Any]]:
        """The default build; for a full measurement also 16 bits a weight, and the published algorithms."""
        published = [{name: dict(settings)} for name, settings in _PUBLISHED.items()]
        return [{}] if effort is Effort.quick else [{}, {"weight_bits": 16}, *published]

    def build(self, documents: Path, dim: int, folder: Path, settings: Mapping[str, Any], threads: int) -> BuiltIndex:
        """Stream the Parquet file into an index, in this process."""
        path = folder / "index"
        _build(path, documents, dim, settings, threads, batches=1, batch_rows=_COMPILE_DOCUMENTS)
        started = perf_counter()
        index = _build(path, documents, dim, settings, threads)
        return BuiltIndex(folder, index.describe()["bytes"]["total"], perf_counter() - started)

    def open(self, built: BuiltIndex, queries: Queries) -> OpenLsr:
        """Map the index into memory, and warm up its kernels."""
        return OpenLsr(Index.open(built.folder / "index"), queries)


class OpenLsr:
    """An index with queries to search it for."""

    def __init__(self, index: Index, queries: Queries) -> None:
        index.sparse.warm_up()
        self._index = index
        self._queries = [(terms, weights) for _, terms, weights in queries.vectors]
        self._parts = [queries.vectors.take(rows) for rows in queries.parts]

    def configurations(self, k: int, effort: Effort) -> list[Configuration]:
        """The engine's own grid, which ends with exact, and exhaustive.

        An index for a published algorithm is measured only in that mode: in the others it equals an index without it.
        """
        for mode, grid in _PUBLISHED_GRIDS.items():
            if mode in self._index.sparse.modes:
                return [Configuration(mode, dict(zip(grid, values, strict=True))) for values in product(*grid.values())]
        return [*own_grid(self._index, k), Configuration("exhaustive")]

    def searcher(self, k: int, configuration: Configuration) -> Callable[[int], Hits]:
        """One query per call."""
        search, queries = self._index.search, self._queries
        mode, parameters = configuration.mode, dict(configuration.parameters)

        def run(query: int) -> Hits:
            terms, weights = queries[query]
            return search(terms, weights, k, mode=mode, **parameters)

        return run

    def rows(self, answer: Hits) -> list[int]:
        """The rows of the hits."""
        return answer.rows.tolist()

    def batch(self, k: int, configuration: Configuration, part: int, threads: int) -> Callable[[], object]:
        """`search_batch`."""
        queries = self._parts[part]
        mode, parameters = configuration.mode, dict(configuration.parameters)
        return lambda: self._index.search_batch(queries, k, mode=mode, threads=threads, **parameters)


def own_grid(index: Index, k: int) -> list[Configuration]:
    """The configurations of `lsr.index.parameter_grid`."""
    return [
        Configuration(parameters["mode"], {name: value for name, value in parameters.items() if name != "mode"})
        for parameters in parameter_grid(index, k)
    ]


def _build(
    path: Path,
    documents: Path,
    dim: int,
    settings: Mapping[str, Any],
    threads: int,
    *,
    batches: int | None = None,
    **reading: Any,
) -> Index:
    with IndexBuilder(path, dim=dim, settings=IndexSettings.from_record(settings), force=True) as builder:
        for batch in islice(iter_vectors(documents, dim=dim, **reading), batches):
            builder.add(batch)
        return builder.finish(threads=threads)
