"""Sending many documents: in batches, each of which is sent again until there is a result for each of its documents."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lsr.client.answers import part
from lsr.client.asking import SLOW, Target
from lsr.client.steps import END, Steps, Take
from lsr.collection.outcomes import Added, Outcome, Refused
from lsr.core.counted import counted, verb
from lsr.core.documents import Document
from lsr.core.errors import InputError, LsrError, ServerError

Given: TypeAlias = Document | Mapping[str, Any]
Documents: TypeAlias = Given | Iterable[Given] | AsyncIterable[Given]

# Documents, and bytes of them, that are sent together.
_MOST, _MOST_BYTES = 512, 1 << 22


@dataclass(slots=True)
class _Batch:
    lines: list[bytes] = field(default_factory=list)
    size: int = 0

    def append(self, line: bytes) -> None:
        self.lines.append(line)
        self.size += len(line)

    @property
    def is_full(self) -> bool:
        return len(self.lines) >= _MOST or self.size >= _MOST_BYTES


def add(
    target: Target,
    documents: Documents,
    *,
    wait: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Steps[Added]:
    """Add documents; one of an id that is there takes its place. Return what became of them, once they are safe.

    Documents are read as they are sent, in batches: no more than one of them is in memory. A batch whose answer did not
    come is sent again, so that a document counts as replaced that was written just before the connection was lost.

    Args:
        documents: `Document`s, or dicts as a line of a JSONL corpus holds: `_id`, `title`, `text`, other fields. From
            an `AsyncClient`, they may come asynchronously.
        wait: whether to return only when every process of the server sees them.
        progress: called with the number of documents that the server has just answered for.

    A document that cannot be written is refused by itself, with its reason; the others go in. An error that stops all
    says in a note how many documents were done; giving the same again does no harm.
    """
    result, batch = Added(), _Batch()
    items = _iterator(documents)
    try:
        while True:
            given = yield Take(items)
            if given is not END:
                _put(given, batch, result)
            if batch.lines and (given is END or batch.is_full):
                yield from _send(target, batch, result, wait)
                if progress is not None:
                    progress(len(batch.lines))
                batch = _Batch()
            if given is END:
                return result
    except LsrError as error:
        if done := result.created + result.replaced:
            error.add_note(f"{counted(done, 'documents')} {verb(done, 'was', 'were')} written before")
        raise


def _iterator(documents: Documents) -> Iterator[Given] | AsyncIterator[Given]:
    given: Any = [documents] if isinstance(documents, Document | Mapping) else documents
    if isinstance(given, AsyncIterable):
        return aiter(given)
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise InputError(f"documents are `Document`s or dicts, not {type(given).__name__}", field="documents")
    return iter(given)


def _put(given: Any, batch: _Batch, result: Added) -> None:
    """Put a document into a batch, or count it as refused."""
    if isinstance(given, Document):
        given = {**given.fields, "_id": given.id, "title": given.title, "text": given.text}
    if not isinstance(given, Mapping):
        result.refused.append(Refused("", f"a document is an object, not {type(given).__name__}"))
        return
    try:
        line = json.dumps(dict(given), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        batch.append(line.encode() + b"\n")
    except (TypeError, ValueError, RecursionError) as error:
        result.refused.append(Refused(str(given.get("_id") or ""), f"it cannot be written as JSON: {error}"))


def _send(target: Target, batch: _Batch, result: Added, wait: bool) -> Steps[None]:
    answer = yield from target.ask(
        "POST",
        "documents",
        content=b"".join(batch.lines),
        media_type="application/x-ndjson",
        params={"wait": "true"} if wait else None,
        patience=SLOW,
    )
    results = part(answer, "results")
    if len(results) != len(batch.lines):
        raise ServerError(f"the server answered for {len(results):,} of {len(batch.lines):,} documents")
    for each in results:
        result.count(Outcome(part(each, "id"), part(each, "status"), each.get("error")))
