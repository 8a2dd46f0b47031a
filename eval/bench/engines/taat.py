"""Term at a time: the exhaustive search that any inverted index can do, as a measure of what skipping gains.

Every posting of every query term is added to float32 accumulators, one for each document, and the best are picked in
one pass over these. Postings are a row number in four bytes and a weight in one, in the order of the rows. Plain Numba,
not optimised for caches or vector instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

import lsr
from lsr.eval.bench.engines.contract import BuiltIndex, Configuration, Effort, Queries
from lsr.vectors.files import read_vectors

_MAX_WEIGHT = 255
# Room for this many times k candidates.
_ROOM = 8


class TermAtATime:
    """The engine; see `lsr.eval.bench.engines.contract.Engine`."""

    name = "taat"
    version = lsr.__version__
    mean_from_batch = False
    build_input = "the Parquet file"
    reusable = False

    def builds(self, effort: Effort) -> list[dict[str, Any]]:
        """The only build."""
        return [{}]

    def build(self, documents: Path, dim: int, folder: Path, settings: Mapping[str, Any], threads: int) -> BuiltIndex:
        """Invert the vectors, in memory and on one thread."""
        started = perf_counter()
        matrix = read_vectors(documents, dim=dim).to_scipy().tocsc()
        scale = float(matrix.data.max(initial=0)) / _MAX_WEIGHT or 1.0
        np.save(folder / "starts.npy", matrix.indptr.astype(np.int64))
        np.save(folder / "rows.npy", matrix.indices.astype(np.uint32))
        np.save(folder / "weights.npy", np.clip(np.rint(matrix.data / scale), 1, _MAX_WEIGHT).astype(np.uint8))
        seconds = perf_counter() - started
        size = sum(path.stat().st_size for path in folder.iterdir())
        return BuiltIndex(folder, size, seconds, {"scale": scale, "documents": matrix.shape[0]})

    def open(self, built: BuiltIndex, queries: Queries) -> OpenTermAtATime:
        """Read the lists into memory, and compile."""
        return OpenTermAtATime(built, queries)


class OpenTermAtATime:
    """The lists, and accumulators for one search at a time."""

    def __init__(self, built: BuiltIndex, queries: Queries) -> None:
        self._lists = [np.load(built.folder / f"{name}.npy") for name in ("starts", "rows", "weights")]
        self._accumulators = np.zeros(built.facts["documents"], np.float32)
        scale = np.float32(built.facts["scale"])
        self._queries = [(terms, weights * scale) for _, terms, weights in queries.vectors]
        self.searcher(1, Configuration("exhaustive"))(0)

    def configurations(self, k: int, effort: Effort) -> list[Configuration]:
        """The only configuration: there is nothing to choose."""
        return [Configuration("exhaustive")]

    def searcher(self, k: int, configuration: Configuration) -> Callable[[int], Any]:
        """One query per call."""
        search, lists, accumulators, queries = _compiled(), self._lists, self._accumulators, self._queries
        return lambda query: search(*lists, *queries[query], accumulators, k)

    def rows(self, answer: Any) -> list[int]:
        """The answer is their array."""
        return answer.tolist()

    def batch(self, k: int, configuration: Configuration, part: int, threads: int) -> None:
        """None: there is no such call."""
        return


@cache
def _compiled() -> Callable[..., Any]:
    from numba import njit
    from numba.extending import register_jitable

    register_jitable(_keep_best)
    return njit(nogil=True, cache=True)(_search)


def _search(
    starts: npt.NDArray[np.int64],
    list_rows: npt.NDArray[np.uint32],
    list_weights: npt.NDArray[np.uint8],
    terms: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.float32],
    accumulators: npt.NDArray[np.float32],
    k: int,
) -> npt.NDArray[np.int64]:
    """The best rows, best first: int64 [n ≤ k]. `accumulators` (float32 [documents]) is all zero before and after."""
    for i in range(terms.size):
        # Unsigned indices spare the check for negative ones.
        for p in range(np.uint64(starts[terms[i]]), np.uint64(starts[terms[i] + 1])):
            accumulators[list_rows[p]] += weights[i] * np.float32(list_weights[p])
    # Rows above the k-th best score so far are gathered; whenever there is no more room, the k best of them are kept.
    rows, scores = np.empty(_ROOM * k, np.int64), np.empty(_ROOM * k, np.float32)
    kept, least = 0, np.float32(0)
    for row in range(accumulators.size):
        score = accumulators[row]
        accumulators[row] = 0
        # Rows ascend, so one that ties with the least comes too late.
        if score > least:
            rows[kept], scores[kept] = row, score
            kept += 1
            if kept == rows.size:
                least = np.partition(scores, kept - k)[kept - k]
                kept = _keep_best(rows, scores, kept, k, least)
    if kept > k:
        kept = _keep_best(rows, scores, kept, k, np.partition(scores[:kept], kept - k)[kept - k])
    return rows[np.argsort(-scores[:kept], kind="mergesort")]


def _keep_best(
    rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float32], count: int, k: int, least: np.float32
) -> int:
    """Move the k best of the first `count` to the front, in their order; `least` is the k-th best score."""
    above = 0
    for i in range(count):
        above += scores[i] > least
    kept, ties = 0, k - above
    for i in range(count):
        tied = scores[i] == least
        if scores[i] > least or (tied and ties > 0):
            ties -= tied
            rows[kept], scores[kept] = rows[i], scores[i]
            kept += 1
    return kept
