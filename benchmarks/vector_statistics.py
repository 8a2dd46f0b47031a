"""Measures what makes a collection of sparse vectors easy or hard to search.

    python benchmarks/vector_statistics.py QUERIES.parquet DOCS.parquet [OTHER.parquet …] [--documents 300000]

Prints a Markdown table with a column for each file of documents (its first ones): how skewed the lists are, how long
documents are, how fast scores fall behind the best, how tight upper bounds of blocks of similar documents are, and how
near a document's nearest neighbour is. Made vectors (made_vectors.py) are compared with real ones by these. Takes about
1 KiB of memory per document, and a minute per million.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numba import njit
from script import exit_code
from topical_order import topical_order

from lsr.core.errors import InputError
from lsr.eval.bench import exact_top
from lsr.eval.reports.markdown import markdown_table
from lsr.vectors.files import iter_vectors, read_vectors
from lsr.vectors.sparse import SparseVectors

BLOCK = 1024
SAMPLED_QUERIES = SAMPLED_DOCUMENTS = 300
DEEPEST = 1000

LABELS = {
    "documents": "documents",
    "terms_mean": "terms a document",
    "terms_p5": "terms a document, 5th percentile",
    "terms_p95": "terms a document, 95th percentile",
    "weight_mean": "weight, mean",
    "weight_p50": "weight, median",
    "weight_p95": "weight, 95th percentile",
    "top_10": "share of postings in the 10 longest lists",
    "top_100": "share of postings in the 100 longest",
    "top_1000": "share of postings in the 1,000 longest",
    "gini": "Gini coefficient of list lengths",
    "query_terms": "terms a query",
    "query_postings": "postings a query and document",
    "gap_10_1": "10th score over 1st, median",
    "gap_100_10": "100th score over 10th, median",
    "gap_1000_10": "1000th score over 10th, median",
    "near_tenth": "documents within 10 % of the 10th score or above, median",
    "best_cosine": "cosine of query and best document, median",
    "bound_over_best": f"bound of a block of {BLOCK:,} over its best score, median",
    "bound_over_tenth": "bound of a block over the 10th score, median",
    "blocks_above_tenth": "share of blocks with a bound above the 10th score",
    "blocks_with_top": "blocks that hold the top 10, mean",
    "nearest_p10": "cosine of nearest neighbours, 10th percentile",
    "nearest_p50": "cosine of nearest neighbours, median",
    "nearest_p90": "cosine of nearest neighbours, 90th percentile",
    "tenth_nearest": "cosine of tenth nearest neighbours, median",
}
"""The results of `statistics`, in words."""


def statistics(vectors: SparseVectors, queries: SparseVectors, seed: int = 0) -> dict[str, float]:
    """A number for each of LABELS, from all documents and at most SAMPLED_QUERIES evenly spaced queries."""
    chosen = np.linspace(0, len(queries) - 1, min(SAMPLED_QUERIES, len(queries))).astype(np.int64)
    queries = queries.take(chosen)
    batches = [vectors[start : start + 8192] for start in range(0, len(vectors), 8192)]
    rows, scores = _best(batches, queries, DEEPEST)
    matching = np.flatnonzero(scores[:, 9])
    if not len(matching):
        raise InputError("no query matches ten documents, so scores cannot be measured")
    queries, rows, scores = queries.take(matching), rows[matching], scores[matching]
    first, tenth = scores[:, 0], scores[:, 9]
    lengths = np.diff(vectors.indptr)
    frequencies = np.bincount(vectors.indices, minlength=vectors.dim)
    ascending = np.sort(frequencies)
    ranks = np.arange(1, vectors.dim + 1)
    order, _ = topical_order(vectors, seed)
    bounds, bests = _block_bounds(*_arrays(vectors), order, *_inverted(queries), len(queries), BLOCK)
    cosines = _neighbours(vectors, np.random.default_rng(seed))
    found = {
        "documents": len(vectors),
        "terms_mean": lengths.mean(),
        "terms_p5": np.percentile(lengths, 5),
        "terms_p95": np.percentile(lengths, 95),
        "weight_mean": vectors.weights.mean(dtype=np.float64),
        "weight_p50": np.percentile(vectors.weights, 50),
        "weight_p95": np.percentile(vectors.weights, 95),
        **{f"top_{count}": ascending[-count:].sum() / vectors.nnz for count in (10, 100, 1000)},
        "gini": (2 * (ranks * ascending).sum() / vectors.nnz - (vectors.dim + 1)) / vectors.dim,
        "query_terms": queries.nnz / len(queries),
        "query_postings": frequencies[queries.indices].sum() / len(queries) / len(vectors),
        "gap_10_1": np.median(tenth / first),
        "gap_100_10": np.median(scores[:, 99] / tenth),
        "gap_1000_10": np.median(scores[:, 999] / tenth),
        "near_tenth": np.median((scores >= 0.9 * tenth[:, None]).sum(axis=1)),
        "best_cosine": np.median(first / (_norms(queries) * _norms(vectors)[rows[:, 0]])),
        "bound_over_best": np.median(bounds[bests > 0] / bests[bests > 0]),
        "bound_over_tenth": np.median(bounds / tenth),
        "blocks_above_tenth": (bounds > tenth).mean(),
        "blocks_with_top": (bests >= tenth).sum(axis=0).mean(),
        **{f"nearest_p{p}": np.percentile(cosines[:, 1], p) for p in (10, 50, 90)},
        "tenth_nearest": np.median(cosines[:, 10]),
    }
    return {name: float(value) for name, value in found.items()}


def table(columns: dict[str, dict[str, float]]) -> str:
    """The results of `statistics`, side by side, in Markdown."""
    lines = [[label, *(_number(found[name]) for found in columns.values())] for name, label in LABELS.items()]
    return markdown_table(["", *columns], lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def _best(
    batches: list[SparseVectors], queries: SparseVectors, k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Rows and scores of the best `k` documents of each query, [queries, k]; 0 where there are fewer."""
    truth = exact_top(batches, queries, k)
    rows, scores = np.zeros((len(queries), k), np.int64), np.zeros((len(queries), k), np.float32)
    for query, (its_rows, its_scores) in enumerate(zip(truth.rows, truth.scores, strict=True)):
        rows[query, : len(its_rows)], scores[query, : len(its_rows)] = its_rows[:k], its_scores[:k]
    return rows, scores


