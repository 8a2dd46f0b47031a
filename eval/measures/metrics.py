"""Effectiveness measures by ranx, without its side effects."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.eval.extras import require
from lsr.eval.runs import Ranking, Run
from lsr.text.qrels import Qrels

DEFAULT_METRICS = ("ndcg@10", "mrr@10", "recall@100", "recall@1000", "map")

_LABELS = {"ndcg": "nDCG", "mrr": "MRR", "recall": "R", "map": "MAP", "precision": "P", "judged": "Judged"}
_ALIASES = {"r": "recall", "p": "precision", "rr": "mrr", "ap": "map", "success": "hit_rate"}
_NAMES = {"bpref", "dcg", "dcg_burges", "f1", "hit_rate", "hits", "judged", "map", "mrr", "ndcg"} | {
    "ndcg_burges",
    "precision",
    "r-precision",
    "recall",
}
_UNCUT = {"bpref", "r-precision"}  # they know no cut-off
_FORM = re.compile(r"(?P<name>[a-z_0-9-]+?)(?P<cutoff>@[1-9]\d*)?(?P<level>-l\d+)?")
_RBP = re.compile(r"rbp[.@]\d+(-l\d+)?")

_CHUNK = 256
_lock = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The scores of a run: for each metric float64 [number of judged queries], in the order of `query_ids`."""

    query_ids: list[str]
    values: dict[str, npt.NDArray[np.float64]]

    def means(self) -> dict[str, float]:
        """Each metric's mean over all judged queries."""
        return {name: float(values.mean()) for name, values in self.values.items()}

    def per_query(self) -> dict[str, dict[str, float]]:
        """Query id → metric → value."""
        columns = {name: values.tolist() for name, values in self.values.items()}
        return {id: {name: columns[name][i] for name in columns} for i, id in enumerate(self.query_ids)}


def metric_names(names: Sequence[str]) -> list[str]:
    """The names as ranx spells them: "nDCG@10", "R@100" and "P@5" become "ndcg@10", "recall@100" and "precision@5".

    Raises InputError for a name that ranx does not know.
    """
    return list(dict.fromkeys(_metric_name(name) for name in names))


def metric_label(name: str) -> str:
    """The name for tables: "ndcg@10" as nDCG@10."""
    head = _head(name)
    return _LABELS.get(head, head) + name[len(head) :]


def score_run(run: Run, qrels: Qrels, metrics: Sequence[str] = DEFAULT_METRICS) -> Scores:
    """Score a run query by query.

    Every judged query counts: one that the run lacks, or that has no relevant document, scores zero (trec_eval's
    `-c`). Queries of the run without judgements are left out. The run's own order is what is judged, ties and all. A
    grade below zero says, as in trec_eval, that a document was not judged. nDCG takes the grade as gain and
    log2(rank + 1) as discount (Järvelin and Kekäläinen 2002, as trec_eval's `ndcg_cut`).

    ranx (Bassani 2022) computes the values, all but those of bpref, RBP and Judged. It gets arrays of small integers in
    rank order, so that its hashing of ids and its unstable sort have no effect, and Numba's settings are restored.

    Raises InputError for an unknown metric, a document that a ranking has twice, and grades too large for a metric.
    """
    metrics = metric_names(metrics)
    query_ids = list(qrels)
    values = {name: np.zeros(len(query_ids)) for name in metrics}
    judged_documents = {id: {document: grade for document, grade in qrels[id].items() if grade >= 0} for id in qrels}
    # ranx takes [queries, judged or retrieved, 2]; queries of one shape are passed together, so nothing is padded.
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, id in enumerate(query_ids):
        if judged_documents[id] and id in run and len(run[id]):
            _check_documents(id, run[id])
            groups[len(judged_documents[id]), len(run[id])].append(i)
    own = {name: _own(name) for name in metrics if name.startswith(("bpref", "rbp", "judged"))}
    by_ranx = [name for name in metrics if name not in own]
    # For a single metric, ranx looks its result up under a name without the cut-off, and fails.
    asked = by_ranx * 2 if len(by_ranx) == 1 else by_ranx
    with _ranx() as ranx:
        for members in groups.values():
            for start in range(0, len(members), _CHUNK):
                chunk = members[start : start + _CHUNK]
                pairs = [_as_arrays(judged_documents[query_ids[i]], run[query_ids[i]]) for i in chunk]
                for name, measure in own.items():
                    values[name][chunk] = [measure(*pair) for pair in pairs]
                if not asked:
                    continue
                judged, retrieved = (np.stack(arrays) for arrays in zip(*pairs, strict=True))
                found = ranx.evaluate(judged, retrieved, asked, return_mean=False, threads=1)
                for name in by_ranx:
                    values[name][chunk] = found[name]
    _check_finite(values)
    return Scores(query_ids, values)


