"""What can be asked of one collection, as steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lsr.client import answers
from lsr.client.answers import CollectionInfo, JobState, SnapshotInfo
from lsr.client.asking import SLOW, Target
from lsr.client.problems import error_of_problem
from lsr.client.steps import Steps
from lsr.collection.outcomes import Deleted
from lsr.core.arguments import fields_of, kind_of, list_of, list_of_texts, text_of
from lsr.core.chunks import chunks
from lsr.core.documents import Document
from lsr.core.errors import InputError, NotFoundError
from lsr.core.facets import Facet
from lsr.search.response import SearchResponse
from lsr.vectors.explanation import Explanation

if TYPE_CHECKING:
    from lsr.search.plan import SearchPlan

_PAGE = 100
# Ids and searches of one request, and characters of them: what a server takes if nothing else is set.
_IDS, _IDS_CHARACTERS = 5000, 1 << 17
_TOGETHER, _TOGETHER_CHARACTERS = 64, 1 << 17


def describe(target: Target) -> Steps[CollectionInfo]:
    """What the server says of it: its model, the fields of its documents, how many there are."""
    return answers.info((yield from target.ask("GET")))


def stats(target: Target) -> Steps[dict[str, Any]]:
    """Its segments, log, merges and space, and what its vectors are like, as JSON values."""
    found: dict[str, Any] = yield from target.ask("GET", "stats", patience=SLOW)
    return found


def search(
    target: Target,
    text: str | None = None,
    k: int = 10,
    plan: SearchPlan | None = None,
    *,
    vector: Mapping[str, float] | None = None,
    dense_vector: Sequence[float] | None = None,
    offset: int = 0,
    search_after: Sequence[Any] | None = None,
    explain: bool = False,
    include_text: bool = True,
    mode: str = "auto",
    **flat: Any,
) -> Steps[SearchResponse]:
    """The `k` best documents for a text, for vectors of your own, or for a filter: see `lsr.Retriever.search`.

    `plan`, or in its place the keywords of `lsr.search.flat.plan_of`, say what is searched and how: `mode="hybrid"`,
    `filter="year >= 2020"`, `recall=0.98`. A search that re-ranks does so with the server's model, whichever is named.
    `include_text=False` leaves out the texts.

    InputError for what cannot be searched for, NotFoundError if there is no such collection, ServerError if the server
    is not there, or has too much to do.
    """
    body = _asked(
        text,
        k,
        plan,
        mode,
        flat,
        vector=vector,
        dense_vector=dense_vector,
        offset=offset,
        search_after=search_after,
        explain=explain,
        include_text=include_text,
    )
    return answers.response((yield from target.ask("POST", "search", body=body)))


def search_many(
    target: Target,
    texts: Iterable[str],
    k: int = 10,
    plan: SearchPlan | None = None,
    *,
    explain: bool = False,
    include_text: bool = True,
    mode: str = "auto",
    **flat: Any,
) -> Steps[list[SearchResponse]]:
    """The answers to many texts, some of them in one request; else as `search`. Raises what is wrong with the first."""
    found = []
    asked = [text_of(text, "a text to search for") for text in list_of_texts(texts)]
    for some in chunks(asked, _TOGETHER, _TOGETHER_CHARACTERS, len):
        searches = [_asked(text, k, plan, mode, flat, explain=explain, include_text=include_text) for text in some]
        answer = yield from target.ask("POST", "search", "batch", body={"searches": searches}, patience=SLOW)
        for each in answers.part(answer, "answers"):
            if "hits" not in each:
                raise error_of_problem(each)
            found.append(answers.response(each))
    return found


def _asked(
    text: str | None, k: int, plan: SearchPlan | None, mode: str, flat: dict[str, Any], **given: Any
) -> dict[str, Any]:
    from lsr.client.plans import plan_record

    for name in ("dense_vector", "search_after"):
        if given.get(name) is not None:
            given[name] = list_of(given[name], name)
    sent = {name: value for name, value in given.items() if value is not None}
    return {**plan_record(plan, mode, flat), **({} if text is None else {"text": text}), "k": k, **sent}


def explain(target: Target, text: str, id: str) -> Steps[Explanation]:
    """Why a document is found by a text: the terms that they share. NotFoundError if there is no such document."""
    return answers.explanation((yield from target.ask("POST", "explain", body={"text": text, "id": id})))


def get(target: Target, id: str) -> Steps[Document | None]:
    """The document of this id; None if there is none. NotFoundError if there is no such collection."""
    try:
        return answers.document((yield from target.ask("GET", "documents", id)))
    except NotFoundError:
        yield from describe(target)
        return None


def count(target: Target, *, filter: Any = None, text: str | None = None, min_score: float | None = None) -> Steps[int]:
    """How many documents there are, or match a filter, or a text with at least a score."""
    body = _given(filter=_conditions(filter), text=text, min_score=min_score)
    if not body:
        found = yield from describe(target)
        return found.documents or 0
    answer = yield from target.ask("POST", "count", body=body, patience=SLOW)
    counted: int = answers.part(answer, "count")
    return counted


def facets(
    target: Target, facets: str | Sequence[str] | Mapping[str, int], *, filter: Any = None, text: str | None = None
) -> Steps[dict[str, Facet]]:
    """How often each value of these fields occurs, among all documents or those that match: `"lang, tags:20"`."""
    named = facets if isinstance(facets, str | Mapping) else list_of(facets, "facets")
    body = _given(facets=named, filter=_conditions(filter), text=text)
    answer = yield from target.ask("POST", "facets", body=body, patience=SLOW)
    return answers.counts(answers.part(answer, "facets"))


def delete(target: Target, ids: str | Iterable[str] = (), *, filter: Any = None) -> Steps[Deleted]:
    """Delete documents by id, or those that fulfil a filter at this moment. Ids that there are not are told."""
    wanted = [ids] if isinstance(ids, str) else list_of(ids, "ids")
    for id in wanted:
        if not isinstance(id, str):
            raise InputError(f"the id of a document is a string, not {kind_of(id)}")
    done = Deleted()
    bodies: list[dict[str, Any]] = [{"ids": some} for some in chunks(wanted, _IDS, _IDS_CHARACTERS, len)]
    for body in [*bodies, *([{"filter": _conditions(filter)}] if filter is not None else [])]:
        answer = yield from target.ask("POST", "delete", body=body, patience=SLOW)
        done.deleted += answers.part(answer, "deleted")
        done.missing += answers.part(answer, "missing")
    return done


def update_fields(target: Target, id: str, fields: Mapping[str, Any]) -> Steps[Document]:
    """Change fields of a document: those given are set, those given as None removed. Return it as it is then.

    NotFoundError if there is no such document.
    """
    body = {"fields": fields_of(fields, "fields")}
    return answers.document((yield from target.ask("PATCH", "documents", id, body=body, patience=SLOW)))


class Page(NamedTuple):
    """Some of all documents, and what the next ones follow; None after the last."""

    documents: list[Document]
    after: list[Any] | None


def scan_page(target: Target, after: Sequence[Any] | None = None) -> Steps[Page]:
    """The documents that follow, in the order of their ids."""
    body = {"sort": "_id", "k": _PAGE, **({} if after is None else {"search_after": list(after)})}
    found = answers.response((yield from target.ask("POST", "search", body=body, patience=SLOW)))
    documents = []
    for hit in found.hits:
        # Of a document in windows, a hit has the text of one.
        whole = hit.document if hit.window is None else (yield from get(target, hit.id))
        if whole is not None:
            documents.append(whole)
    return Page(documents, found.hits[-1].sort if len(found.hits) == _PAGE else None)


def compact(target: Target) -> Steps[JobState]:
    """Put all documents into one segment, without what was deleted: a job."""
    return answers.job((yield from target.ask("POST", "compact", repeatable=False)))


def reindex(
    target: Target, model: str, *, dense: str | None = None, weight_scale: float | None = None, keep: bool = False
) -> Steps[JobState]:
    """Encode all documents again, by another model, while they are searched and written to: a job.

    See `lsr.Collection.reindex`, for what may be given, too.
    """
    body = _given(model=model, dense=dense, weight_scale=weight_scale, keep=keep)
    return answers.job((yield from target.ask("POST", "reindex", body=body, repeatable=False)))


def go_back(target: Target, *, keep: bool = False) -> Steps[JobState]:
    """Return to the version that `reindex` kept, with what was written since: a job, which fails if none was kept.

    With `keep`, the version that is left is kept in its place.
    """
    return answers.job((yield from target.ask("POST", "go-back", body={"keep": keep}, repeatable=False)))


def forget(target: Target) -> Steps[bool]:
    """Remove the version that `reindex` kept, and what an interrupted one has made; whether there was something."""
    there: bool = answers.part((yield from target.ask("POST", "forget", repeatable=False)), "forgotten")
    return there


def snapshots(target: Target) -> Steps[list[SnapshotInfo]]:
    """The snapshots that the server keeps of it, the newest first; also once it is removed."""
    found = yield from target.ask("GET", "snapshots")
    return [answers.snapshot(each) for each in answers.part(found, "snapshots")]


def snapshot(target: Target, name: str | None = None) -> Steps[JobState]:
    """Keep a copy of it as it is now, on the server, called by the time unless it has a name: a job."""
    return answers.job((yield from target.ask("POST", "snapshots", body=_given(name=name), repeatable=False)))


def restore(target: Target, snapshot: str, name: str) -> Steps[JobState]:
    """Make a new collection of this name from a snapshot: a job."""
    body = {"name": name}
    return answers.job((yield from target.ask("POST", "snapshots", snapshot, "restore", body=body, repeatable=False)))


def drop_snapshot(target: Target, snapshot: str) -> Steps[None]:
    """Remove a snapshot."""
    yield from target.ask("DELETE", "snapshots", snapshot, repeatable=False)


def _conditions(filter: Any) -> Any:
    """A filter as a request has it: as a string or JSON, and what a tree is as a string."""
    return filter if filter is None or isinstance(filter, str | dict) else str(filter)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
