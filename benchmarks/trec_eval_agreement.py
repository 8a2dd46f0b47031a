"""Compares our measures with the outputs that trec_eval publishes for its own test files.

    python benchmarks/trec_eval_agreement.py FOLDER [--output DIR]

FOLDER is the `test/` folder of https://github.com/usnistgov/trec_eval: qrels, runs and expected outputs ("out.…").
The table has one line for each expected output and measure. trec_eval prints four decimals, so the two agree if they
differ by at most half of the last one. It is an error if any disagree.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from script import Report, main

from lsr.core.errors import LsrError
from lsr.eval.measures.metrics import Scores, metric_label, score_run
from lsr.eval.runs import Run, read_run
from lsr.text.qrels import Qrels, read_qrels

HALF_A_DIGIT = 0.5e-4 + 1e-9
ALL = "all"

MEASURES = {
    "map": "map",
    "mrr": "recip_rank",
    "recall@100": "recall_100",
    "recall@1000": "recall_1000",
    "ndcg@10": "ndcg_cut_10",
    "ndcg@100": "ndcg_cut_100",
    "precision@10": "P_10",
    "r-precision": "Rprec",
}
"""trec_eval's names of our measures."""


@dataclass(frozen=True)
class Case:
    """One expected output and the trec_eval command behind it."""

    expected: str
    arguments: str
    qrels: str
    run: str
    complete: bool = False
    depth: int | None = None
    level: int = 1


CASES = [
    Case("out.test", "qrels.test results.test", "qrels.test", "results.test"),
    Case("out.test", "qrels.test.with-comments results.test", "qrels.test.with-comments", "results.test"),
    Case("out.comment.test", "qrels.comment.test results.comment.test", "qrels.comment.test", "results.comment.test"),
    Case("out.test.a", "-m all_trec", "qrels.test", "results.test"),
    Case("out.test.aq", "-m all_trec -q", "qrels.test", "results.test"),
    Case("out.test.aqc", "-m all_trec -q -c", "qrels.test", "results.trunc", complete=True),
    Case("out.test.aqcM", "-m all_trec -q -c -M100", "qrels.test", "results.trunc", complete=True, depth=100),
    Case("out.test.aql", "-m all_trec -q -l2", "qrels.rel_level", "results.test", level=2),
]


@dataclass(frozen=True)
class Line:
    """The comparison of one measure: values compared, those that agree, and the largest distance."""

    case: Case
    ours: str
    theirs: str
    values: int
    agreeing: int
    widest: float


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path)


def run(arguments: argparse.Namespace, _: Path) -> Iterator[Report]:
    """Compare every case."""
    lines = [line for case in CASES for line in compare(arguments.folder, case)]
    report = f"# Agreement with trec_eval's published outputs\n\n{markdown(lines)}\n"
    yield Report(
        report,
        [
            {"expected": line.case.expected, "arguments": line.case.arguments, "measure": line.ours}
            | {"values": line.values, "agreeing": line.agreeing, "widest": line.widest}
            for line in lines
        ],
    )
    if any(line.agreeing < line.values for line in lines):
        raise LsrError("not all values agree with trec_eval's")


def compare(folder: Path, case: Case) -> list[Line]:
    """Compare every measure in the expected output, over all queries and, if it lists them, for each."""
    expected = read_expected(folder / case.expected)
    qrels = read_qrels(folder / case.qrels)
    run = read_run(folder / case.run, ties="trec_eval")
    if case.depth:
        run = {id: ranking.top(case.depth) for id, ranking in run.items()}
    if not case.complete:
        qrels = {id: judged for id, judged in qrels.items() if id in run}
    # trec_eval's -l is the grade from which a document is relevant; nDCG uses grades and ignores it.
    suffix = f"-l{case.level}" if case.level > 1 else ""
    names = {name + suffix: theirs for name, theirs in MEASURES.items() if not (suffix and "ndcg" in name)}
    if suffix:
        names |= {name: theirs for name, theirs in MEASURES.items() if "ndcg" in name}
    scores = score_run(run, qrels, list(names))
    lines = [
        _line(case, ours, theirs, scores, expected[theirs], float)
        for ours, theirs in names.items()
        if theirs in expected
    ]
    # trec_eval has no MRR@10, but query by query it follows from the reciprocal rank.
    if len(expected["recip_rank"]) > 1:
        lines.append(_mrr10(case, run, qrels, suffix, expected["recip_rank"]))
    return lines


def _mrr10(case: Case, run: Run, qrels: Qrels, suffix: str, expected: dict[str, float]) -> Line:
    per_query = {id: value for id, value in expected.items() if id != ALL}
    scores = score_run(run, qrels, ["mrr@10" + suffix])
    return _line(case, "mrr@10" + suffix, "recip_rank", scores, per_query, lambda value: value if value >= 0.1 else 0.0)


def _line(
    case: Case,
    ours: str,
    theirs: str,
    scores: Scores,
    expected: dict[str, float],
    adjust: Callable[[float], float],
) -> Line:
    found = dict(zip(scores.query_ids, scores.values[ours].tolist(), strict=True))
    found[ALL] = scores.means()[ours]
    distances = np.array([abs(found[id] - adjust(value)) for id, value in expected.items()])
    agreeing = int((distances <= HALF_A_DIGIT).sum())
    return Line(case, ours, theirs, len(distances), agreeing, float(distances.max()))


def read_expected(path: Path) -> dict[str, dict[str, float]]:
    """trec_eval's output as measure → query id or "all" → value."""
    expected: dict[str, dict[str, float]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        measure, query, value = line.split(maxsplit=2)
        if measure in MEASURES.values():
            expected.setdefault(measure, {})[query] = float(value)
    return expected


def markdown(lines: list[Line]) -> str:
    """The table."""
    rows = [
        "| expected output | trec_eval | its measure | ours | values | agree | widest distance |",
        "|---|---|---|---|--:|--:|--:|",
    ]
    rows += [
        f"| {line.case.expected} | `{line.case.arguments}` | {line.theirs} | {metric_label(line.ours)} "
        f"| {line.values} | {line.agreeing} | {line.widest:.6f} |"
        for line in lines
    ]
    agreeing, values = sum(line.agreeing for line in lines), sum(line.values for line in lines)
    return "\n".join([*rows, "", f"{agreeing} of {values} values agree to the four decimals that trec_eval prints."])


if __name__ == "__main__":
    sys.exit(main("trec_eval_agreement", __doc__, options, run))
