"""The stored documents."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter, Request, Response
from starlette.convertors import PathConvertor, register_url_convertor

from lsr.service.backend import SearchBackend
from lsr.service.http.answers import Clock, to_json
from lsr.service.http.openapi import PROBLEMS
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas.documents import DocumentAnswer
from lsr.service.state import service_of


class _Anything(PathConvertor):
    """A path that may contain line breaks, since an id may."""

    regex = "(?s:.*)"


register_url_convertor("anything", _Anything())
router = APIRouter(responses=PROBLEMS, tags=["documents"])


@router.get("/documents/{id:anything}", response_model=DocumentAnswer)
@needs(Role.READ)
async def document(request: Request, id: str) -> Response:
    """Fetch a document. Its id may contain slashes; percent-encode what a URL reserves (`?`, `#`, `%`)."""

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        return to_json(dataclasses.asdict(backend.index.documents.get(id)))

    return await service_of(request).answer(request, work)
