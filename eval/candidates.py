"""Re-ranking: documents that others found for a query, put in a new order by a model, or by the vectors of an index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsr.core.chunks import chunks
from lsr.core.documents import Document, is_blank
from lsr.core.errors import InputError, NotFoundError
from lsr.core.progress import Progress
from lsr.core.types import Scores
from lsr.eval.runs import Ranking, Run, run_word, with_ids
from lsr.text.lines import name_of, read_lines, stop
from lsr.text.records import parse_id

if TYPE_CHECKING:
    from lsr.search.plan import SearchPlan
    from lsr.search.retriever import Retriever

Score = Callable[[Sequence[str], Sequence[Sequence[str]]], Sequence[Scores]]
"""Scores of each query's texts, larger is better, from queries and, for each, its texts."""

_FIELDS = ("query id", "passage id", "query", "passage")
_BATCH = 4096
# Characters of the texts that are scored together.
_CHARACTERS = 1 << 23


class Candidate(NamedTuple):
    """A document that was found for a query, with the texts of both."""

    query_id: str
    document_id: str
    query: str
    text: str


def read_candidates(path: str | Path) -> Iterator[Candidate]:
    """Stream a file of MS MARCO's kind, top1000.dev: query id, passage id, query, passage, separated by tabs.

    Lines may be in any order; MS MARCO's go by their passages. The file may be compressed, "-" is stdin. Memory grows
    with the queries alone, whose texts are compared.

    Raises InputError with file and line: another number of columns, an id or a query that is empty, a query of one id
    with two texts; and for a file without candidates.
    """
    texts: dict[str, str] = {}
    for number, line in read_lines(path, stop):
        cells = line.split("\t")
        try:
            yield _candidate(cells, texts)
        except ValueError as error:
            raise InputError(str(error), source=name_of(path), line=number) from None
    if not texts:
        raise InputError("contains no candidates", source=name_of(path))


def _candidate(cells: Sequence[str], texts: dict[str, str]) -> Candidate:
    """The candidate of a line's cells; ValueError says what is wrong. `texts` are those of the queries so far."""
    if len(cells) != len(_FIELDS):
        runs = "; a TREC run takes queries and documents beside it" if len("\t".join(cells).split()) == 6 else ""
        raise ValueError(
            f"expected {len(_FIELDS)} columns separated by tabs ({', '.join(_FIELDS)}), found {len(cells)}{runs}"
        )
    query_id, document_id, query, text = parse_id(cells[0]), parse_id(cells[1]), cells[2], cells[3]
    if is_blank(query):
        raise ValueError(f"query {query_id!r} has no text")
    known = texts.setdefault(query_id, query)
    if known != query:
        raise ValueError(f"query {query_id!r} has another text than before: {query!r}, and it was {known!r}")
    return Candidate(query_id, document_id, known, text)