def _arrays(vectors: SparseVectors) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
    return vectors.indptr, vectors.indices, vectors.weights


def _inverted(queries: SparseVectors) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """For every term, the queries that contain it and their weights: offsets, query numbers, weights."""
    order = np.argsort(queries.indices, kind="stable")
    numbers = np.repeat(np.arange(len(queries)), np.diff(queries.indptr))[order]
    offsets = np.searchsorted(queries.indices[order], np.arange(queries.dim + 1))
    return offsets, numbers, queries.weights[order]


@njit(nogil=True, cache=True)
def _block_bounds(indptr, indices, weights, order, offsets, numbers, query_weights, queries, block):
    """Bound by term-wise maxima, and best score, of each block of consecutive documents: float32 [blocks, queries]."""
    blocks = (order.size + block - 1) // block
    bounds = np.zeros((blocks, queries), np.float32)
    bests = np.zeros((blocks, queries), np.float32)
    maxima = np.zeros(offsets.size - 1, np.float32)
    found = np.zeros(queries, np.float32)
    for i in range(blocks):
        maxima[:] = 0
        for row in order[i * block : (i + 1) * block]:
            found[:] = 0
            for p in range(np.uint64(indptr[row]), np.uint64(indptr[row + 1])):
                term, weight = indices[p], weights[p]
                maxima[term] = max(maxima[term], weight)
                for e in range(np.uint64(offsets[term]), np.uint64(offsets[term + 1])):
                    found[numbers[e]] += weight * query_weights[e]
            bests[i] = np.maximum(bests[i], found)
        for term in range(maxima.size):
            if maxima[term] > 0:
                for e in range(offsets[term], offsets[term + 1]):
                    bounds[i, numbers[e]] += maxima[term] * query_weights[e]
    return bounds, bests


def _neighbours(vectors: SparseVectors, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Cosines of sampled documents with themselves and their ten nearest neighbours, descending."""
    shares = vectors.weights / np.repeat(_norms(vectors), np.diff(vectors.indptr))
    units = SparseVectors(vectors.indptr, vectors.indices, shares, vectors.ids, vectors.dim, validate=False)
    sample = rng.choice(len(vectors), min(SAMPLED_DOCUMENTS, len(vectors)), replace=False)
    # In batches, since the scores of one are held as a matrix.
    batches = [units[start : start + 8192] for start in range(0, len(units), 8192)]
    return _best(batches, units.take(sample), 11)[1]


def _norms(vectors: SparseVectors) -> npt.NDArray[np.float32]:
    sums = np.concatenate([[0.0], np.cumsum(np.square(vectors.weights, dtype=np.float64))])
    norms: npt.NDArray[np.float32] = np.sqrt(np.diff(sums[vectors.indptr])).astype(np.float32)
    return np.maximum(norms, np.finfo(np.float32).tiny)


def first_documents(path: Path, count: int, dim: int) -> SparseVectors:
    """The first `count` documents of a file, or all if there are fewer."""
    parts: list[SparseVectors] = []
    for batch in iter_vectors(path, dim=dim):
        parts.append(batch[:count])
        count -= len(parts[-1])
        if not count:
            break
    return SparseVectors.concatenate(parts)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", type=Path, metavar="QUERIES.parquet")
    parser.add_argument("files", type=Path, nargs="+", metavar="DOCS.parquet")
    parser.add_argument("--documents", type=int, default=300_000, help="of each file, the first N (%(default)s)")
    arguments = parser.parse_args()
    return exit_code(lambda: print(table(columns(arguments))))


def columns(arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The statistics of each file."""
    dim = max(next(iter_vectors(path, batch_rows=1)).dim for path in (arguments.queries, *arguments.files))
    queries = read_vectors(arguments.queries, dim=dim)
    return {path.stem: statistics(first_documents(path, arguments.documents, dim), queries) for path in arguments.files}


if __name__ == "__main__":
    sys.exit(main())