def bpref(judged: npt.NDArray[np.float64], retrieved: npt.NDArray[np.float64], *, level: int = 1) -> float:
    """Binary preference as trec_eval computes it (Buckley and Voorhees, SIGIR 2004), of one query.

    The mean over the R relevant documents of 1 - n / min(R, N) for each that is retrieved below n (at most R) of the N
    documents judged and not relevant. What is retrieved and not judged has no effect.

    Args:
        judged: float64 [judged, 2], rows of (number of the document, grade).
        retrieved: float64 [retrieved, 2], rows by rank whose first column is that number.
        level: the grade from which a document is relevant.
    """
    grades = dict(judged.tolist())
    relevant = sum(grade >= level for grade in grades.values())
    others = len(grades) - relevant
    total, above = 0.0, 0
    for number in retrieved[:, 0].tolist():
        if number not in grades:
            continue
        if grades[number] < level:
            above += 1
        else:
            total += 1 - min(above, relevant) / min(others, relevant) if above else 1
    return total / relevant if relevant else 0.0


def rank_biased_precision(
    judged: npt.NDArray[np.float64], retrieved: npt.NDArray[np.float64], *, persistence: float, level: int = 1
) -> float:
    """Rank-biased precision (Moffat and Zobel, TOIS 2008) of one query, of relevant or not: at most 1.

    (1 - p) · Σ p^(rank - 1) over the relevant documents, where p, the persistence, is the chance that a reader goes on
    to the next. Arguments as of `bpref`.
    """
    relevant = [number for number, grade in judged.tolist() if grade >= level]
    hits = np.isin(retrieved[:, 0], relevant)
    return float((1 - persistence) * (persistence ** np.flatnonzero(hits)).sum())


def judged_share(
    judged: npt.NDArray[np.float64], retrieved: npt.NDArray[np.float64], *, cutoff: int | None = None
) -> float:
    """The share of the first documents, or of all that were retrieved, that are judged, whatever their grade.

    A low one says that the judgements were made of other systems' answers, and that the other measures say little.
    Arguments as of `bpref`.
    """
    return float(np.isin(retrieved[:cutoff, 0], judged[:, 0]).mean())


def _metric_name(name: str) -> str:
    lowered = name.strip().lower()
    if _RBP.fullmatch(lowered):
        return lowered
    match = _FORM.fullmatch(lowered)
    head = _ALIASES.get(match["name"], match["name"]) if match else ""
    if match is None or head not in _NAMES:
        known = ", ".join(sorted(_NAMES))
        near = get_close_matches(match["name"] if match else lowered.partition("@")[0], [*_NAMES, *_ALIASES], 1)
        meant = f"did you mean {near[0]!r}? It is " if near else "use "
        raise InputError(
            f"unknown metric {name!r}: {meant}one of {known}, rbp.95; most with a cut-off, as ndcg@10, and from a "
            "level of relevance, as map-l2"
        )
    if match["level"] and head == "judged":
        raise InputError(f"{name!r}: a document is judged or not, whatever its grade")
    if match["cutoff"] and head in _UNCUT:
        raise InputError(f"{name!r}: {head} is of the whole ranking, without a cut-off")
    return head + (match["cutoff"] or "") + (match["level"] or "")


def _head(name: str) -> str:
    return re.split(r"@|-l\d", name, maxsplit=1)[0]


def _own(name: str) -> Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], float]:
    """The metrics that ranx divides by zero for (bpref), lets grades raise above 1 (RBP), or does not have (Judged)."""
    if name.startswith("judged"):
        return partial(judged_share, cutoff=int(name.partition("@")[2]) if "@" in name else None)
    found = re.search(r"-l(\d+)$", name)
    level = int(found[1]) if found else 1
    if name.startswith("bpref"):
        return partial(bpref, level=level)
    persistence = float("0." + re.findall(r"\d+", name)[0])
    return partial(rank_biased_precision, persistence=persistence, level=level)


def _check_documents(query: str, ranking: Ranking) -> None:
    if len(set(ranking.ids)) < len(ranking):
        seen: set[str] = set()
        twice = next(id for id in ranking.ids if id in seen or seen.add(id))  # type: ignore[func-returns-value]
        raise InputError(f"document {twice!r} is retrieved twice for query {query!r}")


def _check_finite(values: dict[str, npt.NDArray[np.float64]]) -> None:
    for name, of_queries in values.items():
        if not np.isfinite(of_queries).all():
            raise InputError(
                f"{metric_label(name)} is not a finite number: the judgements have grades too large for it"
            )


def _as_arrays(judged: dict[str, int], ranking: Ranking) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Judged documents by descending grade and retrieved ones by rank, as rows (number of the document, weight)."""
    by_grade = sorted(judged.items(), key=lambda item: -item[1])
    numbers = {id: number for number, (id, _) in enumerate(by_grade)}
    left = np.array([(numbers[id], grade) for id, grade in by_grade], dtype=np.float64)
    right = np.empty((len(ranking), 2), dtype=np.float64)
    right[:, 0] = [numbers.get(id, -1) for id in ranking.ids]
    right[:, 1] = np.arange(len(ranking), 0, -1)
    return left, right


@contextmanager
def _ranx() -> Iterator[Any]:
    """ranx, for one caller at a time, with Numba's threading layer and thread count restored.

    Importing ranx sets the threading layer of the whole process, `evaluate` its number of threads, and Numba's
    workqueue layer aborts the process when two threads start parallel kernels at once: hence the lock.
    """
    import numba

    config: Any = numba.config
    with _lock:
        layer = config.THREADING_LAYER
        ranx = require("ranx")
        config.THREADING_LAYER = layer
        threads = numba.get_num_threads()
        try:
            yield ranx
        finally:
            numba.set_num_threads(threads)
