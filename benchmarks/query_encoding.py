"""Microseconds to encode a query: a table of weights compared with a model, with torch and without.

    python benchmarks/query_encoding.py FOLDER [--table lsr-doc-tiny] [--model splade-tiny] [--queries N] [--rounds 5]
        [--work DIR] [--output DIR]

FOLDER is a collection in BEIR form; its judged queries are encoded one text per call, on one thread. Each row is
measured in a separate process: load the model, encode all queries once untimed, then `--rounds` times; a query's time
is its best. "whole" is an encoder of documents and queries, as in evaluation; "light" is one of queries only that does
not need torch, as in `lsr search`. The table goes to stdout, and with every number to query_encoding.md and
query_encoding.json in the output folder. Nothing else should run at the same time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from script import Report, main, measured_apart

from lsr.cli.console import note
from lsr.eval import load_collection
from lsr.eval.reports.markdown import markdown_table

# For each row, the argument that names its model, and how it is loaded.
ROWS: dict[str, tuple[str, dict[str, bool]]] = {
    "table-light": ("table", {"queries_only": True, "light": True}),
    "table-whole": ("table", {}),
    "model-light": ("model", {"queries_only": True, "light": True}),
    "model-whole": ("model", {}),
}
THREADS = ("OMP", "MKL", "OPENBLAS", "RAYON")
ENVIRONMENT = {f"{name}_NUM_THREADS": "1" for name in THREADS} | {"TOKENIZERS_PARALLELISM": "false"}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--table", default="lsr-doc-tiny", metavar="MODEL", help="an inference-free one (%(default)s)")
    parser.add_argument("--model", default="splade-tiny", help="one that runs for queries (%(default)s)")
    parser.add_argument("--queries", type=int, metavar="N", help="encode the first N")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")


def run(arguments: argparse.Namespace, _: Path) -> Iterator[Report]:
    """Measure each row in a separate process."""
    name, texts = asked(arguments)
    rows = {}
    for row in ROWS:
        note(f"measuring {row} …")
        rows[row] = measured_apart(row, environment=ENVIRONMENT)
    result = {"collection": name, "queries": len(texts), "rounds": arguments.rounds, "rows": rows}
    yield Report(markdown(result), result)


def asked(arguments: argparse.Namespace) -> tuple[str, list[str]]:
    """The collection's name and the queries to encode."""
    collection = load_collection(arguments.folder)
    return collection.name, [query.text for query in collection.queries[: arguments.queries]]


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one row, in this process."""
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.eval.measures.latency import Latency, one_thread

    which, how = ROWS[arguments.one]
    _, texts = asked(arguments)
    encoder = SparseEncoder.load(getattr(arguments, which), **how)
    terms = encoder.encode_queries(texts).nnz
    best = [float("inf")] * len(texts)
    with one_thread():
        for number in range(arguments.rounds + 1):
            for i, text in enumerate(texts):
                start = perf_counter()
                encoder.encode_queries([text])
                seconds = perf_counter() - start
                if number:  # the first round warms up
                    best[i] = min(best[i], seconds)
    latency = Latency.of(best)
    return {
        "model": Path(encoder.name).name,
        "torch": "torch" in sys.modules,
        "mean_us": latency.mean_ms * 1e3,
        "p50_us": latency.p50_ms * 1e3,
        "p95_us": latency.p95_ms * 1e3,
        "terms": terms / len(texts),
    }


def markdown(result: dict[str, Any]) -> str:
    """The report."""
    lines = [
        [
            f"{found['model']}, {row.partition('-')[2]}",
            "yes" if found["torch"] else "no",
            *(f"{found[name]:,.0f}" for name in ("mean_us", "p50_us", "p95_us")),
            f"{found['terms']:.1f}",
            f"{found['mean_us'] / result['rows']['table-light']['mean_us']:.1f}",
        ]
        for row, found in result["rows"].items()
    ]
    head = ["encoder", "torch", "mean µs", "p50", "p95", "terms a query", "times the first"]
    return (
        f"# Encoding a query\n\n{result['queries']:,} queries of {result['collection']}, one a call, one thread; a "
        f"query's time is the best of {result['rounds']}.\n\n{markdown_table(head, lines)}\n"
    )


if __name__ == "__main__":
    sys.exit(main("query_encoding", __doc__, options, run, apart=measure))
