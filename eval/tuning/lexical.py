"""Finding how much words count beside the terms of a model, on judged queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.counted import counted, verb
from lsr.core.documents import Query
from lsr.core.errors import InputError
from lsr.core.plotting import COLOURS, figure
from lsr.core.progress import Stages, silent
from lsr.eval.measures.metrics import metric_label, metric_names, score_run
from lsr.eval.runs import Ranking
from lsr.search.encoders import EncodedQueries
from lsr.search.flat import plan_of
from lsr.search.lexical import LexicalTuning
from lsr.search.retriever import Retriever
from lsr.text.qrels import Qrels
from lsr.vectors.beside import apart, beside
from lsr.vectors.sparse import SparseVectors

WEIGHTS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0)

_FEWEST = 10
_KEPT = 100  # hits of a judged ranking


@dataclass(frozen=True, slots=True)
class LexicalTuningResult:
    """The result of tuning.

    Attributes:
        tuning: what to store.
        curve: weight → mean of the metric over all judged queries.
        halves: what the weight that the index was made with ("untuned") and the best one ("tuned") reach on the half of
            the queries that had no part in its choice, as means over both choices of the half.
    """

    tuning: LexicalTuning
    curve: dict[float, float]
    halves: dict[str, float]


def tune_lexical(
    retriever: Retriever,
    queries: Sequence[Query],
    qrels: Qrels,
    *,
    metric: str = "ndcg@10",
    seed: int = 0,
    stages: Stages = silent,
) -> LexicalTuningResult:
    """Find the weight of words with the best mean of a metric in exact search of the sparse index.

    It is chosen on one half of the queries and verified on the other, and the other way round; a weight other than that
    of the index is kept only if it is better there, and then chosen on all queries.

    Raises InputError for an index without words beside a model's terms, and for fewer than 10 judged queries.
    """
    index, made = retriever.index, retriever.lexical_weight
    if "words" not in index.parts or made is None:
        raise InputError(f"the index at {index.path} holds no words beside a model's terms: there is nothing to weigh")
    (name,) = metric_names([metric])
    judged = [query for query in queries if query.text.strip() and any(v > 0 for v in qrels.get(query.id, {}).values())]
    if len(judged) < _FEWEST:
        raise InputError(f"{len(judged)} of the queries {verb(len(judged))} judged: tuning needs at least {_FEWEST}")
    weights = sorted({*WEIGHTS, made})
    plan = plan_of("exact", lexical_weight=1.0)
    encoded = retriever.encode_queries([query.text for query in judged], plan, [query.id for query in judged])
    assert encoded.sparse is not None
    terms, words = apart(encoded.sparse, index.parts["words"].first)
    values = np.empty((len(judged), len(weights)))
    with stages("trying weights", len(weights), "weights") as progress:
        for column, weight in enumerate(weights):
            asked = EncodedQueries(encoded.ids, encoded.texts, _weighed(terms, words, weight), None)
            found = retriever.rank(asked, _KEPT, plan)
            run = {id: Ranking(hits.ids, hits.scores) for id, hits in zip(encoded.ids, found, strict=True)}
            by_query = score_run(run, {query.id: qrels[query.id] for query in judged}, [name]).per_query()
            values[:, column] = [by_query[query.id][name] for query in judged]
            progress(1)
    untuned = weights.index(made)
    halves = _halves(values, untuned, np.random.default_rng(seed).permutation(len(judged)))
    kept = int(values.mean(axis=0).argmax()) if halves["tuned"] > halves["untuned"] else untuned
    tuning = LexicalTuning(
        weight=weights[kept],
        metric=name,
        reached=max(halves.values()),
        before=halves["untuned"],
        queries=len(judged),
    )
    return LexicalTuningResult(tuning, dict(zip(weights, values.mean(axis=0).tolist(), strict=True)), halves)


def save_plot(found: LexicalTuningResult, path: Path, title: str = "") -> None:
    """Plot the metric over the weight of words. Raises as `check_plot`."""
    with figure([path], columns=1, title=title) as (panel,):
        panel.plot(list(found.curve), list(found.curve.values()), "o-", color=COLOURS[0])
        panel.axvline(found.tuning.weight, ls="--", color=COLOURS[1], label="stored")
        label = metric_label(found.tuning.metric)
        panel.set(xlabel="weight of words", ylabel=f"{label}, {counted(found.tuning.queries, 'judged queries')}")
        panel.grid(alpha=0.25)
        panel.legend(frameon=False)


def _weighed(terms: SparseVectors, words: SparseVectors, weight: float) -> SparseVectors:
    """The queries with words of so many times the weight."""
    if not weight:
        return terms
    heavier = (words.weights * np.float32(weight)).astype(np.float32)
    return beside(terms, SparseVectors(words.indptr, words.indices, heavier, words.ids, words.dim, validate=False))


def _halves(values: npt.NDArray[np.float64], untuned: int, order: npt.NDArray[np.int64]) -> dict[str, float]:
    """What a choice on one half of the queries reaches on the other; `values` [queries, weights] is the metric."""
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    tuned = np.empty(len(order))
    for chosen, verified in (halves, halves[::-1]):
        tuned[verified] = values[verified, values[chosen].mean(axis=0).argmax()]
    return {"untuned": float(values[:, untuned].mean()), "tuned": float(tuned.mean())}
