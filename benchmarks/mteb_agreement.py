"""Compares MTEB's own evaluation of our search with ours, on one collection.

    python benchmarks/mteb_agreement.py FOLDER [--model NAME]... [--work DIR] [--output DIR]

FOLDER is a BEIR folder of the collection of one of MTEB's tasks: SciFact's, if no other `--task` is named. The task is
MTEB's, with its measures; only its data is read from the folder, by MTEB's names, so nothing is downloaded. Its calls
make the index, which is the costly part, and `lsr eval` measures the same one. It is an error if a measure of the two
differs by more than 0.0001. MTEB rounds to five decimals.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mteb
from datasets import Dataset
from script import Report, main

from lsr.core.errors import LsrError
from lsr.eval import EvaluationSettings, TestCollection, evaluate, load_collection
from lsr.eval.reports.markdown import markdown_table
from lsr.integrations.mteb import LsrSearch

WIDEST = 1e-4
MODELS = ("lsr-doc-tiny",)
MEASURES = {
    "ndcg@10": "ndcg_at_10",
    "map@100": "map_at_100",
    "recall@10": "recall_at_10",
    "recall@100": "recall_at_100",
    "precision@10": "precision_at_10",
    "mrr@10": "mrr_at_10",
}
"""MTEB's names of our measures."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path)
    parser.add_argument("--task", default="SciFact", help="of MTEB (%(default)s)")
    parser.add_argument("--model", action="append", help=f"default: {', '.join(MODELS)}")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Evaluate each model twice."""
    collection = load_collection(arguments.folder)
    rows: list[dict[str, Any]] = []
    for name in arguments.model or MODELS:
        search = LsrSearch(name, folder=work / f"mteb-{Path(name).name}")
        theirs, ours = by_mteb(collection, arguments.task, search), by_lsr(collection, search)
        rows += [
            {"model": name, "measure": measure, "mteb": theirs[label], "lsr": round(ours[measure], 6)}
            | {"difference": round(abs(theirs[label] - ours[measure]), 6)}
            for measure, label in MEASURES.items()
        ]
        widest = max(row["difference"] for row in rows)
        title = f"# {arguments.task}: MTEB's evaluation and ours\n\nmteb {mteb.__version__}, {collection.name}\n\n"
        table = markdown_table([*rows[0]], [[str(value) for value in row.values()] for row in rows])
        yield Report(f"{title}{table}\n\nThe widest difference is {widest:.6f}.", rows, sound=widest <= WIDEST)


def by_mteb(collection: TestCollection, name: str, search: LsrSearch) -> dict[str, float]:
    """What MTEB measures of a task whose data is a folder's."""
    task = mteb.get_task(name)
    corpus = [{"id": each.id, "title": each.title, "text": each.text} for each in collection.documents()]
    if not corpus:
        raise LsrError(f"{collection.source} holds no documents")
    task.dataset = {
        "default": {
            "test": {
                "corpus": Dataset.from_list(corpus),
                "queries": Dataset.from_list([{"id": each.id, "text": each.text} for each in collection.queries]),
                "relevant_docs": {id: dict(judged) for id, judged in collection.qrels.items()},
                "top_ranked": None,
            }
        }
    }
    task.data_loaded = True
    found = mteb.evaluate(search, task, cache=None, co2_tracker=False, show_progress_bar=False)
    measured: dict[str, float] = found.task_results[0].scores["test"][0]
    return measured


def by_lsr(collection: TestCollection, search: LsrSearch) -> dict[str, float]:
    """What `lsr eval` measures of the index that MTEB searched."""
    assert search.retriever is not None
    settings = EvaluationSettings(metrics=tuple(MEASURES), bm25=False, latency_queries=1)
    return dict(evaluate(collection, search.retriever, settings).report.metrics)


if __name__ == "__main__":
    sys.exit(main("mteb_agreement", __doc__, options, run))
