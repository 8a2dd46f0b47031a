"""Compares training runs that differ in one thing: the tables on penalties and on teachers.

    python benchmarks/training_compared.py VARIANTS.yaml --data NAME=TRAINING_SET... --collections FOLDER...
        [--steps N] [--max-length 256] [--work DIR] [--only NAME...] [--output DIR]

VARIANTS.yaml (there are some in benchmarks/variants) holds a `title`, a `recipe` as `lsr train` takes it, and a list of
`variants`, each with a `name`, `changes` by dotted names, and, if it trains on other data than the first, their NAME as
`data`. All have the seed and the steps of the recipe. Every model is searched exactly, with its query table as trained,
and scored on the test judgements; the untrained model comes first. The table goes to stdout and, with every number, to
training_TITLE.md and .json (and a plot of nDCG@10 against active terms, .svg) in the output folder, again after each
variant. Trained models stay in `--work` and are reused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from script import Report, main

from lsr.cli.console import note, progress_bar
from lsr.core.plotting import figure, style
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.eval import EvaluationSettings, evaluate, load_collection, open_or_index
from lsr.eval.collections import TestCollection
from lsr.eval.reports.markdown import markdown_table

MAX_LENGTH = 256
METRIC = "ndcg@10"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("variants", type=Path, metavar="VARIANTS.yaml")
    parser.add_argument("--data", nargs="+", required=True, type=named_sources, metavar="NAME=TRAINING_SET")
    parser.add_argument("--collections", nargs="+", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--max-length", type=int, default=MAX_LENGTH, help="tokens of a document (%(default)s)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these variants")


def named_sources(text: str) -> tuple[str, list[Path]]:
    """Parse NAME=SOURCE,…"""
    name, _, sources = text.partition("=")
    return name, [Path(source) for source in sources.split(",")]


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Train and measure each variant, in the folder `work`."""
    asked = yaml.safe_load(arguments.variants.read_text(encoding="utf-8"))
    data = dict(arguments.data)
    collections = [load_collection(folder) for folder in arguments.collections]
    base, length = asked["recipe"]["model"]["document"]["base"], arguments.max_length
    steps = arguments.steps or asked["recipe"]["run"]["steps"]
    rows = [{"name": f"{base}, untrained", **measure(base, collections, work / "untrained", length)}]
    for variant in asked["variants"]:
        if arguments.only and variant["name"] not in arguments.only:
            continue
        note(variant["name"])
        model = train_variant(asked["recipe"], variant, data, steps, work)
        rows.append({"name": variant["name"], **measure(str(model), collections, model.parent, length)})
        about = f"{steps} steps of training; nDCG@10 of exact search, max_length {length}"
        yield written(asked["title"], about, rows, [each.name for each in collections], arguments.output)


def train_variant(
    recipe: dict[str, Any], variant: dict[str, Any], data: dict[str, list[Path]], steps: int, work: Path
) -> Path:
    """Train a variant; return the model's folder."""
    from lsr.training.config import TrainingConfig, set_field
    from lsr.training.run import train

    content = json.loads(json.dumps(recipe))
    name = variant.get("data", next(iter(data)))
    content["data"] = [{"source": str(source)} for source in data[name]]
    for field, value in variant.get("changes", {}).items():
        set_field(content, field, value)
    content["run"]["steps"] = steps
    folder = work / "".join(letter if letter.isalnum() else "-" for letter in variant["name"])
    return train(TrainingConfig.from_record(content, variant["name"]), folder, stages=progress_bar)


def measure(model: str, collections: list[TestCollection], work: Path, max_length: int = MAX_LENGTH) -> dict[str, Any]:
    """Measure nDCG@10 on each collection, and active terms and FLOPS as means over the collections."""
    encoder = SparseEncoder.load(model, max_length=max_length)
    found: dict[str, Any] = {METRIC: {}, "document_terms": {}, "query_terms": {}, "flops": {}}
    for collection in collections:
        retriever = open_or_index(collection, work / f"index-{collection.name}", encoder, stages=progress_bar)
        report = evaluate(collection, retriever, EvaluationSettings(bm25=False, latency_queries=1)).report
        assert report.index is not None
        found[METRIC][collection.name] = report.metrics[METRIC]
        found["document_terms"][collection.name] = report.index["active_terms"]["documents"]
        found["query_terms"][collection.name] = report.index["active_terms"]["queries"]
        found["flops"][collection.name] = report.index["flops"]
    return found


def mean(values: dict[str, float]) -> float:
    return sum(values.values()) / len(values)


def table(rows: list[dict[str, Any]], collections: list[str]) -> str:
    head = ["variant", *collections, "mean nDCG@10", "terms a document", "FLOPS"]
    lines = [
        [
            row["name"],
            *(f"{row[METRIC][name]:.3f}" for name in collections),
            f"{mean(row[METRIC]):.3f}",
            f"{mean(row['document_terms']):.0f}",
            f"{mean(row['flops']):.2f}",
        ]
        for row in rows
    ]
    return f"{markdown_table(head, lines)}\n"


def written(title: str, about: str, rows: list[dict[str, Any]], collections: list[str], output: Path) -> Report:
    """The report; its plot is written, replacing an old one."""
    name = f"training_{title.replace(' ', '_')}"
    about = f"{about}; terms and FLOPS are means over the collections."
    draw(title, rows, output)
    return Report(f"# Training: {title}\n\n{about}\n\n{table(rows, collections)}", rows, name)


def draw(title: str, rows: list[dict[str, Any]], output: Path) -> None:
    """The plot of the rows, replacing an old one."""
    name = f"training_{title.replace(' ', '_')}"
    with figure([output / f"{name}.svg"], columns=1, title=title) as (panel,):
        families: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            families.setdefault(row["name"].rsplit(" ", 1)[0], []).append(row)
        for number, (family, members) in enumerate(families.items()):
            colour, marker = style(number)
            points = sorted((mean(row["document_terms"]), mean(row[METRIC]), row["name"]) for row in members)
            label = family if len(members) > 1 else members[0]["name"]
            panel.plot([x for x, _, _ in points], [y for _, y, _ in points], marker + "-", color=colour, label=label)
            for x, y, name in points if len(points) > 1 else ():
                setting = name.rpartition(" ")[2]
                panel.annotate(
                    setting, (x, y), (4, 5 if number % 2 else -9), textcoords="offset points", fontsize=6, color=colour
                )
        panel.set(xlabel="active terms a document", ylabel="mean nDCG@10")
        panel.grid(alpha=0.3)
        panel.legend(frameon=False)


if __name__ == "__main__":
    sys.exit(main("training", __doc__, options, run))
