"""How far an index can be pruned before nDCG@10 drops by 1 %, for each rule, over BEIR folders.

    python benchmarks/pruning.py FOLDER... [--model NAME]... [--loss 0.01] [--work DIR] [--output DIR]

Each FOLDER holds corpus.jsonl, queries.jsonl and qrels/test.tsv. Every index is really built, at the strengths that
`lsr prune --curve` measures, and searched exactly. Strengths are chosen on the same queries that they are reported for.
Tables go to stdout and to pruning.md, with every point in pruning.json, in the output folder. Indexes of whole vectors
are kept in `--work` and reused. Latency is not reported, so other work may run at the same time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from script import Report, main

from lsr.cli.console import note, progress_bar
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.eval import load_collection, open_or_index
from lsr.eval.reports.markdown import markdown_table
from lsr.eval.tuning.pruning import CURVES, CurvePoint, furthest, measure_curve, strengths
from lsr.eval.tuning.pruning_report import rule_in_words

MODELS = ("lsr-doc-tiny", "splade-tiny")
MAX_LENGTH = 256


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--model", action="append", help=f"default: {', '.join(MODELS)}")
    parser.add_argument("--loss", type=float, default=0.01, help="of nDCG@10, relative (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="that build (%(default)s)")


def run(arguments: argparse.Namespace, indexes: Path) -> Iterator[Report]:
    """Measure every folder with every model."""
    measured: list[dict[str, Any]] = []
    for name in arguments.model or MODELS:
        encoder = SparseEncoder.load(name, max_length=MAX_LENGTH)
        for folder in arguments.folders:
            collection = load_collection(folder)
            note(f"{collection.name}, {name}")
            path = indexes / f"{collection.name}-{Path(encoder.name).name}-{MAX_LENGTH}"
            retriever = open_or_index(collection, path, encoder, stages=progress_bar)
            rules = strengths(retriever.index)
            points = measure_curve(
                retriever, collection, rules, threads=arguments.threads, rounds=1, stages=progress_bar
            )
            measured.append({"collection": collection.name, "model": Path(encoder.name).name, "points": points})
            yield report(measured, arguments.loss)


def markdown(measured: list[dict[str, Any]], loss: float) -> str:
    """The strength for each model and rule that holds over all collections; then each collection separately."""
    together, apart = [], []
    for model in dict.fromkeys(each["model"] for each in measured):
        curves = [each["points"] for each in measured if each["model"] == model]
        together += [[model, *cells] for rule in CURVES if (cells := over_all(curves, rule, loss))]
    for each in measured:
        points: list[CurvePoint] = each["points"]
        whole, strongest = points[0], furthest(points, loss, gentler_too=False)
        for rule, point in furthest(points, loss).items():
            first, last = point or whole, strongest[rule] or whole
            apart.append(
                [
                    each["model"],
                    each["collection"],
                    f"{rule}: none" if point is None else rule_in_words(point),
                    f"{whole.ndcg:.4f}",
                    f"{first.ndcg:.4f}",
                    f"{whole.postings:,}",
                    f"{first.share:.1%}",
                    f"{whole.bytes / 1e6:.1f}",
                    f"{first.bytes / whole.bytes:.1%}",
                    f"{first.vector_bytes / whole.vector_bytes:.1%}",
                    "none" if strongest[rule] is None else f"{last.value:g}",
                    f"{last.share:.1%}",
                ]
            )
    together_head = ["model", "strongest rule", "nDCG@10 kept", "postings left", "index left", "its vectors left"]
    apart_head = ["model", "collection", "strongest rule", "nDCG@10", "pruned", "postings", "left", "index MB", "left"]
    apart_head += ["its vectors left", "strongest, ups and downs passed over", "postings left"]
    return (
        f"The strongest pruning that loses at most {loss:.0%} of nDCG@10, and no gentler strength of the rule more, in "
        f"the mean over the collections; all columns are means.\n\n{markdown_table(together_head, together)}\n\n"
        f"Each collection by itself (exact search, max_length {MAX_LENGTH}). On so few queries nDCG@10 goes up and "
        "down by as much as the loss that is looked for: the last two columns are of the strongest pruning within it, "
        "whatever gentler ones lose. A threshold is the quantile that it is the weight of. An index has texts, ids and "
        "the vocabulary beside its vectors, which in collections as small as these are much of it.\n\n"
        f"{markdown_table(apart_head, apart)}\n"
    )


def over_all(curves: list[list[CurvePoint]], rule: str, loss: float) -> list[str]:
    """The highest strength and what it keeps, as means over the collections; empty if the lowest loses too much.

    A strength that is too gentle to drop a term of a collection leaves that one as it is.
    """
    kept: dict[float, list[CurvePoint]] = {}
    values = dict.fromkeys(point.value for points in curves for point in points if point.rule == rule)
    for value in sorted(values, key=lambda value: value, reverse=rule in ("top_k", "mass")):
        at = [next((p for p in points if (p.rule, p.value) == (rule, value)), points[0]) for points in curves]
        if mean(point.ndcg / points[0].ndcg for point, points in zip(at, curves, strict=True)) < 1 - loss:
            break
        kept[value] = at
    if not kept:
        return []
    value, at = list(kept.items())[-1]
    pairs = list(zip(at, curves, strict=True))
    shares = [
        mean(point.ndcg / points[0].ndcg for point, points in pairs),
        mean(point.share for point in at),
        mean(point.bytes / points[0].bytes for point, points in pairs),
        mean(point.vector_bytes / points[0].vector_bytes for point, points in pairs),
    ]
    return [f"{rule} {value:g}", *(f"{share:.1%}" for share in shares)]


def report(measured: list[dict[str, Any]], loss: float) -> Report:
    """The report: the tables, and all points without their times."""
    records = [{**each, "points": [without_times(point) for point in each["points"]]} for each in measured]
    return Report(f"# Static pruning\n\n{markdown(measured, loss)}", records)


def without_times(point: CurvePoint) -> dict[str, Any]:
    return {name: value for name, value in point.to_record().items() if name != "latency"}


if __name__ == "__main__":
    sys.exit(main("pruning", __doc__, options, run))
