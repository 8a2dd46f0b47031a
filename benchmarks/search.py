"""Exact and blocked search of one index: latency, recall, size and build time.

    python benchmarks/search.py VECTORS.parquet QUERIES.parquet [--queries 1000] [--k 10] [--threads N] [--output DIR]

Builds an index with blocks from the vectors, then times every setting on one thread, one query after another, three
times over; a query's time is the smallest of the three. Recall is against the k best by float32 weights, before the
index quantises them. The table goes to stdout and, with every number, to search.md and search.json in the output
folder.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.errors import LsrError
from lsr.files import atomic_file
from lsr.index import Index, IndexBuilder, IndexSettings
from lsr.vector_files import iter_vectors
from lsr.vectors import SparseVectors

QUERY_CUTS = (3, 5, 8, 12)
HEAP_FACTORS = (1.0, 0.9, 0.8, 0.7)
ROUNDS = 3
# Truth is computed for this many queries at a time, to hold few scores at once.
TRUTH_QUERIES = 100


def main() -> int:
    """Build, measure, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vectors", type=Path, metavar="VECTORS.parquet")
    parser.add_argument("queries", type=Path, metavar="QUERIES.parquet")
    parser.add_argument("--queries", type=int, default=1000, dest="query_count", help="how many queries to run")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of the build")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            report = measure(arguments, Path(folder) / "index")
    except LsrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    table = markdown(report)
    print(table)
    contents = {".md": f"# Search\n\n{table}\n", ".json": json.dumps(report, indent=2) + "\n"}
    for suffix, content in contents.items():
        with atomic_file(arguments.output / f"search{suffix}", force=True) as temporary_file:
            temporary_file.write_text(content, encoding="utf-8")
    return 0


def measure(arguments: argparse.Namespace, path: Path) -> dict[str, Any]:
    """Everything that the table shows, as JSON values."""
    index, build = build_index(arguments.vectors, path, arguments.threads)
    queries = SparseVectors.concatenate(list(iter_vectors(arguments.queries, dim=index.dim)))[: arguments.query_count]
    print(f"exact top {arguments.k} of {len(queries)} queries by float32 weights …", file=sys.stderr)
    truth = exact_top(arguments.vectors, queries, arguments.k)
    settings: list[dict[str, Any]] = [{"mode": "exact"}]
    settings += [
        {"mode": "blocked", "query_cut": query_cut, "heap_factor": heap_factor}
        for query_cut in QUERY_CUTS
        for heap_factor in HEAP_FACTORS
    ]
    index.warm_up()
    rows = []
    for setting in settings:
        print(f"{setting} …", file=sys.stderr)
        rows.append(run(index, queries, arguments.k, truth, setting))
    return {
        "documents": len(index),
        "dim": index.dim,
        "mean_terms": index.manifest.postings / len(index),
        "mean_query_terms": queries.nnz / len(queries),
        "queries": len(queries),
        "k": arguments.k,
        "machine": {"processor": platform.processor() or platform.machine(), "cpus": os.cpu_count()},
        "settings": index.manifest.settings,
        "build": build,
        "bytes": index.space(),
        "rows": rows,
    }


def build_index(vectors: Path, path: Path, threads: int) -> tuple[Index, dict[str, float]]:
    """An index with blocks, and the seconds that its parts took."""
    # Compile first, on a few documents: a user pays for that once.
    first = next(iter_vectors(vectors, batch_rows=2000))
    settings = IndexSettings(blocks=True)
    with IndexBuilder(path, dim=first.dim, settings=settings) as builder:
        builder.add(first)
        builder.finish()
    started = time.perf_counter()
    with IndexBuilder(path, dim=first.dim, settings=settings, force=True) as builder:
        for batch in iter_vectors(vectors):
            builder.add(batch)
        read = time.perf_counter()
        print(f"{len(builder):,} vectors read; building …", file=sys.stderr)
        index = builder.finish(threads=threads)
    return index, {"threads": threads, "read_s": read - started, "finish_s": time.perf_counter() - read}


