"""Effectiveness of a model alone, with words beside its terms, and fused with dense vectors, next to BM25.

    python benchmarks/effectiveness.py FOLDER[:SPLIT]... [--model NAME]... [--dense minilm] [--sample 2500]
        [--name NAME] [--work DIR] [--output DIR]

Each FOLDER is a collection in BEIR's form. Indexes are made as `lsr index` makes them, by defaults alone: words beside
the model's terms, and windows where documents are longer than it reads; searches are exact. Of each system, the table
has p of a paired t-test against BM25 over the queries. With `--sample`, a collection is cut down to the documents that
the first 400 judged queries find relevant and others of it drawn at random, as many as that in all.

The tables go to stdout and, with every number, to effectiveness.md and effectiveness.json in the output folder, or to
those of another `--name`. Indexes are kept in `--work` and reused.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from script import Report, main

from lsr.build.corpus import index_corpus, usual
from lsr.build.dense import add_dense_file, add_dense_vectors
from lsr.cli.console import note, progress_bar
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.eval import EvaluationReport, EvaluationSettings, TestCollection, evaluate, load_collection
from lsr.eval.measures.metrics import metric_label
from lsr.eval.measures.significance import paired_t_test
from lsr.eval.reports.markdown import markdown_table
from lsr.index import Index
from lsr.search.flat import plan_of
from lsr.search.plan import SearchPlan
from lsr.search.retriever import Retriever
from lsr.text import count_documents

MODELS = ("lsr-doc-tiny", "lsr-doc-small", "splade-tiny")
METRIC = "ndcg@10"
_QUERIES = 400
_BM25 = "BM25"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER[:SPLIT]")
    parser.add_argument("--model", action="append", help=f"default: {', '.join(MODELS)}")
    parser.add_argument("--dense", action="append", default=[], metavar="MODEL", help="fuse this dense model, too")
    parser.add_argument("--sample", type=int, help="documents of a collection, at most; all if not given")
    parser.add_argument("--name", default="effectiveness", help="of the results (%(default)s)")


def run(arguments: argparse.Namespace, indexes: Path) -> Iterator[Report]:
    """Evaluate every model on every folder, with indexes in a folder."""
    found: list[tuple[TestCollection, list[EvaluationReport]]] = []
    for folder in arguments.folders:
        collection = opened(folder, arguments.sample, indexes)
        found.append((collection, list(measure(collection, arguments, indexes))))
        # Values of single queries are for the tests of significance alone.
        records = [replace(report, per_query=None).to_record() for _, reports in found for report in reports]
        yield Report(f"# Effectiveness\n\n{markdown(found)}", records, arguments.name)


def opened(folder: Path, sample: int | None, work: Path) -> TestCollection:
    """The collection, or a sample of it, which is written to the folder `work`."""
    path, _, split = str(folder).partition(":")
    whole = load_collection(path, split or None)
    if sample is None or count_documents(whole.source) <= sample:
        return whole
    cut = work / f"{whole.name}-{whole.split}-{sample}"
    if not cut.exists():
        queries = whole.queries[:_QUERIES]
        relevant = {id for query in queries for id, grade in whole.qrels[query.id].items() if grade > 0}
        others = sorted({document.id for document in whole.documents()} - relevant)
        random.Random(0).shuffle(others)
        kept = relevant | set(others[: max(0, sample - len(relevant))])
        (cut / "qrels").mkdir(parents=True)
        with (cut / "corpus.jsonl").open("w") as file:
            for document in whole.documents():
                if document.id in kept:
                    file.write(json.dumps({"_id": document.id, "title": document.title, "text": document.text}) + "\n")
        with (cut / "queries.jsonl").open("w") as file:
            file.writelines(json.dumps({"_id": query.id, "text": query.text}) + "\n" for query in queries)
        with (cut / "qrels" / f"{whole.split}.tsv").open("w") as file:
            file.write("query-id\tcorpus-id\tscore\n")
            for query in queries:
                judged = whole.qrels[query.id].items()
                file.writelines(f"{query.id}\t{id}\t{grade}\n" for id, grade in judged if id in kept)
    return load_collection(cut, whole.split)


def measure(collection: TestCollection, arguments: argparse.Namespace, indexes: Path) -> Iterator[EvaluationReport]:
    """A report for each model and each way to search with it. The first is compared with BM25."""
    for number, name in enumerate(arguments.model or MODELS):
        note(f"{collection.name}, {name} …")
        path = indexes / f"{collection.name}-{Path(name).name}"
        encoder = SparseEncoder.load(name)
        index = Index.open(path) if path.exists() else build(collection, path, encoder)
        for dense in arguments.dense:
            vectors = indexes / f"{collection.name}-{Path(dense).name}.npy"
            if "dense" not in index.parts:
                index = add_dense(index, dense, vectors)
            if not vectors.exists():
                np.save(vectors, np.asarray(index.parts["dense"].vectors, np.float32))
        retriever = Retriever(index)
        retriever.encoder = encoder
        for words in (False, True):
            weight = None if words else 0.0
            plans = {"": plan_of("exact", lexical_weight=weight)}
            plans |= {f" + {dense}": plan_of("hybrid", lexical_weight=weight) for dense in arguments.dense}
            for suffix, plan in plans.items():
                label = f"{Path(name).name}{' + words' * words}{suffix}"
                yield report_of(collection, retriever, plan, label, bm25=number == 0 and not words and not suffix)


def build(collection: TestCollection, path: Path, encoder: SparseEncoder) -> Index:
    """The index that `lsr index` makes of the collection."""
    return index_corpus(
        collection.documents(),
        path,
        encoder,
        **usual(encoder),
        total=count_documents(collection.source),
        stages=progress_bar,
    )


def add_dense(index: Index, model: str, vectors: Path) -> Index:
    """Dense vectors of the rows: those that were kept of another index, if it is of as many."""
    encoder = DenseEncoder.load(model)
    if vectors.exists() and len(np.load(vectors, mmap_mode="r")) == len(index):
        return add_dense_file(index, vectors, encoder)
    return add_dense_vectors(index, encoder, stages=progress_bar)


def report_of(
    collection: TestCollection, retriever: Retriever, plan: SearchPlan, label: str, *, bm25: bool
) -> EvaluationReport:
    """Measure one way to search."""
    settings = EvaluationSettings(plan=plan, bm25=bm25, per_query=True, latency_queries=200)
    report = evaluate(collection, retriever, settings, label=label).report
    # The folder's place on this machine is not part of the result.
    report.collection["source"] = collection.name
    return report


def markdown(found: list[tuple[TestCollection, list[EvaluationReport]]]) -> str:
    """Tables of nDCG@10 by collection with means, of every measure, and of cost."""
    systems = [_BM25, *(report.label for report in found[0][1])]
    values = {collection.name: by_system(reports) for collection, reports in found}
    lines = []
    for system in systems:
        cells, means = [], []
        for of_collection in values.values():
            mine, theirs = of_collection[system], of_collection[_BM25]
            means.append(mine.mean())
            sign = "" if system == _BM25 else mark(mine, theirs)
            cells.append(f"{mine.mean():.3f}{sign}")
        lines.append([system, *cells, f"{np.mean(means):.3f}"])
    cost = []
    for collection, reports in found:
        bm25 = reports[0].baselines["bm25"].latency
        for report in reports:
            assert report.latency is not None and report.index is not None
            read = report.index["windows"]
            cost.append(
                [
                    collection.name,
                    report.label,
                    f"{report.index['bytes'] / 1e6:.1f} MB",
                    f"{report.index['active_terms']['documents']:.0f}",
                    f"{report.index['active_terms']['queries']:.0f}",
                    "whole" if read is None else f"windows of {read['words']} words",
                    *(f"{part.mean_ms:.2f}" for part in report.latency.values()),
                    f"{bm25.mean_ms:.2f}",
                ]
            )
    others = [
        [collection.name, label, *(f"{number:.3f}" for number in numbers)]
        for collection, reports in found
        for label, numbers in every_measure(reports)
    ]
    names = [metric_label(name) for name in found[0][1][0].metrics]
    return "\n\n".join(
        [
            markdown_table([f"{metric_label(METRIC)}", *values, "mean"], lines),
            "+ and −: above and below BM25 by a paired t-test over the queries, p < 0.05. BM25: bm25s, Lucene's "
            "variant, k1 1.2, b 0.75, English stemmer and stop words. Title and text joined by a space, exact search, "
            "defaults.",
            markdown_table(["collection", "system", *names], others),
            markdown_table(
                [
                    "collection",
                    "system",
                    "index",
                    "terms a document",
                    "a query",
                    "documents",
                    "encode",
                    "search",
                    "both",
                    "BM25",
                ],
                cost,
            ),
            "The last four columns are mean milliseconds a query on one thread, top 10.",
        ]
    )


def by_system(reports: list[EvaluationReport]) -> dict[str, np.ndarray[Any, Any]]:
    """The metric of each query, in one order, by the system's label."""
    found = {report.label: (report.per_query or {})["lsr"] for report in reports}
    found[_BM25] = (reports[0].per_query or {})["bm25"]
    ids = sorted(found[_BM25])
    return {label: np.array([values[id][METRIC] for id in ids]) for label, values in found.items()}


def mark(mine: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> str:
    """Whether the difference is significant, and its sign."""
    p = paired_t_test(mine, theirs)
    if p >= 0.05:
        return ""
    return "+" if mine.mean() > theirs.mean() else "−"


def every_measure(reports: list[EvaluationReport]) -> Iterator[tuple[str, list[float]]]:
    """Each system with all of its means."""
    for report in reports:
        yield report.label, list(report.metrics.values())
    yield _BM25, list(reports[0].baselines["bm25"].metrics.values())


if __name__ == "__main__":
    sys.exit(main("effectiveness", __doc__, options, run))
