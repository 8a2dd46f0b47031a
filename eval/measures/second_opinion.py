"""A second opinion on every score: ir-measures computes it again, and what differs stops the evaluation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from lsr.core.errors import LsrError
from lsr.eval.extras import require
from lsr.eval.measures.metrics import DEFAULT_METRICS, Scores, metric_label, score_run
from lsr.eval.runs import Ranking, Run
from lsr.text.qrels import Qrels

TOLERANCE = 1e-6
_QUERIES = 256
# trec_eval counts documents by grade, in an array as long as the largest.
_LARGEST_GRADE = 1 << 16

Judged = dict[str, dict[str, int]]

_BINARY = {
    "map": "AP",
    "mrr": "RR",
    "precision": "P",
    "recall": "R",
    "hit_rate": "Success",
    "bpref": "Bpref",
    "r-precision": "Rprec",
}
# Of whole rankings, where what is above has a cut-off.
_SETS = {"precision": "SetP", "recall": "SetR", "f1": "SetF", "hits": "NumRet(rel=1)"}
_UNCUT = {"map", "mrr", "bpref", "r-precision"}


def checked_scores(run: Run, qrels: Qrels, metrics: Sequence[str] = DEFAULT_METRICS) -> Scores:
    """The scores of `score_run`, every one of them computed again by ir-measures, which asks trec_eval's own code.

    Both are given the same order: a run goes to ir-measures with numbers that fall from rank to rank as its scores, so
    that no two tie and no rule for ties has a say. Rankings are converted some hundred at a time, so memory does not
    grow with the run. ir-measures has no DCG, RBP only with another package, F1 and hits only of whole rankings, and
    the hit rate only with a cut-off; what it has not is not compared.

    Raises LsrError where a query's values differ by more than 1e-6, MissingDependencyError without the `eval` extra,
    and as `score_run` does.
    """
    scores = score_run(run, qrels, metrics)
    compare_scores(scores, run, qrels)
    return scores


def compare_scores(scores: Scores, run: Run, qrels: Qrels) -> list[str]:
    """Compare with what ir-measures finds; the names of the metrics that it has. Raises as `checked_scores`."""
    by_gain: dict[_Gain, dict[str, str]] = {}
    for name in scores.values:
        if (found := _theirs(name)) is not None:
            measure, gain = found
            by_gain.setdefault(gain, {})[name] = measure
    if not by_gain:
        return []
    package = _packages()
    compared: dict[str, None] = {}
    for start in range(0, len(scores.query_ids), _QUERIES):
        ids = scores.query_ids[start : start + _QUERIES]
        ranked = {_c_string(id): _falling(run[id]) for id in ids if id in run and len(run[id])}
        for gain, names in by_gain.items():
            judged = {
                _c_string(id): {
                    _c_string(document): gain.of(grade) for document, grade in qrels[id].items() if grade >= 0
                }
                for id in ids
            }
            judged = {id: each for id, each in judged.items() if each}
            if max((most for each in judged.values() for most in each.values()), default=0) > _LARGEST_GRADE:
                continue
            values = _values(package, set(names.values()), judged, ranked)
            for name, measure in names.items():
                compared[name] = None
                ours = scores.values[name][start : start + _QUERIES].tolist()
                _compare(name, ids, ours, [values.get((measure, _c_string(id)), 0.0) for id in ids])
    return list(compared)


class _Gain(NamedTuple):
    """What ir-measures is given in the place of a grade, so that whatever is above 0 is relevant."""

    level: int = 1
    burges: bool = False
    shifted: bool = False

    def of(self, grade: int) -> int:
        if grade < self.level:
            return 0
        return 2**grade - 1 if self.burges else grade + self.shifted


def _theirs(name: str) -> tuple[str, _Gain] | None:
    """ir-measures' name of the metric, and what it is given for a grade; None for what it does not have."""
    match = re.fullmatch(r"(?P<head>.+?)(?:@(?P<cutoff>\d+))?(?:-l(?P<level>\d+))?", name)
    assert match is not None  # as any name that `metric_names` lets pass
    head, cutoff = match["head"], match["cutoff"]
    level = 1 if match["level"] is None else int(match["level"])
    cut = "" if cutoff is None else f"@{cutoff}"
    if head == "judged":
        return f"Judged{cut}", _Gain()
    if head in ("ndcg", "ndcg_burges"):
        return f"nDCG{cut}", _Gain(level, burges=head == "ndcg_burges")
    # At level 0 every judged document is relevant, whose grade may be 0.
    gain = _Gain(level, shifted=level == 0)
    if (head in _BINARY) if cutoff else (head in _UNCUT):
        return _BINARY[head] + cut, gain
    if cutoff is None and head in _SETS:
        return _SETS[head], gain
    return None


def _packages() -> Any:
    """ir-measures, if what it asks for most measures is there, too."""
    require("pytrec_eval")
    return require("ir_measures")


def _falling(ranking: Ranking) -> dict[str, float]:
    """The documents with scores that say their ranks: whole numbers, which float32 holds."""
    return dict(zip(map(_c_string, ranking.ids), map(float, range(len(ranking), 0, -1)), strict=True))


def _c_string(id: str) -> str:
    """The id as trec_eval's code can tell it from others: to C, a string ends where a zero stands."""
    return id.replace("\\", "\\\\").replace("\0", "\\0") if "\0" in id or "\\" in id else id


def _values(
    package: Any, measures: set[str], judged: Judged, ranked: dict[str, dict[str, float]]
) -> dict[tuple[str, str], float]:
    """Measure and query → value."""
    left = {package.parse_measure(measure): measure for measure in measures}
    values = {}
    # Of the providers that may have them, never ranx: it would be asked twice.
    for provider in (package.pytrec_eval, package.judged, package.msmarco):
        theirs = [measure for measure in left if provider.supports(measure)]
        for found in provider.iter_calc(theirs, judged, ranked) if theirs else ():
            values[left[found.measure], found.query_id] = float(found.value)
        for measure in theirs:
            del left[measure]
    if left:
        raise LsrError(f"ir-measures, which is to check {', '.join(left.values())}, does not have it in this version")
    return values


def _compare(name: str, ids: Sequence[str], ours: Sequence[float], theirs: Sequence[float]) -> None:
    for id, value, other in zip(ids, ours, theirs, strict=True):
        if not abs(value - other) <= TOLERANCE:
            raise LsrError(
                f"two opinions on {metric_label(name)} of query {id!r}: {value:.9g} as lsr computes it, and "
                f"{other:.9g} by ir-measures. Neither can be trusted until this is understood: please report it, "
                "with the judgements and the ranking of this query"
            )