def exact_top(vectors: Path, queries: SparseVectors, k: int) -> npt.NDArray[np.int64]:
    """int64 [queries, k]: the best rows by float32 inner product, ties by row; -1 where there are fewer."""
    sparse_queries = queries.to_scipy()
    best_scores = np.zeros((len(queries), k), np.float32)
    best_rows = np.full((len(queries), k), -1, np.int64)
    seen = 0
    for batch in iter_vectors(vectors, dim=queries.dim):
        documents = batch.to_scipy()
        for start in range(0, len(queries), TRUTH_QUERIES):
            part = slice(start, start + TRUTH_QUERIES)
            found = (documents @ sparse_queries[part].T).toarray().T
            scores = np.concatenate([best_scores[part], found], axis=1)
            new_rows = np.broadcast_to(np.arange(seen, seen + len(batch)), found.shape)
            rows = np.concatenate([best_rows[part], new_rows], axis=1)
            # Earlier rows stand first, so a stable sort breaks ties by row.
            order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            best_scores[part] = np.take_along_axis(scores, order, axis=1)
            best_rows[part] = np.take_along_axis(rows, order, axis=1)
        seen += len(batch)
    best_rows[best_scores == 0] = -1
    return best_rows


def run(
    index: Index, queries: SparseVectors, k: int, truth: npt.NDArray[np.int64], setting: dict[str, Any]
) -> dict[str, Any]:
    """Latency, recall and work of one setting."""
    times = np.full(len(queries), np.inf)
    found = wanted = scored = skipped = blocks = 0
    for _ in range(ROUNDS):
        for i in range(len(queries)):
            terms, weights = queries.row(i)
            started = time.perf_counter()
            index.search(terms, weights, k, **setting)
            times[i] = min(times[i], time.perf_counter() - started)
    for i in range(len(queries)):
        hits = index.search(*queries.row(i), k, **setting)
        true_rows = set(truth[i].tolist()) - {-1}
        found += len(true_rows & set(hits.rows.tolist()))
        wanted += len(true_rows)
        scored += hits.stats.documents_scored
        skipped += hits.stats.blocks_skipped
        blocks += hits.stats.blocks
    microseconds = times * 1e6
    return {
        **setting,
        "recall": found / wanted,
        "mean_us": float(microseconds.mean()),
        **{f"p{p}_us": float(np.percentile(microseconds, p)) for p in (50, 95, 99)},
        "blocks": blocks / len(queries),
        "blocks_skipped": skipped / len(queries),
        "documents_scored": scored / len(queries),
    }


def markdown(report: dict[str, Any]) -> str:
    """The tables."""
    build, size = report["build"], report["bytes"]
    parts = ", ".join(f"{name} {value / 1e6:.1f}" for name, value in size.items() if name != "total")
    lines = [
        f"{report['documents']:,} documents of {report['mean_terms']:.1f} terms, {report['queries']:,} queries of "
        f"{report['mean_query_terms']:.1f} terms, k = {report['k']}, one thread, microseconds a query.",
        "",
        f"| mode | query_cut | heap_factor | recall@{report['k']} | mean | p50 | p95 | p99 | documents scored |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in report["rows"]:
        cells = [row["mode"], row.get("query_cut", ""), row.get("heap_factor", ""), f"{row['recall']:.4f}"]
        cells += [f"{row[name]:.0f}" for name in ("mean_us", "p50_us", "p95_us", "p99_us")]
        cells.append(f"{row['documents_scored']:.0f}" if row["mode"] == "blocked" else "all that match")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += [
        "",
        f"Build: {build['read_s']:.1f} s to read and spill the vectors, {build['finish_s']:.1f} s for the index on "
        f"{build['threads']} threads. Size: {size['total'] / 1e6:.1f} MB ({parts}).",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
