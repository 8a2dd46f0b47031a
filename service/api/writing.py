"""Writing documents: adding many, changing fields, and deleting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, HTTPException, Query, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from lsr.collection.collection import Collection
from lsr.core.documents import Document
from lsr.core.errors import LsrError
from lsr.service.api.answering import CONFLICT, PRECONDITION
from lsr.service.api.documents import DocumentId
from lsr.service.collections.bulk import BulkResults
from lsr.service.http.answers import to_json
from lsr.service.http.errors import ClientGoneError, MalformedBodyError, OverloadedError, PreconditionError
from lsr.service.http.etags import etag_of, matches
from lsr.service.http.json_body import JsonRoute
from lsr.service.http.openapi import PROBLEMS
from lsr.service.http.splitting import ARRAY, LINES, Piece, splitter_for
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import writing_examples as examples
from lsr.service.schemas.documents import DocumentAnswer
from lsr.service.schemas.writing import BulkAnswer, DeleteAnswer, DeletedAnswer, DeleteRequest, PatchRequest
from lsr.service.state import Service, json_response, service_of

router = APIRouter(responses={**PROBLEMS, **CONFLICT}, tags=["writing"], route_class=JsonRoute)

# Documents, and characters of them, that are handed to a thread together.
_BATCH, _BATCH_CHARACTERS = 256, 1 << 22
# Bytes of a body that are taken apart together: a megabyte of empty lines takes a tenth of a second.
_PART = 1 << 16
# Between two looks at whether a thread is free for the next batch of a body that has begun.
_PATIENCE = 0.02

IfMatch = Annotated[
    str | None, Header(description="Only if the document is as it was when it was answered with this `ETag`.")
]
_BODIES = {
    LINES[0]: {"schema": {"type": "string"}, "examples": {"one a line": {"value": examples.NDJSON}}},
    ARRAY: {
        "schema": {"type": "array", "items": {"type": "object"}},
        "examples": {"an array": {"value": examples.DOCUMENTS}},
    },
}


@router.post(
    "/documents",
    response_model=BulkAnswer,
    response_model_exclude_none=True,
    openapi_extra={"requestBody": {"required": True, "content": _BODIES}},
)
@needs(Role.WRITE)
async def add(
    request: Request,
    wait: Annotated[
        bool, Query(description="Whether every process of the server sees the documents when this is answered.")
    ] = False,
) -> Response:
    """Add documents, one a line or in an array; one of an id that is there takes its place.

    Each is read by itself: one that is refused is told with its line, and the others are written. What is told as
    written is on the disk. A body may be larger than the server's memory.
    """
    service = service_of(request)
    collection = service.collection(request)
    splitter = splitter_for(request.headers.get("content-type", ""), service.settings.max_body_bytes)
    results = BulkResults()
    try:
        begun = False
        async for pieces in _batches(request, splitter):
            await _write(service, collection.write, results, pieces, begun=begun)
            begun = True
            if results.size > service.settings.max_bulk_bytes:
                raise HTTPException(413, "what is to be told of its documents is larger than a body may be: send fewer")
        if not begun and _is_lines(request):
            raise MalformedBodyError("the body is empty: send one document a line")
        if begun and not results.objects:
            raise MalformedBodyError(f"nothing in the body is a document: {_place(request)} {results.first_problem}")
        size = results.finish()
    except BaseException as error:
        results.close()
        raise _with_count(error, results.written) from error
    if size <= service.settings.max_body_bytes:
        return json_response(b"".join(results.chunks()))
    return StreamingResponse(results.chunks(), media_type="application/json")


@router.delete("/documents/{id:anything}", response_model=DeletedAnswer, responses=PRECONDITION)
@needs(Role.WRITE)
async def delete_one(request: Request, id: DocumentId, if_match: IfMatch = None) -> Response:
    """Delete a document. That there was none is told, and no error."""
    only_if = None if if_match is None else _only_if(if_match)
    done = await service_of(request).write(request, lambda collection: collection.delete(id, only_if=only_if))
    return json_response(to_json({"deleted": done.deleted > 0}))


@router.patch("/documents/{id:anything}", response_model=DocumentAnswer, responses=PRECONDITION)
@needs(Role.WRITE)
async def patch(
    request: Request,
    id: DocumentId,
    asked: Annotated[PatchRequest, Body(openapi_examples={"set and remove": {"value": examples.PATCH}})],
    if_match: IfMatch = None,
) -> Response:
    """Change fields of a document: those given are set, those given as null are removed. Its text stays."""
    only_if = None if if_match is None else _only_if(if_match)

    def work(collection: Collection) -> bytes:
        return to_json(asdict(collection.update_fields(id, asked.fields, only_if=only_if)))

    body = await service_of(request).write(request, work)
    return json_response(body, ETag=etag_of(body))


@router.post("/delete", response_model=DeleteAnswer)
@needs(Role.WRITE)
async def delete_many(
    request: Request,
    asked: Annotated[
        DeleteRequest,
        Body(openapi_examples={"by id": {"value": examples.DELETE_IDS}, "by a filter": {"value": examples.DELETE}}),
    ],
) -> Response:
    """Delete documents by their ids, or all that fulfil a filter at this moment."""

    def work(collection: Collection) -> bytes:
        done = collection.delete(asked.ids or (), filter=asked.filter)
        return to_json({"deleted": done.deleted, "missing": done.missing})

    return json_response(await service_of(request).write(request, work))


async def _batches(request: Request, splitter: Any) -> AsyncIterator[list[Piece]]:
    """The documents of the body, some at a time. Raises ClientGoneError."""
    pieces: list[Piece] = []
    characters = 0
    try:
        async for data in request.stream():
            for start in range(0, len(data), _PART):
                part = data[start : start + _PART]
                for piece in await asyncio.to_thread(list, splitter.feed(part)):
                    pieces.append(piece)
                    characters += len(piece.text)
                    if len(pieces) >= _BATCH or characters >= _BATCH_CHARACTERS:
                        yield pieces
                        pieces, characters = [], 0
    except ClientDisconnect:
        raise ClientGoneError("the client disconnected") from None
    pieces += await asyncio.to_thread(list, splitter.close())
    if pieces:
        yield pieces


async def _write(
    service: Service, write: Callable[[Any], None], results: BulkResults, pieces: list[Piece], *, begun: bool
) -> None:
    """Write a batch in a thread. Where all are busy, a body that has begun waits, and others are refused."""
    while True:
        try:
            await service.writes.run(
                lambda: write(lambda collection: results.write(collection, pieces)), timeout=None, gone=_never()
            )
            return
        except OverloadedError:
            if not begun:
                raise
            await asyncio.sleep(_PATIENCE)


async def _never() -> None:
    """Wait for good: that a client is gone is seen by what follows of its body."""
    await asyncio.Event().wait()


def _is_lines(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() in LINES


def _place(request: Request) -> str:
    return "line" if _is_lines(request) else "element"


def _with_count(error: BaseException, written: int) -> BaseException:
    """An error that says how many documents were written before it."""
    if not written:
        return error
    told = f"; {written:,} documents of this body were written before"
    if isinstance(error, HTTPException):
        return HTTPException(error.status_code, f"{error.detail}{told}", error.headers)
    if isinstance(error, LsrError):
        error.problem += told
    return error


def _only_if(header: str) -> Callable[[Document | None], None]:
    """Raises PreconditionError for a document that is none of those that an `If-Match` names."""

    def check(document: Document | None) -> None:
        etag = None if document is None else etag_of(to_json(asdict(document)))
        if not matches(header, etag):
            now = "there is none" if etag is None else f"it is {etag} now"
            raise PreconditionError(f"the document is not as If-Match says: {now}; fetch it again")

    return check
