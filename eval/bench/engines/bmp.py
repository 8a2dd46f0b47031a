"""The engine bmp: Block-Max Pruning by its authors, in Rust (Mallia, Suel and Tonellotto, SIGIR 2024).

Measured through `Indexer` and `Searcher`, documents in the order given; the reordering of its paper needs tools that
are not on PyPI. It stores weights as whole numbers from 1 to 255 and rounds those of a query up to 1 … 32, so its exact
search (alpha = beta = 1) is exact for these, and recall shows what they cost. Three limits of version 0.2.8 are kept
out of the results as far as possible: vocabularies beyond 65,536 terms are left out, since term ids wrap; a query whose
scores could pass 65,535, where they wrap, is scaled down; a query that no document matches makes it panic, which counts
as no hits. The block with the lowest bound is never scored, which matters to collections of a few blocks only.

It has no batch call that takes threads, and `Searcher.search` holds Python's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module, metadata
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.eval.bench.engines.apart import call_apart
from lsr.eval.bench.engines.contract import BuiltIndex, Configuration, Effort, LeftOut, Queries
from lsr.vectors.files import iter_vectors

_BLOCK_SIZES = {Effort.quick: (16,), Effort.full: (8, 16, 32, 64)}
_ALPHAS = {Effort.quick: (0.9, 0.8, 0.7), Effort.full: (0.9, 0.8, 0.7, 0.6)}
_BETAS = {Effort.quick: (1.0,), Effort.full: (1.0, 0.8)}
_MAX_TERMS = 65_536
_MAX_IMPACT = 255
_MAX_QUERY_WEIGHT = 32
_MAX_SCORE = 65_535
# Occurs in no document: it is part of a query only to scale the other terms.
_SCALER = "scale"


class BmpEngine:
    """The engine; see `lsr.eval.bench.engines.contract.Engine`."""

    name = "bmp"
    mean_from_batch = False
    build_input = "Python dictionaries"
    reusable = True

    def __init__(self) -> None:
        self.version = metadata.version("bmp")

    def builds(self, effort: Effort) -> list[dict[str, Any]]:
        """Builds with different numbers of documents per block."""
        return [{"block_size": size} for size in _BLOCK_SIZES[effort]]

    def build(self, documents: Path, dim: int, folder: Path, settings: Mapping[str, Any], threads: int) -> BuiltIndex:
        """Build in a separate process."""
        if dim > _MAX_TERMS:
            raise LeftOut(f"its term ids have 16 bits, but the vocabulary has {dim:,} terms")
        facts = call_apart(
            f"{__name__}:build_index",
            threads,
            documents=str(documents),
            dim=dim,
            output=str(folder / "index"),
            block_size=settings["block_size"],
        )
        return BuiltIndex(folder, (folder / "index").stat().st_size, facts.pop("seconds"), facts)

    def open(self, built: BuiltIndex, queries: Queries) -> OpenBmp:
        """Load the index, and make the queries into dictionaries."""
        return OpenBmp(built, queries)


class OpenBmp:
    """The loaded index."""

    def __init__(self, built: BuiltIndex, queries: Queries) -> None:
        self._searcher = import_module("bmp").Searcher(str(built.folder / "index"))
        heaviest = np.load(built.folder / "heaviest.npy")
        self._queries = [
            _as_dictionary(terms, weights, heaviest, float(top), built.facts)
            for (_, terms, weights), top in zip(queries.vectors, queries.top_scores, strict=True)
        ]

    def configurations(self, k: int, effort: Effort) -> list[Configuration]:
        """Exact, and the grid of alpha and beta."""
        grid = product(_ALPHAS[effort], _BETAS[effort])
        return [
            Configuration("exact", {"alpha": 1.0, "beta": 1.0}),
            *(Configuration("approximate", {"alpha": alpha, "beta": beta}) for alpha, beta in grid),
        ]

    def searcher(self, k: int, configuration: Configuration) -> Callable[[int], Any]:
        """One query per call."""
        search, queries = self._searcher.search, self._queries
        alpha, beta = configuration.parameters["alpha"], configuration.parameters["beta"]

        def run(query: int) -> Any:
            try:
                return search(queries[query], k, alpha, beta)
            except BaseException as error:
                # Rust's panics arrive as an exception that is not an Exception and has no public name.
                if type(error).__name__ != "PanicException":
                    raise
                return [], []

        return run

    def rows(self, answer: Any) -> list[int]:
        """The documents' names are their row numbers."""
        return [int(name) for name in answer[0]]

    def batch(self, k: int, configuration: Configuration, part: int, threads: int) -> None:
        """None: there is no such call."""
        return


def build_index(documents: str, dim: int, output: str, block_size: int) -> dict[str, float]:
    """Build and save an index.

    Returns "seconds", the time spent in the indexer; "scale", impacts per weight; "largest_sum", the largest sum of a
    document's impacts. Writes each term's largest impact beside the index, in heaviest.npy (uint8 [dim]).
    """
    largest = max(float(batch.weights.max(initial=0)) for batch in iter_vectors(documents, dim=dim))
    scale = _MAX_IMPACT / largest if largest else 1.0
    indexer = import_module("bmp").Indexer(output, bsize=block_size, compress_range=False)
    names = [str(term) for term in range(dim)]
    heaviest = np.zeros(dim, np.uint8)
    largest_sum = row = 0
    seconds = 0.0
    for batch in iter_vectors(documents, dim=dim, batch_rows=1024):
        impacts = np.clip(np.rint(batch.weights * scale), 1, _MAX_IMPACT).astype(np.uint8)
        np.maximum.at(heaviest, batch.indices, impacts)
        vectors = []
        for start, stop in zip(batch.indptr[:-1].tolist(), batch.indptr[1:].tolist(), strict=True):
            terms = map(names.__getitem__, batch.indices[start:stop].tolist())
            values = impacts[start:stop].tolist()
            largest_sum = max(largest_sum, sum(values))
            vectors.append((str(row), dict(zip(terms, values, strict=True))))
            row += 1
        started = perf_counter()
        for name, vector in vectors:
            indexer.add_document(name, vector)
        seconds += perf_counter() - started
    started = perf_counter()
    indexer.finish()
    seconds += perf_counter() - started
    np.save(Path(output).with_name("heaviest.npy"), heaviest)
    return {"seconds": seconds, "scale": scale, "largest_sum": largest_sum}


def _as_dictionary(
    terms: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.float32],
    heaviest: npt.NDArray[np.uint8],
    top_score: float,
    facts: Mapping[str, float],
) -> dict[str, float]:
    """The query, scaled by a heavier term that matches nothing if its best score could pass 65,535.

    With query weights q and impacts d before rounding, both scaled, a document's score in whole numbers is at most the
    sum of (q + 1) · its impact, and an impact at most d + 1: so at most the true score, plus the sum of q, plus the sum
    of the document's impacts.
    """
    query = dict(zip(map(str, terms.tolist()), weights.tolist(), strict=True))
    if not query:
        return query
    peak = max(query.values())
    scale = _MAX_QUERY_WEIGHT / peak
    by_query = scale * (top_score * facts["scale"] + sum(query.values()))
    by_documents = min(facts["largest_sum"], int(heaviest[terms].sum(dtype=np.int64)))
    if by_query + by_documents > _MAX_SCORE:
        query[_SCALER] = peak * by_query / max(_MAX_SCORE - by_documents, 1)
    return query
