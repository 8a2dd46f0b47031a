"""The gain of `lsr adapt`: nDCG@10 before and after, on collections whose questions it does not see.

    python benchmarks/adapted.py FOLDER... [--model NAME] [--steps N] [--work DIR] [--output DIR]

Each FOLDER is a collection in BEIR form. Only its corpus.jsonl is given to `lsr adapt`; its questions and judgements
measure both encoders: exact search, max_length 256, with the IDF of the collection blended in as each model requires.
The table goes to stdout and to adapted.md and .json in the output folder.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from script import Report, main
from training_compared import MAX_LENGTH, METRIC, measure

from lsr.cli.console import note, progress_bar
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.eval import load_collection
from lsr.eval.reports.markdown import markdown_table
from lsr.training.adapt import AdaptSettings, adapt


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collections", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="to start from (%(default)s)")
    parser.add_argument("--steps", type=int, default=AdaptSettings.steps, help="%(default)s")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Adapt to one folder after another; runs in `work` are continued."""
    about = (
        f"# `lsr adapt`\n\nnDCG@10 of exact search, max_length {MAX_LENGTH}, before and after {arguments.steps} steps "
        f"on the corpus alone, from {arguments.model}.\n\n"
    )
    rows: list[dict[str, Any]] = []
    for folder in arguments.collections:
        collection = load_collection(folder)
        note(collection.name)
        settings = AdaptSettings(base=arguments.model, steps=arguments.steps)
        started = time.perf_counter()
        adapted = adapt(str(folder / "corpus.jsonl"), work / collection.name, settings, stages=progress_bar)
        minutes = (time.perf_counter() - started) / 60
        before, after = (
            measure(str(model), [collection], work / f"{collection.name}-{when}")
            for model, when in ((arguments.model, "before"), (adapted.model, "after"))
        )
        rows.append({"name": collection.name, "minutes": minutes, "before": before, "after": after})
        yield Report(about + table(rows), rows)


def table(rows: list[dict[str, Any]]) -> str:
    head = ["collection", "before", "after", "gain", "terms before", "after", "minutes"]
    lines = []
    for row in rows:
        before, after = ({key: each[row["name"]] for key, each in row[when].items()} for when in ("before", "after"))
        lines.append(
            [
                row["name"],
                f"{before[METRIC]:.3f}",
                f"{after[METRIC]:.3f}",
                f"{after[METRIC] - before[METRIC]:+.3f}",
                f"{before['document_terms']:.0f}",
                f"{after['document_terms']:.0f}",
                f"{row['minutes']:.0f}",
            ]
        )
    return f"{markdown_table(head, lines)}\n"


if __name__ == "__main__":
    sys.exit(main("adapted", __doc__, options, run))
