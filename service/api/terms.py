"""The terms of a document, as the index has them."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lsr.core.errors import ConflictError
from lsr.index import Index
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
        index = backend.index
        if not isinstance(index, Index):
            raise ConflictError("the terms of what is served here are not known")
        own = _terms_of(index, id)
        told = [{"term": term, "weight": short(weight)} for term, weight in islice(own.items(), most)]
        return to_json({"id": id, "count": len(own), "terms": told})

    return await service_of(request).answer(request, work)


def _terms_of(index: Index, id: str) -> dict[str, float]:
    """Weights by term, heaviest first; of windows, the heaviest that a term has in one of them. NotFoundError."""
    heaviest: dict[int, float] = {}
    for row in index.documents.rows_of(id):
        terms, weights = index.vector(row)
        for term, weight in zip(terms.tolist(), weights.tolist(), strict=True):
            heaviest[term] = max(weight, heaviest.get(term, 0.0))
    names = index.vocabulary
    ordered = sorted(heaviest.items(), key=lambda own: (-own[1], own[0]))
    return {names.term(term) if names is not None else str(term): weight for term, weight in ordered}
