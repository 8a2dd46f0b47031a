"""Finding the weight of the dense side, on judged queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lsr.core.counted import verb
from lsr.core.documents import Query
from lsr.core.errors import InputError
from lsr.core.options import listed
from lsr.core.plotting import COLOURS, figure
from lsr.core.progress import Stages, silent
from lsr.eval.measures.metrics import metric_label, metric_names, score_run
from lsr.eval.runs import Ranking, Run
from lsr.index.fusion.grouping import group_rows
from lsr.index.fusion.methods import METHODS
from lsr.index.fusion.search import search_union
from lsr.index.fusion.settings import HYBRID, FusionSettings, RetrieveSettings
from lsr.index.fusion.tuning import FusionTuning, WeightPredictor, query_features
from lsr.search.plan import SearchPlan
from lsr.text.qrels import Qrels

if TYPE_CHECKING:
    from lsr.index.fusion.query import HybridQuery
    from lsr.index.fusion.search import HybridHits
    from lsr.search.retriever import Retriever

WEIGHTS = tuple(round(0.05 * step, 2) for step in range(21))

_FEWEST = 10
_RIDGE = 1.0
_KEPT = 100  # hits of a judged ranking


@dataclass(frozen=True, slots=True)
class FusionTuningResult:
    """The result of tuning.

    Attributes:
        tuning: what to store.
        curve: dense weight → mean of the metric over all judged queries.
        halves: what the fixed weight and the predicted ones reach on the half that had no part in their choice, as
            means over both choices of the half: "untuned" (the method's own weight), "fixed", "predicted".
    """

    tuning: FusionTuning
    curve: dict[float, float]
    halves: dict[str, float]


def tune_fusion(
    retriever: Retriever,
    queries: Sequence[Query],
    qrels: Qrels,
    *,
    fusion: FusionSettings | None = None,
    depth: int = RetrieveSettings().depth,
    metric: str = "ndcg@10",
    seed: int = 0,
    stages: Stages = silent,
) -> FusionTuningResult:
    """Find the dense weight with the best mean of a metric, and whether a weight for each query is better.

    Each query is searched once; every weight is then tried on what both sides returned at this depth, with scores
    completed as `fusion` says. A predictor (`WeightPredictor`) is learned by ridge regression of each query's best
    weights; queries count by how much the weight matters to them. Both are chosen on one half of the queries and
    verified on the other, and the other way round. The predictor is kept only if it is best there, and a weight other
    than the method's own only if it is better; it is then chosen on all queries.

    Raises InputError for fewer than 10 judged queries or a fusion by rank, which has no scores to weigh.
    """
    fusion = fusion or FusionSettings()
    if METHODS[fusion.method].of_ranks is not None:
        others = listed([name for name, method in METHODS.items() if method.of_ranks is None])
        raise InputError(f"{fusion.method} adds ranks, and its weights are not tuned: tune {others}")
    (name,) = metric_names([metric])
    judged = [query for query in queries if query.text.strip() and any(v > 0 for v in qrels.get(query.id, {}).values())]
    if len(judged) < _FEWEST:
        raise InputError(f"{len(judged)} of the queries {verb(len(judged))} judged: tuning needs at least {_FEWEST}")
    retrieve = RetrieveSettings(mode=HYBRID, depth=depth)
    plan = SearchPlan(retrieve=retrieve, fusion=replace(fusion, dense_weight=0.5))
    encoded = retriever.encode_queries([query.text for query in judged], plan)
    found = []
    with stages("searching", len(judged), "queries") as progress:
        for number in range(len(judged)):
            found.append(search_union(retriever.index, encoded[number], plan))
            progress(1)
    with stages("trying weights", len(WEIGHTS), "weights") as progress:
        values = np.empty((len(judged), len(WEIGHTS)))
        for column, weight in enumerate(WEIGHTS):
            weights = np.full(len(judged), weight)
            values[:, column] = _values(retriever, judged, found, weights, qrels, name)
            progress(1)
    features = np.array([_features(encoded[number], hits) for number, hits in enumerate(found)])
    halves = _halves(
        values,
        features,
        untuned=METHODS[fusion.method].dense_weight,
        order=np.random.default_rng(seed).permutation(len(judged)),
        reached=lambda rows, weights: _values(
            retriever, [judged[i] for i in rows], [found[i] for i in rows], weights, qrels, name
        ),
    )
    means = values.mean(axis=0)
    kept = max(halves, key=lambda name: halves[name])  # the first of equals, which is the simplest
    predictor = _learn(features, values) if kept == "predicted" else None
    tuning = FusionTuning(
        method=fusion.method,
        completion=fusion.completion,
        depth=depth,
        dense_weight=METHODS[fusion.method].dense_weight if kept == "untuned" else WEIGHTS[int(means.argmax())],
        predictor=predictor,
        metric=name,
        reached=halves[kept],
        before=halves["untuned"],
        queries=len(judged),
    )
    return FusionTuningResult(tuning, dict(zip(WEIGHTS, means.tolist(), strict=True)), halves)


def save_plot(found: FusionTuningResult, path: Path, title: str = "") -> None:
    """Plot the metric over the dense weight, and what each query's own weight reached. Raises as `check_plot`."""
    label = metric_label(found.tuning.metric)
    with figure([path], columns=1, title=title) as (panel,):
        panel.plot(list(found.curve), list(found.curve.values()), "o-", color=COLOURS[0], label="one weight for all")
        panel.axhline(found.halves["predicted"], ls="--", color=COLOURS[1], label="each query's own, held out")
        panel.set(xlabel="dense weight", ylabel=f"{label}, {found.tuning.queries:,} judged queries")
        panel.grid(alpha=0.25)
        panel.legend(frameon=False)


def _halves(
    values: npt.NDArray[np.float64],
    features: npt.NDArray[np.float64],
    *,
    untuned: float,
    order: npt.NDArray[np.int64],
    reached: Callable[[list[int], npt.NDArray[np.float64]], npt.NDArray[np.float64]],
) -> dict[str, float]:
    """What a choice on one half of the queries reaches on the other.

    `values` [queries, WEIGHTS] is the metric, `features` [queries, features] the input of a predictor, `untuned` the
    method's own weight. The halves are those of `order`; `reached` returns the metric of some queries, each with its
    weight.
    """
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    fixed, predicted = np.empty(len(order)), np.empty(len(order))
    for chosen, verified in (halves, halves[::-1]):
        fixed[verified] = values[verified, values[chosen].mean(axis=0).argmax()]
        weights = _learn(features[chosen], values[chosen]).predict(features[verified])
        predicted[verified] = reached(verified.tolist(), weights)
    own = values[:, WEIGHTS.index(untuned)]
    return {"untuned": float(own.mean()), "fixed": float(fixed.mean()), "predicted": float(predicted.mean())}


def _learn(features: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> WeightPredictor:
    """Ridge regression of each query's best weight: the mean of all that reach its best value."""
    best = values >= values.max(axis=1, keepdims=True) - 1e-12
    wanted = (best * np.array(WEIGHTS)).sum(axis=1) / best.sum(axis=1)
    counts = values.max(axis=1) - values.min(axis=1)
    total = counts.sum()
    counts = counts / total if total > 0 else np.full(len(counts), 1 / len(counts))
    means, deviations = features.mean(axis=0), features.std(axis=0)
    deviations = np.where(deviations > 0, deviations, 1)
    standard = (features - means) / deviations
    centre, intercept = counts @ standard, float(counts @ wanted)
    moved = (standard - centre) * counts[:, None]
    # The penalty counts as much as this many average queries.
    gram = moved.T @ (standard - centre) + _RIDGE / len(counts) * np.eye(features.shape[1])
    coefficients = np.linalg.solve(gram, moved.T @ (wanted - intercept))
    return WeightPredictor(
        tuple(means.tolist()),
        tuple(deviations.tolist()),
        tuple(coefficients.tolist()),
        float(intercept - centre @ coefficients),
    )


def _features(query: HybridQuery, hits: HybridHits) -> npt.NDArray[np.float64]:
    assert query.sparse is not None and hits.sparse is not None and hits.dense is not None
    sides = []
    for side in (hits.sparse, hits.dense):
        places = np.flatnonzero(side.ranks)
        places = places[np.argsort(side.ranks[places])]
        sides.append((hits.rows[places], side.scores[places]))
    return query_features(len(query.sparse[0]), *sides)


def _values(
    retriever: Retriever,
    judged: Sequence[Query],
    found: Sequence[HybridHits],
    weights: npt.NDArray[np.float64],
    qrels: Qrels,
    metric: str,
) -> npt.NDArray[np.float64]:
    """The metric of each query, fused with its weight: float64 [n]."""
    run: Run = {}
    for query, hits, weight in zip(judged, found, weights.tolist(), strict=True):
        assert hits.sparse is not None and hits.dense is not None
        # Searched with even weights, so twice a contribution is the normalised score.
        scores = 2 * ((1 - weight) * hits.sparse.contributions + weight * hits.dense.contributions)
        rows, best = group_rows(retriever.index, hits.rows, scores, _KEPT)
        run[query.id] = Ranking(retriever.index.documents.ids(rows), best)
    scored = score_run(run, {query.id: qrels[query.id] for query in judged}, [metric])
    by_query = scored.per_query()
    return np.array([by_query[query.id][metric] for query in judged])
