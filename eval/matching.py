"""Whether judgements, runs and documents are of one collection: their ids must meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lsr.core.counted import verb
from lsr.core.errors import InputError
from lsr.eval.collections import TestCollection
from lsr.eval.runs import Ranking, Run
from lsr.text.qrels import Qrels

_OTHERS = "the judgements are of another collection, or the ids are written in another way"


def check_documents(
    collection: TestCollection, holds: Callable[[str], bool], example: Callable[[], str], count: int
) -> list[str]:
    """Remarks on judged documents that are not there; InputError if none of the relevant ones is.

    Args:
        holds: whether there is a document with this id.
        example: an id that is there.
        count: number of documents that are there.
    """
    relevant = _relevant(collection)
    if not relevant:
        return ["no document is judged relevant, so there is nothing to find: every measure is 0"]
    missing = [id for id in relevant if not holds(id)]
    if len(missing) == len(relevant):
        raise InputError(
            f"none of the {len(relevant):,} documents judged relevant is among the {count:,} that are searched: "
            f"judged is {min(missing)!r}, there is {example()!r}; {_OTHERS}",
            source=collection.source,
        )
    if missing:
        return [
            f"{len(missing):,} of the {len(relevant):,} documents judged relevant {verb(len(missing))} not "
            f"among the {count:,} that are searched, and {verb(len(missing), 'counts', 'count')} as not found; the "
            f"first is {min(missing)!r}"
        ]
    return []


def check_relevant(collection: TestCollection) -> None:
    """InputError if the corpus has no document that is judged relevant; it is read until there is one."""
    relevant = _relevant(collection)
    first, count = "", 0
    for document in collection.documents():
        if not relevant or document.id in relevant:
            return
        first, count = first or document.id, count + 1
    if count:
        check_documents(collection, lambda id: False, lambda: first, count)


def _relevant(collection: TestCollection) -> set[str]:
    return {id for judged in collection.qrels.values() for id, grade in judged.items() if grade > 0}


def check_run(run: Run, qrels: Qrels, label: str) -> list[str]:
    """Remarks on a run that was made elsewhere; InputError if it has none of the judged queries."""
    if not run:
        raise InputError(f"{label} is an empty run")
    answered = [query for query in qrels if query in run]
    if not answered:
        raise InputError(
            f"{label} has none of the {len(qrels):,} judged queries: judged is {next(iter(qrels))!r}, in the run "
            f"is {next(iter(run))!r}; {_OTHERS}"
        )
    remarks = []
    if len(answered) < len(qrels):
        absent = next(query for query in qrels if query not in run)
        lacking = len(qrels) - len(answered)
        remarks.append(
            f"{label} lacks {lacking:,} of the {len(qrels):,} judged queries, which "
            f"{verb(lacking, 'counts', 'count')} as 0; the first is {absent!r}"
        )
    known = {document for query in answered for document in qrels[query]}
    if not any(id in known for query in answered for id in run[query].ids):
        found = next((id for query in answered for id in run[query].ids), None)
        remarks.append(
            f"{label} has no document that is judged for any query: judged is {next(iter(known))!r}, in the run is "
            f"{found!r}; {_OTHERS}"
        )
    return remarks


def left_out(collection: TestCollection, runs: Sequence[Run]) -> list[str]:
    """Remarks on judged queries that cannot be asked: not those that a run answers, by a vector."""
    remarks = []
    if collection.left_out:
        left, total = len(collection.left_out), len(collection.left_out) + len(collection.qrels)
        remarks.append(
            f"{left:,} of the {total:,} judged queries {verb(left)} not among the queries and "
            f"{verb(left, 'was', 'were')} left out; the first is {collection.left_out[0]!r}"
        )
    answered = {query for run in runs for query, ranking in run.items() if len(ranking.ids)}
    empty = [query.id for query in collection.queries if not query.text.strip() and query.id not in answered]
    if empty:
        remarks.append(
            f"{len(empty):,} of the {len(collection.queries):,} judged queries "
            f"{verb(len(empty), 'has no text, and counts', 'have no text, and count')} as 0; the first is {empty[0]!r}"
        )
    return remarks


def all_remarks(of_systems: Iterable[Iterable[str]]) -> list[str]:
    """The remarks of all systems, each once."""
    return list(dict.fromkeys(remark for remarks in of_systems for remark in remarks))


def ideal_run(qrels: Qrels) -> Run:
    """The judged documents of each query, best first."""
    run = {}
    for query, judged in qrels.items():
        ids = sorted(judged, key=lambda id: -judged[id])
        run[query] = Ranking(ids, np.arange(len(ids), 0, -1, dtype=np.float32))
    return run
