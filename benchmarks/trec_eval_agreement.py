"""Compares our measures with the outputs that trec_eval publishes for its own test files.

    python benchmarks/trec_eval_agreement.py FOLDER [--output DIR]

FOLDER is the `test/` folder of https://github.com/usnistgov/trec_eval: qrels, runs and expected outputs ("out.…").
The table has one line for each expected output and measure. trec_eval prints four decimals, so the two agree if they
differ by at most half of the last one. It is an error if any disagree, or if ir-measures computes another value.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from script import Report, main

from lsr.core.errors import LsrError
from lsr.eval.measures.metrics import Scores, metric_label
from lsr.eval.measures.second_opinion import checked_scores
from lsr.eval.runs import Run, read_run
from lsr.text.qrels import Qrels, read_qrels

HALF_A_DIGIT = 0.5e-4 + 1e-9
ALL = "all"

CUTOFFS = (5, 10, 15, 20, 30, 100, 200, 500, 1000)
MEASURES = {
    "map": "map",
    "mrr": "recip_rank",
    "ndcg": "ndcg",
    "bpref": "bpref",
    "r-precision": "Rprec",
    "rbp.90": "rbp",
    "precision": "set_P",
    "recall": "set_recall",
    "f1": "set_F",
    "hits": "num_rel_ret",
    **{
        f"{ours}@{cutoff}": f"{theirs}_{cutoff}"
        for ours, theirs in (
            ("ndcg", "ndcg_cut"),
            ("map", "map_cut"),
            ("precision", "P"),
            ("recall", "recall"),
        )
        for cutoff in CUTOFFS
    },
    **{f"hit_rate@{cutoff}": f"success_{cutoff}" for cutoff in (1, 5, 10)},
    **{f"judged@{cutoff}": f"unj_{cutoff}" for cutoff in (5, 10, 20)},
}
"""trec_eval's names of our measures: of every one that it has."""
# Of all queries together, it prints their number and not their mean.
SUMS = {"hits"}


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
    graded = ("ndcg", "judged")
    names = {name if name.startswith(graded) else name + suffix: theirs for name, theirs in MEASURES.items()}
    if suffix:
        del names["rbp.90" + suffix]  # trec_eval's weighs grades there; ours knows relevant and not relevant
    if case.complete:
        # Of a query without any answer, trec_eval says that nothing of it is unjudged; ours, as ir-measures, that
        # nothing is judged.
        names = {name: theirs for name, theirs in names.items() if not name.startswith("judged")}
    # What ir-measures says of each is compared as well: a difference is an error.
    scores = checked_scores(run, qrels, list(names))
    lines = [
        _line(case, ours, theirs, scores, expected[theirs], _judged if ours.startswith("judged") else float)
        for ours, theirs in names.items()
        if theirs in expected
    ]
    # trec_eval has no MRR@10, but query by query it follows from the reciprocal rank.
    if len(expected["recip_rank"]) > 1:
        lines.append(_mrr10(case, run, qrels, suffix, expected["recip_rank"]))
    return lines


def _judged(unjudged: float) -> float:
    return 1 - unjudged


def _mrr10(case: Case, run: Run, qrels: Qrels, suffix: str, expected: dict[str, float]) -> Line:
    per_query = {id: value for id, value in expected.items() if id != ALL}
    scores = checked_scores(run, qrels, ["mrr@10" + suffix])
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
    found[ALL] = sum(found.values()) if ours.partition("-l")[0] in SUMS else scores.means()[ours]
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
    """The table: cut-offs of a measure in one line."""
    together: dict[tuple[Case, str], list[Line]] = {}
    for line in lines:
        together.setdefault((line.case, re.sub(r"_\d+$", "", line.theirs) + "@10" * ("mrr@" in line.ours)), []).append(
            line
        )
    rows = [
        "| expected output | trec_eval | its measure | ours | values | agree | widest distance |",
        "|---|---|---|---|--:|--:|--:|",
    ]
    rows += [
        f"| {case.expected} | `{case.arguments}` | {theirs.removesuffix('@10')} | {_ours(members)} "
        f"| {sum(line.values for line in members)} | {sum(line.agreeing for line in members)} "
        f"| {max(line.widest for line in members):.6f} |"
        for (case, theirs), members in together.items()
    ]
    agreeing, values = sum(line.agreeing for line in lines), sum(line.values for line in lines)
    summary = (
        f"{agreeing} of {values} values agree to the four decimals that trec_eval prints, and to a millionth with "
        "ir-measures' wherever it has the measure."
    )
    return "\n".join([*rows, "", summary])


def _ours(members: list[Line]) -> str:
    first, *others = (metric_label(line.ours) for line in members)
    return ", ".join([first, *("@" + label.partition("@")[2] for label in others)])


if __name__ == "__main__":
    sys.exit(main("trec_eval_agreement", __doc__, options, run))
