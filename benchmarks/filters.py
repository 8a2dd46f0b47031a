"""The time of a filtered search, from one document in two allowed to one in a hundred thousand.

    python benchmarks/filters.py DOCS.parquet QUERIES.parquet [--queries N] [--k 10] [--rounds 3]
        [--work DIR] [--output DIR]

Documents are allowed at random, with a new draw for each query, and exact search runs on one thread, one query per
call; a query's time is its best. For the first queries of each share the hits are compared with those of exhaustive
search, which uses no blocks or bounds: a difference ends the run. The table goes to stdout, and with every number to
filters.md and filters.json in the output folder. Nothing else should run at the same time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from script import Report, main

from lsr.cli.console import note, progress_bar
from lsr.core.errors import LsrError
from lsr.eval.bench.vectors import BenchVectors, open_vectors
from lsr.eval.reports.markdown import markdown_table
from lsr.index import Index, IndexBuilder
from lsr.vectors.sparse import SparseVectors

# One document in this many is allowed.
SHARES = (1, 2, 10, 100, 1_000, 10_000, 100_000)
COMPARED_QUERIES = 5


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("documents", type=Path, metavar="DOCS.parquet")
    parser.add_argument("queries", type=Path, metavar="QUERIES.parquet")
    parser.add_argument("--queries", type=int, dest="limit", default=300, metavar="N", help="use the first N (300)")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Build an index, and measure each share."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        vectors = open_vectors(arguments.documents, arguments.queries, Path(folder), limit=arguments.limit)
        queries = vectors.queries
        index = build(Path(folder) / "index", vectors)
        found = [measure(index, queries, arguments.k, share, arguments.rounds) for share in SHARES]
    about = {"documents": len(index), "queries": len(queries), "k": arguments.k, "rounds": arguments.rounds}
    yield Report(f"# Filters\n\n{table(found, about)}", {**about, "filters": found})


def build(path: Path, vectors: BenchVectors) -> Index:
    """Build an index with the default settings."""
    note("building …")
    with IndexBuilder(path, dim=vectors.dim) as builder:
        for batch in vectors.batches():
            builder.add(batch)
        index = builder.finish()
    index.sparse.warm_up()
    return index


def measure(index: Index, queries: SparseVectors, k: int, share: int, rounds: int) -> dict[str, Any]:
    """Measure times and work of exact search among one document in `share`."""
    seconds = np.full(len(queries), np.inf)
    hits_found = scored = direct = 0
    with progress_bar(f"one in {share:,}", len(queries), "queries") as progress:
        for q, (_, terms, weights) in enumerate(queries):
            allow = allowed(len(index), share, seed=q)
            for _ in range(rounds):
                started = perf_counter()
                hits = index.search(terms, weights, k, mode="exact", allow=allow)
                seconds[q] = min(seconds[q], perf_counter() - started)
            if q < COMPARED_QUERIES:
                oracle = index.search(terms, weights, k, mode="exhaustive", allow=allow)
                if hits.rows.tolist() != oracle.rows.tolist() or hits.scores.tolist() != oracle.scores.tolist():
                    raise LsrError(f"query {q} with one document in {share:,} allowed: exact and exhaustive differ")
            hits_found += len(hits)
            scored += hits.stats.documents_scored
            direct += hits.stats.direct
            progress(1)
    n = len(queries)
    microseconds = seconds * 1e6
    return {
        "one_in": share,
        "mean_us": float(microseconds.mean()),
        "p50_us": float(np.median(microseconds)),
        "p99_us": float(np.percentile(microseconds, 99)),
        "hits": hits_found / n,
        "documents_scored": scored / n,
        "direct": direct / n,
    }


def allowed(documents: int, share: int, seed: int) -> npt.NDArray[np.uint8]:
    """A packed bitmap in which one document in `share` is allowed, at least one of them."""
    random = np.random.default_rng(seed)
    mask = np.zeros(documents, np.bool_)
    mask[random.choice(documents, max(documents // share, 1), replace=False)] = True
    return np.packbits(mask, bitorder="little")


def table(found: list[dict[str, Any]], about: dict[str, Any]) -> str:
    """The result as a Markdown table."""
    lines = [
        [
            f"{each['one_in']:,}",
            f"{each['mean_us']:,.0f}",
            f"{each['p50_us']:,.0f}",
            f"{each['p99_us']:,.0f}",
            f"{each['hits']:.1f}",
            f"{each['documents_scored']:,.0f}",
            f"{each['direct']:.0%}",
        ]
        for each in found
    ]
    head = ["one document in", "mean µs", "p50", "p99", "hits", "documents scored", "scored directly"]
    return (
        f"Exact search of {about['documents']:,} documents for the best {about['k']} among those that a packed bitmap "
        f"allows; {about['queries']:,} queries, one thread.\n\n{markdown_table(head, lines)}"
    )


if __name__ == "__main__":
    sys.exit(main("filters", __doc__, options, run))
