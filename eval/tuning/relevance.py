"""Finding what scores say of relevance, on judged queries, or on queries of random words alone.

With judgements: a logistic regression of whether the first hits are relevant (Platt 1999), of which hits of random
words are a small part, so that it knows what scores say nothing. Without: where a score lies among the best scores of
random words, as in a test of significance; the normal distribution is written as a logistic function, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Query
from lsr.core.errors import InputError
from lsr.core.executor import executor
from lsr.core.plotting import COLOURS, figure
from lsr.core.progress import Stages, silent
from lsr.eval.measures.calibration import Bin, brier_score, calibration_error, reliability
from lsr.eval.tuning.logistic import Fitted, fit_logistic
from lsr.eval.tuning.random_queries import random_queries
from lsr.search.plan import SearchPlan
from lsr.search.relevance import (
    QUERY_WEIGHT,
    Calibration,
    features_of,
    kind_of_search,
    made_by,
    measured,
    relevance_of,
)
from lsr.search.retriever import Retriever
from lsr.search.run import rank
from lsr.text.qrels import Qrels

Values = npt.NDArray[np.float64]

FIRST = 10
"""Hits of a query that are looked at."""

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

_FEWEST = 20
_RANDOM = 500
# What hits of random words weigh in all, of what judged ones do: in benchmarks/relevance.py, more costs calibration,
# and none costs abstention.
RANDOM_SHARE = 0.1
# The logistic function with this slope is within 0.01 of the normal distribution.
_NORMAL = 1.702


class Hits(NamedTuple):
    """The first hits of a query: their ids, their scores, and their features, each float64 [n]."""

    ids: list[str]
    scores: Values
    features: dict[str, Values]

    @property
    def table(self) -> Values:
        """float64 [n, features]; hits that lack one are left out."""
        table = np.column_stack(list(self.features.values()))
        return table[~np.isnan(table).any(axis=1)]


class Threshold(NamedTuple):
    """What a least relevance does.

    Attributes:
        relevance: the least one.
        abstains: the share of queries of random words for which nothing is found.
        kept: the share of the relevant documents among the first hits that is still found; None without judgements.
        answered: the share of judged queries for which something is found; None without judgements.
    """

    relevance: float
    abstains: float
    kept: float | None = None
    answered: float | None = None


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """The result of calibrating: what to store, and how reliable it was on queries that had no part in it.

    Attributes:
        calibration: what to store.
        bins: of the reliability diagram; empty without judgements.
        thresholds: what each least relevance does.
    """

    calibration: Calibration
    bins: list[Bin]
    thresholds: list[Threshold]

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "calibration": self.calibration.to_record(),
            "bins": [each._asdict() for each in self.bins],
            "thresholds": [each._asdict() for each in self.thresholds],
        }


def calibrate(
    retriever: Retriever,
    plan: SearchPlan,
    queries: Sequence[Query] | None = None,
    qrels: Qrels | None = None,
    *,
    seed: int = 0,
    stages: Stages = silent,
) -> CalibrationResult:
    """Find what the scores of a search by a plan say of relevance; `queries` and `qrels` together or not at all.

    InputError for fewer than 20 judged queries, for hits that are all relevant, or none, and for an index without
    texts.
    """
    plan = replace(plan, min_relevance=None, min_score=None)
    _check(plan)
    index = retriever.index
    judged, noise = [], random_queries(index, _RANDOM, seed=seed)
    if queries is not None and qrels is not None:
        judged = [each for each in queries if each.text.strip() and any(v > 0 for v in qrels.get(each.id, {}).values())]
        if len(judged) < _FEWEST:
            raise InputError(f"{len(judged)} of the queries are judged: calibrating needs at least {_FEWEST}")
    hits = first_hits(retriever, [each.text for each in judged] + noise, plan, stages=stages)
    found, random = hits[: len(judged)], hits[len(judged) :]
    facts: dict[str, Any] = {
        "search": kind_of_search(index, plan),
        "made_by": made_by(index),
        "documents": len(index.documents),
    }
    names = features_of(plan)
    if not judged or qrels is None:
        fitted = by_random(random[::2], names)
        made = Calibration(**facts, **_values(fitted, names), judged=False, queries=len(noise))
        return CalibrationResult(made, [], thresholds(_all(made, random[1::2])))
    labels = [labels_of(each, qrels[query.id]) for each, query in zip(found, judged, strict=True)]
    half = np.random.default_rng(seed).permutation(len(judged)) % 2
    said: list[Values] = [np.empty(0)] * len(judged)
    tried: list[Values] = []
    for held in (0, 1):
        learned = [place for place in range(len(judged)) if half[place] != held]
        fitted = by_judgements([found[p] for p in learned], [labels[p] for p in learned], random[held::2], names)
        made = Calibration(**facts, **_values(fitted, names), judged=True, queries=len(learned))
        for place in np.flatnonzero(half == held):
            said[place] = relevance_of(made, found[place].features)
        tried += _all(made, random[1 - held :: 2])
    relevance, relevant = np.concatenate(said), np.concatenate(labels)
    known = ~np.isnan(relevance)
    relevance, relevant = relevance[known], relevant[known]
    fitted = by_judgements(found, labels, random, names)
    made = Calibration(
        **facts,
        **_values(fitted, names),
        judged=True,
        queries=len(judged),
        ece=calibration_error(relevance, relevant),
        brier=brier_score(relevance, relevant),
    )
    return CalibrationResult(made, reliability(relevance, relevant), thresholds(tried, said, labels))


def first_hits(retriever: Retriever, texts: Sequence[str], plan: SearchPlan, *, stages: Stages = silent) -> list[Hits]:
    """The first hits of each text, and their features."""
    index, found = retriever.index, []
    encoded = retriever.encode_queries(texts, plan)

    def one(number: int) -> Hits:
        ranked = rank(index, retriever.rerankers, encoded.texts[number], encoded[number], FIRST, plan)
        again = None if ranked.reranked is None or ranked.order is None else ranked.reranked[ranked.order]
        features = measured(index, plan, ranked.found, ranked.scores, ranked.rows, again)
        return Hits(index.documents.ids(ranked.rows), np.asarray(ranked.scores, np.float64), features)

    with stages("searching", len(texts), "queries") as progress, executor(None) as workers:
        for hits in workers.map(one, range(len(texts))):
            found.append(hits)
            progress(1)
    return found


def labels_of(hits: Hits, judged: Mapping[str, int]) -> Values:
    """float64 [n]: 1 for hits that are judged relevant, 0 for all others."""
    return np.array([float(judged.get(id, 0) > 0) for id in hits.ids])


def by_judgements(
    found: Sequence[Hits],
    labels: Sequence[Values],
    random: Sequence[Hits],
    names: Sequence[str],
    *,
    share: float = RANDOM_SHARE,
) -> Fitted:
    """A logistic regression of whether hits are relevant; those of random words are not, and weigh `share` of them."""
    tables = [np.column_stack([each.features[name] for name in names]) for each in found]
    table, relevant = np.concatenate(tables), np.concatenate(labels)
    known = ~np.isnan(table).any(axis=1)
    table, relevant = table[known], relevant[known]
    if not 0 < relevant.sum() < len(relevant):
        raise InputError(
            "none of the hits is relevant" if not relevant.any() else "every hit is relevant: there is nothing to learn"
        )
    noise = np.concatenate([each.table for each in random]) if random else table[:0]
    weights = np.concatenate([np.ones(len(table)), np.full(len(noise), share * len(table) / max(len(noise), 1))])
    fitted = fit_logistic(
        np.concatenate([table, noise]),
        np.concatenate([relevant, np.zeros(len(noise))]),
        weights,
        rising=[name != QUERY_WEIGHT for name in names],
    )
    if not any(weight > 0 for name, weight in zip(names, fitted.weights, strict=True) if name != QUERY_WEIGHT):
        raise InputError("the scores of relevant hits are no higher than those of others: there is nothing to learn")
    return fitted


def by_random(random: Sequence[Hits], names: Sequence[str]) -> Fitted:
    """Where scores lie among the best of random words: the log of a score goes with that of the query's weight."""
    tables = [each.table for each in random if len(each.table)]
    if len(tables) < _FEWEST:
        raise InputError("queries of random words find too little to learn from")
    best = np.array([table.max(axis=0) for table in tables])
    scores = [place for place, name in enumerate(names) if name != QUERY_WEIGHT]
    weights, intercept = np.zeros(len(names)), 0.0
    for place in scores:
        known = [np.ones(len(best))]
        if QUERY_WEIGHT in names and names[place] != "dense score":
            known.append(best[:, names.index(QUERY_WEIGHT)])
        line = np.linalg.lstsq(np.column_stack(known), best[:, place], rcond=None)[0]
        spread = max(float(np.std(best[:, place] - np.column_stack(known) @ line)), 1e-6)
        weights[place] += 1 / spread
        intercept -= line[0] / spread
        if len(line) > 1:
            weights[names.index(QUERY_WEIGHT)] -= line[1] / spread
    # The sum of what each side says, again as so many deviations above that of the best hit of random words.
    sums = np.array([np.max(intercept + table @ weights) for table in tables])
    slope = _NORMAL / max(float(np.std(sums)), 1e-6)
    return Fitted((intercept - float(np.mean(sums))) * slope, tuple((weights * slope).tolist()))


