"""The stored documents."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response
from starlette.convertors import PathConvertor, register_url_convertor

from lsr.service.backend import SearchBackend
from lsr.service.http.answers import Clock, to_json
from lsr.service.http.etags import etag_of, matches
from lsr.service.http.openapi import PROBLEMS
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import examples
from lsr.service.schemas.documents import DocumentAnswer
from lsr.service.state import service_of


class _Anything(PathConvertor):
    """A path that may contain line breaks, since an id may."""

    regex = "(?s:.*)"


register_url_convertor("anything", _Anything())
router = APIRouter(responses=PROBLEMS, tags=["documents"])

DocumentId = Annotated[
    str,
    Path(
        description="It may contain slashes; percent-encode what a URL reserves (`?`, `#`, `%`).",
        examples=[examples.DOCUMENT_ID],
    ),
]


@router.get(
    "/documents/{id:anything}",
    response_model=DocumentAnswer,
    responses={304: {"description": "It is as it was when it was answered with this `ETag`."}},
)
@needs(Role.READ)
async def document(
    request: Request,
    id: DocumentId,
    if_none_match: Annotated[str | None, Header(description="An `ETag` of an earlier answer.")] = None,
) -> Response:
    """Fetch a document, and the `ETag` of its content."""

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        return to_json(dataclasses.asdict(backend.index.documents.get(id)))

    response = await service_of(request).answer(request, work)
    etag = response.headers["ETag"] = etag_of(bytes(response.body))
    if if_none_match is not None and matches(if_none_match, etag, weak=True):
        return Response(status_code=304, headers={"ETag": etag})
    return response
