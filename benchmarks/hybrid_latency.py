"""Latency and memory of hybrid search compared with its parts, on many documents.

    python benchmarks/hybrid_latency.py DOCS QUERIES [--queries 500] [--dim 384] [--work DIR] [--output DIR]

DOCS and QUERIES are files of sparse vectors. Dense ones are made from them: a random projection of each sparse vector
to `--dim` numbers, with noise of a quarter of its length, so that both sides share some of their 100 best, as real
models do; the report says how many.

Every way to search runs in separate processes, on one thread, query by query, with encoded queries: the times of
    encoding are those of the models. Depth 100, k 10. Each side alone finds its memory in the processor's cache, so the
    baseline of a hybrid search is both sides searched one after the other for each query, without fusion, alternating
    with it in one process.

Memory is a process's own (faiss's structure, scratch), and what it has mapped and touched of the index's files, which
the system may drop. The index is kept in `--work` and reused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from script import Report, main, measured_apart, resident

from lsr.build.corpus import index_vectors
from lsr.eval.reports.markdown import markdown_table
from lsr.index import DenseSettings, Index, add_dense
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import search_rows
from lsr.index.fusion.settings import FusionSettings, RetrievalPlan, RetrieveSettings
from lsr.vectors.files import iter_vectors, read_vectors
from lsr.vectors.sparse import SparseVectors

DEPTH, K = 100, 10
_NOISE = 0.25
# The placement of memory makes a difference of some percent: the median of this many processes is reported.
_PROCESSES = 3
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def _hybrid(mode: str = "hybrid", **fusion: Any) -> RetrievalPlan:
    return RetrievalPlan(retrieve=RetrieveSettings(mode=mode, depth=DEPTH), fusion=FusionSettings(**fusion))


PARTS = "sparse, then dense"
WAYS: dict[str, RetrievalPlan | None] = {
    "sparse": None,
    "dense (hnsw)": None,
    PARTS: None,
    "hybrid": _hybrid(),
    "hybrid, not completed": _hybrid(completion="none"),
    "hybrid, by rank": _hybrid(method="rrf"),
    "sparse-first": _hybrid("sparse-first"),
    "dense, exact": None,
    "hybrid, exact over all documents": _hybrid(completion="exact"),
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("documents", type=Path, metavar="DOCS")
    parser.add_argument("queries", type=Path, metavar="QUERIES")
    parser.add_argument("--queries", dest="count", type=int, default=500, help="time so many (%(default)s)")
    parser.add_argument("--dim", type=int, default=384, help="numbers of a dense vector (%(default)s)")
    parser.add_argument("--index", type=Path, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Measure each way in separate processes."""
    path = work / "hybrid-latency"
    index = Index.open(path) if path.exists() else build(arguments, path)
    found = {}
    for way in WAYS:
        runs = [measured_apart(way, "--index", str(path), environment=ONE_THREAD) for _ in range(_PROCESSES)]
        found[way] = sorted(runs, key=lambda each: each["of_parts"] or each["p50_us"])[_PROCESSES // 2]
    rows = []
    for way, each in found.items():
        of_parts = f"{each['of_parts']:.2f}" if way.startswith("hybrid") and "exact" not in way else ""
        numbers = [f"{each[name]:,.0f}" for name in ("p50_us", "p95_us", "own_mb", "mapped_mb")]
        rows.append([way, *numbers[:2], of_parts, *numbers[2:]])
    head = ["", "p50 µs", "p95 µs", "p50 / both parts", "own memory MB", "mapped MB"]
    same, dense = agreement(index, arguments), index.parts["dense"]
    report = (
        f"# Hybrid search beside its parts\n\n{len(index):,} documents of {index.manifest.postings / len(index):.0f} "
        f"terms and {dense.dim} numbers, {arguments.count} queries, one thread, depth {DEPTH}, k {K}; dense kind "
        f"{dense.kind}. Of the {DEPTH} best of both sides {same:.0f} are the same.\n\n"
        f"{markdown_table(head, rows)}\n"
    )
    yield Report(report, {"documents": len(index), "ways": found})


def build(arguments: argparse.Namespace, path: Path) -> Index:
    index = index_vectors(iter_vectors(arguments.documents), path)
    batches = (dense_of(vectors, arguments.dim, seed) for seed, vectors in enumerate(iter_vectors(arguments.documents)))
    return add_dense(index, batches, settings=DenseSettings("hnsw"))


def agreement(index: Index, arguments: argparse.Namespace) -> float:
    """The mean number of documents that are among the true best of both sides."""
    queries = read_vectors(arguments.queries, dim=index.dim)[:100]
    sparse = index.search_batch(queries, DEPTH)
    dense = index.parts["dense"].search_batch(dense_of(queries, arguments.dim, 10**6), DEPTH, mode="exact")
    return float(np.mean([len(np.intersect1d(a.rows, b.rows)) for a, b in zip(sparse, dense, strict=True)]))


def dense_of(vectors: SparseVectors, dim: int, seed: int) -> np.ndarray:
    """Projections of sparse vectors, with noise: float32 [n, dim]."""
    projection = np.random.default_rng(0).normal(size=(vectors.dim, dim)).astype(np.float32)
    made = vectors.to_scipy() @ projection
    made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)
    noise = np.random.default_rng(1 + seed).normal(size=made.shape).astype(np.float32) / np.sqrt(dim)
    return made + _NOISE * noise


def time_way(arguments: argparse.Namespace) -> dict[str, float]:
    """Time one way to search, in this process."""
    index = Index.open(arguments.index)
    queries = read_vectors(arguments.queries, dim=index.dim)[: arguments.count]
    dense = dense_of(queries, arguments.dim, 10**6)
    ways = (arguments.one,) if not arguments.one.startswith("hybrid") else (arguments.one, PARTS)
    for _ in range(2):  # the first round warms up
        times: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(len(queries)):
            for turn, way in enumerate(ways):
                # A different query in each turn, so that it finds nothing of its own in the cache.
                at = (number + turn * len(queries) // 2) % len(queries)
                times[way].append(time_search(index, queries.row(at), dense[at], way))
    own, mapped = (resident(field) / (1 << 20) for field in ("RssAnon", "RssFile"))
    values = np.array(times[arguments.one]) * 1e6
    parts = np.array(times.get(PARTS, [0.0])) * 1e6
    p50 = float(np.percentile(values, 50))
    return {
        "p50_us": p50,
        "p95_us": float(np.percentile(values, 95)),
        "mean_us": float(values.mean()),
        "of_parts": p50 / float(np.percentile(parts, 50)) if arguments.one.startswith("hybrid") else 0.0,
        "own_mb": own,
        "mapped_mb": mapped,
    }


def time_search(index: Index, query: tuple[np.ndarray, np.ndarray], vector: np.ndarray, way: str) -> float:
    """Time one search, in seconds."""
    plan = WAYS[way]
    start = perf_counter()
    if plan is not None:
        search_rows(index, HybridQuery(query, vector), K, plan)
    if way in ("sparse", PARTS):
        index.search(*query, DEPTH)
    if way.startswith("dense") or way == PARTS:
        index.parts["dense"].search(vector, DEPTH, mode="exact" if way == "dense, exact" else "auto")
    return perf_counter() - start


if __name__ == "__main__":
    sys.exit(main("hybrid_latency", __doc__, options, run, apart=time_way))