def thresholds(random: Sequence[Values], said: Sequence[Values] = (), labels: Sequence[Values] = ()) -> list[Threshold]:
    """What each least relevance does, by the relevances of the hits of queries: random ones, and judged ones."""
    found = []
    for least in THRESHOLDS:
        abstains = float(np.mean([not (each >= least).any() for each in random])) if random else 0.0
        if not said:
            found.append(Threshold(least, abstains))
            continue
        pairs = list(zip(said, labels, strict=True))
        kept = sum(float(relevant[relevance >= least].sum()) for relevance, relevant in pairs)
        relevant_hits = sum(float(relevant.sum()) for relevant in labels)
        answered = float(np.mean([(each >= least).any() for each in said]))
        found.append(Threshold(least, abstains, kept / max(relevant_hits, 1.0), answered))
    return found


def save_plot(results: Mapping[str, CalibrationResult], path: Path, title: str = "") -> None:
    """Draw a reliability diagram, and abstention against what is kept, by mode. Raises as `check_plot`."""
    with figure([path], columns=2, title=title) as (reliable, abstains):
        reliable.plot([0, 1], [0, 1], "--", color="0.6")
        for number, (mode, result) in enumerate(results.items()):
            colour = COLOURS[number % len(COLOURS)]
            if result.bins:
                said, relevant = [each.said for each in result.bins], [each.is_relevant for each in result.bins]
                reliable.plot(said, relevant, "o-", color=colour, label=mode)
            least = [each.relevance for each in result.thresholds]
            abstains.plot(least, [each.abstains for each in result.thresholds], "o-", color=colour, label=mode)
            if result.bins:
                abstains.plot(least, [each.kept for each in result.thresholds], "o:", color=colour, alpha=0.6)
        reliable.set(xlabel="relevance", ylabel="share that is judged relevant", xlim=(0, 1), ylim=(0, 1))
        abstains.set(xlabel="min_relevance", ylabel="abstains (line), relevant hits kept (dots)", ylim=(0, 1.02))
        for panel in (reliable, abstains):
            panel.grid(alpha=0.25)
        abstains.legend(frameon=False)


def _check(plan: SearchPlan) -> None:
    for name in ("filter", "sort", "facets", "count", "group_by"):
        if getattr(plan, name):
            raise InputError("is of single searches: relevance is measured in the whole index", field=name)


def _values(fitted: Fitted, names: Iterable[str]) -> dict[str, Any]:
    return {"intercept": fitted.intercept, "weights": dict(zip(names, fitted.weights, strict=True))}


def _all(made: Calibration, hits: Iterable[Hits]) -> list[Values]:
    return [relevance_of(made, each.features) for each in hits]
