"""The terms of a document, as the index has them."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lsr.service.backend import SearchBackend
from lsr.service.http.answers import Clock, short, to_json
from lsr.service.http.openapi import PROBLEMS
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas.terms import TermsAnswer
from lsr.service.state import service_of

router = APIRouter(responses=PROBLEMS, tags=["documents"])


# Not below the document's own path: an id may end in "/terms", too.
@router.get("/terms/{id:anything}", response_model=TermsAnswer)
@needs(Role.READ)
async def terms(
    request: Request,
    id: str,
    most: Annotated[int, Query(ge=1, le=4096, description="How many of the heaviest terms to tell.")] = 256,
) -> Response:
    """Tell which terms a document has, and their weights: those of its text, and those that the model has added."""

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        own = backend.terms_of(id)
        told = [{"term": term, "weight": short(weight)} for term, weight in islice(own.items(), most)]
        return to_json({"id": id, "count": len(own), "terms": told})

    return await service_of(request).answer(request, work)
