"""Effectiveness of our exact search compared with BM25, over BEIR folders: the README's table.

    python benchmarks/effectiveness.py FOLDER... [--model NAME]... [--max-length 256] [--work DIR] [--output DIR]

Each FOLDER holds corpus.jsonl, queries.jsonl and qrels/test.tsv. The table goes to stdout and, with every number of
every report, to effectiveness.md and effectiveness.json in the output folder. Indexes are kept in `--work` and reused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from script import Report, main

from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.eval import EvaluationReport, EvaluationSettings, evaluate, load_collection, open_or_index
from lsr.eval.measures.metrics import metric_label
from lsr.eval.reports.markdown import markdown_table

MODELS = ("lsr-doc-tiny", "lsr-doc-small", "splade-tiny")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--model", action="append", help=f"default: {', '.join(MODELS)}")
    parser.add_argument("--max-length", type=int, default=256)


def run(arguments: argparse.Namespace, indexes: Path) -> Iterator[Report]:
    """Evaluate every model on every folder, with indexes in a folder."""
    encoders = [SparseEncoder.load(name, max_length=arguments.max_length) for name in arguments.model or MODELS]
    reports = [[measure(folder, each, indexes) for each in encoders] for folder in arguments.folders]
    records = [report.to_record() for of_folder in reports for report in of_folder]
    yield Report(f"# Effectiveness\n\n{markdown(reports, arguments.max_length)}", records)


def measure(folder: Path, encoder: SparseEncoder, indexes: Path) -> EvaluationReport:
    """Index the folder if needed, and evaluate."""
    collection = load_collection(folder)
    print(f"{collection.name} …", file=sys.stderr)
    name = Path(encoder.name).name
    retriever = open_or_index(collection, indexes / f"{collection.name}-{name}-{encoder.max_length}", encoder)
    report = evaluate(collection, retriever, EvaluationSettings()).report
    # The folder's place on this machine is not part of the result.
    report.collection["source"] = collection.name
    return report


def markdown(reports: list[list[EvaluationReport]], max_length: int) -> str:
    """Make a table of effectiveness and one of cost: for each collection, a line for each model, in order, and BM25."""
    names = list(reports[0][0].metrics)
    effectiveness, cost = [], []
    for of_folder in reports:
        about, bm25 = of_folder[0].collection, of_folder[0].baselines["bm25"]
        size = [f"{about['documents']:,}", f"{about['queries']:,}"]
        for system in (*of_folder, bm25):
            values = (f"{system.metrics[name]:.3f}" for name in names)
            effectiveness.append([about["name"], *size, system.label, *values])
    for of_folder in reports:
        for report in of_folder:
            bm25 = report.baselines["bm25"]
            assert report.latency is not None and report.index is not None
            cost.append(
                [
                    report.collection["name"],
                    report.label,
                    f"{report.index['bytes'] / 1e6:.1f} MB",
                    f"{report.index['active_terms']['documents']:.0f}",
                    f"{report.index['active_terms']['queries']:.0f}",
                    f"{report.index['flops']:.2f}",
                    *(f"{part.mean_ms:.2f}" for part in report.latency.values()),
                    f"{bm25.latency.mean_ms:.2f}",
                ]
            )
    head = ["collection", "documents", "queries", "system", *map(metric_label, names)]
    cost_head = ["collection", "system", "index", "terms a document", "terms a query", "FLOPS"]
    cost_head += ["encode", "search", "both", "BM25"]
    return "\n\n".join(
        [
            markdown_table(head, effectiveness),
            f"Title and text joined by a space; models at max_length {max_length}, exact search. BM25: bm25s, "
            "Lucene's variant, k1 1.2, b 0.75, English stemmer and stop words.",
            markdown_table(cost_head, cost),
            "The last four columns are mean milliseconds a query on one thread, top 10.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main("effectiveness", __doc__, options, run))