def candidates_of_run(run: Run, queries: Mapping[str, str], documents: Iterable[Document]) -> Iterator[Candidate]:
    """The documents of a run with the texts of both sides, in the order in which the documents come.

    `queries` are texts by id. Ids of the run may be as `run_word` writes them. The documents are read once, and no more
    of them is held than one; the run is. InputError at once if the run has a query that is not among the queries, and
    at the end if it has a document that did not come.
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for query, ranking in _named(run, queries).items():
        for id in ranking.ids:
            wanted[id].append(query)
    return _with_texts(wanted, queries, documents)


def _named(run: Run, queries: Mapping[str, str]) -> Run:
    """The run with the ids of these queries; InputError for another."""
    named = with_ids(run, queries, ())
    for query in named:
        if query not in queries:
            raise InputError(f"query {query!r} of the run is not among the {len(queries):,} queries")
    return named


def _with_texts(
    wanted: dict[str, list[str]], queries: Mapping[str, str], documents: Iterable[Document]
) -> Iterator[Candidate]:
    for document in documents:
        asked = wanted.pop(document.id, None) or wanted.pop(run_word(document.id), None) or ()
        for query in asked:
            yield Candidate(query, document.id, queries[query], document.contents)
    if wanted:
        raise InputError(f"{len(wanted):,} documents of the run are not there; the first is {next(iter(wanted))!r}")


def rerank(candidates: Iterable[Candidate], score: Score, *, k: int = 1000, progress: Progress | None = None) -> Run:
    """The `k` best candidates of each query by their scores; of those that tie, the one whose id sorts first.

    Texts are scored some thousand at a time, and no more than `k` scores of a query stay, twice that at times, so
    memory grows with the queries and not with the file. `progress` is called with the number of candidates just scored.
    InputError if a query has the same candidate twice.
    """
    best: dict[str, _Best] = defaultdict(lambda: _Best(k))
    for batch in chunks(candidates, _BATCH, _CHARACTERS, lambda each: len(each.text)):
        of_query: dict[str, list[Candidate]] = defaultdict(list)
        for candidate in batch:
            of_query[candidate.query_id].append(candidate)
        texts = [[each.text for each in found] for found in of_query.values()]
        scored = score([found[0].query for found in of_query.values()], texts)
        for (query, found), scores in zip(of_query.items(), scored, strict=True):
            for each, its_score in zip(found, np.asarray(scores).tolist(), strict=True):
                best[query].add(query, each.document_id, its_score)
        if progress is not None:
            progress(len(batch))
    return {query: found.ranking() for query, found in best.items()}


class _Best:
    """The best documents of a query so far."""

    __slots__ = ("_k", "_scores")

    def __init__(self, k: int) -> None:
        self._k = k
        self._scores: dict[str, float] = {}

    def add(self, query: str, id: str, score: float) -> None:
        if id in self._scores:
            raise InputError(f"query {query!r} has the candidate {id!r} twice")
        self._scores[id] = score
        if len(self._scores) >= 2 * self._k:
            self._scores = dict(self._ranked())

    def _ranked(self) -> list[tuple[str, float]]:
        return sorted(self._scores.items(), key=lambda item: (-item[1], item[0]))[: self._k]

    def ranking(self) -> Ranking:
        ranked = self._ranked()
        return Ranking([id for id, _ in ranked], np.array([score for _, score in ranked], np.float32))


def rerank_in_index(
    run: Run,
    queries: Mapping[str, str],
    retriever: Retriever,
    plan: SearchPlan,
    *,
    k: int = 1000,
    progress: Progress | None = None,
) -> Run:
    """A run in the order in which an index would rank its documents: a search by `plan` among the candidates alone.

    `queries` are texts by id. What such a search does not find, since it shares no term with the query, comes last, in
    the order of the run, with a score of 0 or, where scores are negative, less than all. `progress` is called with the
    number of queries just ranked. InputError if the run has a query that is not among the queries, or a document that
    is not in the index.
    """
    made: Run = {}
    for query, ranking in _named(run, queries).items():
        made[query] = _in_index(ranking, queries[query], retriever, plan).top(k)
        if progress is not None:
            progress(1)
    return made


def _in_index(ranking: Ranking, text: str, retriever: Retriever, plan: SearchPlan) -> Ranking:
    from lsr.search.run import rank

    index = retriever.index
    allowed = np.zeros(len(index), np.bool_)
    try:
        for id in ranking.ids:
            allowed[(rows := index.documents.rows_of(id)).start : rows.stop] = True
    except NotFoundError as error:
        raise InputError(f"{error}, which the run has", source=str(index.path)) from None
    if not ranking.ids or is_blank(text):
        return Ranking(ranking.ids, np.zeros(len(ranking.ids), np.float32))
    query = retriever.encode_queries([text], plan)[0]
    found = rank(index, retriever.rerankers, text, query, len(ranking.ids), plan, allowed)
    ids = index.documents.ids(found.rows)
    # `dict` keeps the order: those that were found, and then the rest.
    rest = list(dict.fromkeys([*ids, *ranking.ids]))[len(ids) :]
    last = float(found.scores[-1]) if ids else 1.0
    lowest = 0.0 if last > 0 else last - 1
    scores = np.concatenate([np.asarray(found.scores, np.float64), np.full(len(rest), lowest)])
    return Ranking([*ids, *rest], scores)
