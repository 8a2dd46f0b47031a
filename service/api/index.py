"""What the server serves, and its limits."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from lsr.service.backend import SearchBackend
from lsr.service.http.answers import Clock, to_json
from lsr.service.http.openapi import PROBLEMS
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas.health import IndexAnswer
from lsr.service.state import service_of

router = APIRouter(prefix="/v1", responses=PROBLEMS, tags=["index"])


@router.get("/index", response_model=IndexAnswer)
@needs(Role.READ)
async def index(request: Request) -> Response:
    """Describe what is served, and the limits of this server."""
    service = service_of(request)
    settings = service.settings
    limits = {
        "max_k": settings.max_k,
        "max_text_length": settings.max_text_length,
        "max_texts": settings.max_texts,
        "max_vector_terms": settings.max_vector_terms,
        "max_rerank": settings.max_rerank,
        "max_body_bytes": settings.max_body_bytes,
    }

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        served = backend.index
        answer: dict[str, Any] = {
            "documents": len(served.documents),
            "terms": served.dim,
            "model": backend.model,
            "limits": limits,
            "index": served.describe(),
        }
        return to_json(answer)

    return await service.answer(request, work)
