"""Two runs compared: which queries one wins, by which documents, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lsr.core.documents import Document
from lsr.core.errors import NotFoundError
from lsr.encoding.lexical.analysis import Analyser
from lsr.eval.collections import TestCollection
from lsr.eval.matching import check_run
from lsr.eval.measures.metrics import metric_names
from lsr.eval.measures.second_opinion import checked_scores
from lsr.eval.measures.significance import (
    effect_size,
    mean_interval,
    paired_t_test,
    power,
    queries_needed,
    randomisation_test,
)
from lsr.eval.runs import Ranking, Run, with_ids
from lsr.text.qrels import Qrels

if TYPE_CHECKING:
    from lsr.search.retriever import Retriever

_TERMS = 8


@dataclass(frozen=True, slots=True)
class Difference:
    """A query that two runs answer differently well.

    Attributes:
        query, text: its id, and what it asks; None if the queries are not known.
        first, second: the scores.
        document: the relevant document whose rank differs most, weighed as reciprocal ranks are; None if neither found
            any.
        ranks: its rank in each run, from 1; None where it was not found.
        shared: words that it shares with the query, stemmed; None if its text is not known.
        terms: the terms of an index's vectors that match, heaviest first, with what each adds to the score; None
            without an index.
    """

    query: str
    text: str | None
    first: float
    second: float
    document: str | None
    ranks: tuple[int | None, int | None]
    shared: list[str] | None = None
    terms: list[tuple[str, float]] | None = None

    @property
    def difference(self) -> float:
        """How much better the second is."""
        return self.second - self.first


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs on the same judged queries.

    Attributes:
        metric: as ranx spells it.
        means: of both runs.
        won, lost, tied: for how many queries the second is better, worse and as good.
        interval: 95 % of the mean difference, by Student's t; None for a single query.
        p_t, p_randomisation: two-sided, of the paired t-test and of the randomisation test.
        effect_size: Cohen's d of the paired differences.
        power: of the t-test at 0.05, if the effect is as large as it was observed.
        queries_needed: for a power of 0.8 at that effect; None if there is no effect.
        differences: all queries that differ, those by which most is won or lost first.
    """

    metric: str
    means: tuple[float, float]
    won: int
    lost: int
    tied: int
    interval: tuple[float, float] | None
    p_t: float
    p_randomisation: float
    effect_size: float
    power: float
    queries_needed: int | None
    differences: list[Difference]

    def showing(self, differences: list[Difference]) -> Comparison:
        """The same with these differences."""
        return replace(self, differences=differences)

    def to_record(self) -> dict[str, Any]:
        """JSON values."""
        record = asdict(self)
        for each, found in zip(record["differences"], self.differences, strict=True):
            each["difference"] = found.difference
        return record


def compare_runs(
    first: Run,
    second: Run,
    qrels: Qrels,
    metric: str = "ndcg@10",
    *,
    texts: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare two runs by one metric over all judged queries; `texts` are the queries', by id.

    Raises InputError for a metric that there is not, and for a run that has none of the judged queries.
    """
    (name,) = metric_names([metric])
    documents = {id for judged in qrels.values() for id in judged}
    runs = []
    for label, run in (("the first run", first), ("the second run", second)):
        runs.append(with_ids(run, qrels, documents))
        check_run(runs[-1], qrels, label)
    scores = [checked_scores(run, qrels, [name]) for run in runs]
    one, other = (each.values[name] for each in scores)
    gains = other - one
    differences = []
    for at in np.argsort(-np.abs(gains), kind="stable").tolist():
        if gains[at] == 0:
            break
        query = scores[0].query_ids[at]
        document, ranks = _document(qrels[query], *(run.get(query) for run in runs), second_won=bool(gains[at] > 0))
        text = None if texts is None else texts.get(query)
        differences.append(Difference(query, text, float(one[at]), float(other[at]), document, ranks))
    effect = effect_size(other, one)
    return Comparison(
        metric=name,
        means=(float(one.mean()), float(other.mean())),
        won=int((gains > 0).sum()),
        lost=int((gains < 0).sum()),
        tied=int((gains == 0).sum()),
        interval=mean_interval(gains),
        p_t=paired_t_test(other, one),
        p_randomisation=randomisation_test(other, one, seed),
        effect_size=effect,
        power=power(effect, len(one)),
        queries_needed=queries_needed(effect),
        differences=differences,
    )


def explained(
    differences: Sequence[Difference],
    collection: TestCollection,
    *,
    retriever: Retriever | None = None,
    language: str = "english",
) -> list[Difference]:
    """The differences with the words that query and document share, and the terms that match in an index.

    The corpus is read once. What has no text, or is not in the index, stays as it is.
    """
    analyser = Analyser(language)
    documents = documents_of(collection, {each.document for each in differences if each.document is not None})
    made = []
    for each in differences:
        document, shared, terms = documents.get(each.document or ""), each.shared, each.terms
        if (text := each.text) is not None and document is not None:
            there = set(analyser.words(document.contents))
            shared = [word for word in dict.fromkeys(analyser.words(text)) if word in there]
            if retriever is not None:
                with suppress(NotFoundError):
                    matches = retriever.explain(text, document.id).matches[:_TERMS]
                    terms = [(match.term, match.contribution) for match in matches]
        made.append(replace(each, shared=shared, terms=terms))
    return made


def documents_of(collection: TestCollection, ids: set[str]) -> dict[str, Document]:
    """These documents of the corpus, which is read until all are found."""
    found: dict[str, Document] = {}
    for document in collection.documents() if ids else ():
        if document.id in ids:
            found[document.id] = document
            if len(found) == len(ids):
                break
    return found


def rank_of(ranking: Ranking | None, document: str) -> int | None:
    """The rank of a document, from 1; None if it is not there."""
    if ranking is None or document not in ranking.ids:
        return None
    return ranking.ids.index(document) + 1


def texts_of(collection: TestCollection) -> dict[str, str]:
    """The text of each judged query."""
    return {query.id: query.text for query in collection.queries}


def _document(
    judged: Mapping[str, int], first: Ranking | None, second: Ranking | None, *, second_won: bool
) -> tuple[str | None, tuple[int | None, int | None]]:
    """The relevant document by which most is won or lost, and its ranks."""
    best: tuple[float, str | None, tuple[int | None, int | None]] = (0.0, None, (None, None))
    for id, grade in judged.items():
        if grade > 0:
            ranks = rank_of(first, id), rank_of(second, id)
            before, after = (0.0 if rank is None else 1 / rank for rank in ranks)
            gain = (after - before) if second_won else (before - after)
            if gain > best[0]:
                best = gain, id, ranks
    return best[1], best[2]
