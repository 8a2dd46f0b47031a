"""Relevance: what scores say of it, as `lsr calibrate` found, from 0 to 1.

A score is a sum whose size depends on the query, and a fused one on the other hits. So relevance is a logistic function
(Platt 1999) of what a document's own scores are: the logarithm of the sparse score beside that of the weight of the
query, whose ratio says how much of the query was found, and the dense score. A re-ranker's score stands alone. It never
contradicts the ranking: no hit has more relevance than one before it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError, InputError
from lsr.core.options import build, check_options, shortened
from lsr.core.remedies import calibrate
from lsr.core.values import is_number
from lsr.encoding.lexical.settings import RECORD, LexicalRecord
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import HybridHits
from lsr.index.fusion.settings import DENSE, SPARSE, STAGED_MODES
from lsr.search.lexical import stored_lexical
from lsr.search.plan import SearchPlan

if TYPE_CHECKING:
    from lsr.index import Index

Values = npt.NDArray[np.float64]

SPARSE_SCORE, DENSE_SCORE, QUERY_WEIGHT, RERANK_SCORE = "log sparse score", "dense score", "log query weight", "rerank"
FEATURES = (SPARSE_SCORE, DENSE_SCORE, QUERY_WEIGHT, RERANK_SCORE)
# How many times more, or fewer, documents there may be before a calibration is said to be old.
GROWN = 2
_LEAST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How the scores of one kind of search become relevance.

    Attributes:
        search: the kind: what `kind_of_search` says of its plan.
        made_by: a fingerprint of the models whose scores they are.
        intercept, weights: of the logistic function; the weights by feature.
        judged: whether it was learned from judgements; else from the scores of queries of random words, and 1 minus the
            relevance is how likely the best of these scores as much.
        queries, documents: how many there were.
        ece, brier: the expected calibration error and the Brier score on judged queries that had no part; else None.
    """

    search: Mapping[str, Any]
    made_by: str
    intercept: float
    weights: Mapping[str, float]
    judged: bool
    queries: int
    documents: int
    ece: float | None = None
    brier: float | None = None

    def to_record(self) -> dict[str, Any]:
        """As JSON values, for the manifest."""
        return {**asdict(self), "search": dict(self.search), "weights": dict(self.weights)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Calibration:
        """Inverse of `to_record`. InputError names a value that is wrong."""
        made = build(cls, record)
        check_options(made)
        if not isinstance(made.search, dict):
            raise InputError(f"must say how it was searched, not {shortened(made.search)}", field="search")
        weights = made.weights
        if not isinstance(weights, dict) or not weights or not weights.keys() <= set(FEATURES):
            raise InputError(f"must be weights of {', '.join(FEATURES)}, not {shortened(weights)}", field="weights")
        for name, weight in weights.items():
            if not is_number(weight) or (name != QUERY_WEIGHT and weight < 0):
                raise InputError(f"must be a number, and at least 0 of a score, not {shortened(weight)}", field=name)
        return made

    def relevance(self, features: Mapping[str, Values]) -> Values:
        """float64 [n]: from 0 to 1, by the features that have weights; NaN where one is NaN."""
        sums = sum((weight * features[name] for name, weight in self.weights.items()), np.float64(self.intercept))
        return np.asarray(1 / (1 + np.exp(-np.clip(sums, -700, 700))))

    def least_score(self, relevance: float, query: HybridQuery) -> float:
        """The score of a search of one side from which documents have a relevance."""
        if relevance >= 1:
            return np.inf
        if relevance <= 0:
            return -np.inf
        rest = np.log(relevance / (1 - relevance)) - self.intercept
        if SPARSE_SCORE in self.weights:
            rest -= self.weights.get(QUERY_WEIGHT, 0.0) * query_weight(query)
            return float(np.exp(min(rest / max(self.weights[SPARSE_SCORE], _LEAST), 700)))
        return float(rest / max(self.weights[DENSE_SCORE], _LEAST))

    def age(self, documents: int) -> str:
        """What to say of it when there are so many documents, or ""."""
        if max(documents, 1) <= GROWN * max(self.documents, 1) <= GROWN * GROWN * max(documents, 1):
            return ""
        return f"of when there were {self.documents:,} documents, not {documents:,}: calibrate again"


def kind_of_search(index: Index, plan: SearchPlan) -> dict[str, Any]:
    """What scores depend on, and calibrations are known by, as JSON values: neither engines nor ways to fuse."""
    kind: dict[str, Any] = {"mode": plan.retrieve.mode}
    words = _known_of(index).words
    if words is not None and plan.retrieve.needs_sparse:
        tuned, asked = stored_lexical(index), plan.retrieve.lexical_weight
        own = words if tuned is None else tuned.weight
        kind["lexical_weight"] = float(own if asked is None else asked)
    if plan.feedback is not None:
        kind["feedback"] = plan.to_record()["feedback"]
    if plan.rerank is not None:
        kind["rerank"] = {"model": plan.rerank.model, "weight": plan.rerank.weight}
    return kind


def made_by(index: Index) -> str:
    """A fingerprint of the models of an index."""
    return _known_of(index).made_by


class _Known(NamedTuple):
    """What each search asks of an index that was opened, and never changes: `words`: the weight of words as built."""

    made_by: str
    words: float | None


_KNOWN: WeakKeyDictionary[Index, _Known] = WeakKeyDictionary()


def _known_of(index: Index) -> _Known:
    known = _KNOWN.get(index)
    if known is None:
        dense = index.parts["dense"].record if "dense" in index.parts else None
        # What words a collection has changes with its documents, and makes no other model.
        encoder = {name: value for name, value in (index.encoder or {}).items() if name != RECORD}
        models = [encoder, None if dense is None else [dense.encoder, dense.similarity]]
        digest = hashlib.sha256(json.dumps(models, sort_keys=True, default=str).encode()).hexdigest()[:16]
        lexical = LexicalRecord.of_encoder(index.encoder)
        known = _KNOWN[index] = _Known(digest, None if lexical is None else lexical.settings.weight)
    return known


def features_of(plan: SearchPlan) -> tuple[str, ...]:
    """What relevance is a function of in such a search."""
    if plan.rerank is not None:
        return (RERANK_SCORE,)
    mode = plan.retrieve.mode
    return {SPARSE: (SPARSE_SCORE, QUERY_WEIGHT), DENSE: (DENSE_SCORE,)}.get(
        mode, (SPARSE_SCORE, QUERY_WEIGHT, DENSE_SCORE)
    )


def query_weight(query: HybridQuery) -> float:
    """The logarithm of the sum of the weights of a sparse query."""
    return float(np.log(max(0.0 if query.sparse is None else float(np.sum(query.sparse[1])), _LEAST)))


def measured(
    index: Index,
    plan: SearchPlan,
    found: HybridHits,
    scores: npt.NDArray[np.floating],
    rows: npt.NDArray[np.int64],
    reranked: Values | None,
) -> dict[str, Values]:
    """The features of hits, of these rows and scores, each float64 [n]."""
    query, names = found.query, features_of(plan)
    if reranked is not None:
        return {RERANK_SCORE: reranked}
    sparse, dense = (np.asarray(scores, np.float64),) * 2
    if plan.retrieve.fuses:
        assert query.sparse is not None and query.dense is not None
        # A side that did not return a document need not have scored it.
        sparse = index.scores(*query.sparse, rows).astype(np.float64)
        dense = index.parts["dense"].scores_prepared(query.dense, rows).astype(np.float64)
    known = {
        SPARSE_SCORE: np.log(np.maximum(sparse, _LEAST)),
        DENSE_SCORE: dense,
        QUERY_WEIGHT: np.full(len(rows), query_weight(query)),
    }
    return {name: known[name] for name in names}


def relevance_of(calibration: Calibration, features: Mapping[str, Values], *, ranked: bool = True) -> Values:
    """The relevance of hits, best first: never more than that of one before, if they are `ranked`."""
    found = calibration.relevance(features)
    return np.minimum.accumulate(found) if ranked and len(found) else found


def least_score(plan: SearchPlan, calibration: Calibration | None, query: HybridQuery) -> float | None:
    """The least score that a plan asks for, by its scores or by their relevance, of a search of one side."""
    if plan.min_relevance is None or calibration is None or plan.retrieve.fuses:
        return plan.min_score
    least = calibration.least_score(plan.min_relevance, query)
    return least if plan.min_score is None else max(least, plan.min_score)


_READ: WeakKeyDictionary[Index, list[Calibration]] = WeakKeyDictionary()


def stored_calibrations(index: Index) -> list[Calibration]:
    """What was found for an index. IndexFormatError for a record that is not readable."""
    records = index.manifest.relevance
    if records is None:
        return []
    read = _READ.get(index)
    if read is None:
        try:
            read = _READ[index] = [Calibration.from_record(record) for record in records]
        except InputError as error:
            raise IndexFormatError(f"{index.path}: the record of its calibration is not readable ({error})") from error
    return read


def calibration_of(index: Index, plan: SearchPlan) -> Calibration | None:
    """The calibration of such a search; None if there is none, or if it is of other models.

    InputError where a plan asks for a least relevance all the same.
    """
    wanted = plan.min_relevance is not None
    if index.manifest.relevance is None and not wanted:
        return None
    kind = kind_of_search(index, plan)
    found = next((each for each in stored_calibrations(index) if each.search == kind), None)
    if found is not None and found.made_by == made_by(index):
        return found
    if not wanted:
        return None
    words = ", ".join(f"{name} {value}" for name, value in kind.items() if not isinstance(value, dict))
    why = "is not calibrated for such a search" if found is None else "has other models than when it was calibrated"
    raise InputError(
        f"the index at {index.path} {why} ({words}), so scores do not tell relevance",
        field="min_relevance",
        remedies=[calibrate(index.path)],
    )


def calibrated_searches(index: Index) -> list[dict[str, Any]]:
    """The searches whose hits have a relevance, as JSON values: those of the models that the index has now.

    `plain` says whether a search has it that says no more than its mode. What is not readable is none, here.
    """
    from lsr.search.flat import plan_of

    try:
        stored = stored_calibrations(index)
    except IndexFormatError:
        return []
    made = made_by(index) if stored else ""
    found = []
    for each in stored:
        mode = each.search.get("mode")
        if each.made_by != made or mode not in (SPARSE, *STAGED_MODES):
            continue
        plain = kind_of_search(index, plan_of("auto" if mode == SPARSE else mode))
        how = {"judged": each.judged, "queries": each.queries, "documents": each.documents}
        found.append({"mode": mode, "plain": each.search == plain, **how, "search": dict(each.search)})
    return found


def calibration_problems(path: str | Path) -> list[str]:
    """What cannot be of the calibrations that the manifest of an index holds, for `lsr verify`; none if it is sound."""
    from lsr.index.format.manifest import Manifest, manifest_path

    problems = []
    for number, record in enumerate(Manifest.read(Path(path)).relevance or ()):
        try:
            Calibration.from_record(record)
        except InputError as error:
            problems.append(
                f"{manifest_path(Path(path))}: relevance {number}: {error.message()} (the index is searched again once "
                "its calibrations are removed)"
            )
    return problems


def store_calibration(index: Index, calibration: Calibration) -> None:
    """Record it in the manifest on disk, replacing that of the same kind of search; an index opened afterwards has it.

    IndexFormatError if the index was replaced on disk since it was opened.
    """
    from lsr.index.format.manifest import Manifest
    from lsr.index.format.output import change_manifest

    record = calibration.to_record()

    def change(manifest: Manifest) -> Manifest:
        others = [each for each in manifest.relevance or () if each.get("search") != record["search"]]
        return replace(manifest, relevance=[*others, record])

    change_manifest(index.path, index.manifest.segment, change)


def clear_calibrations(index: Index) -> None:
    """Remove all of them from the manifest on disk; raises as `store_calibration`."""
    from lsr.index.format.output import change_manifest

    change_manifest(index.path, index.manifest.segment, lambda manifest: replace(manifest, relevance=None))
