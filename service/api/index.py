"""What the server serves, and its limits."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from lsr.service.backend import SearchBackend
from lsr.service.collections.description import limits, model_name
from lsr.service.http.answers import Clock, to_json
from lsr.service.http.openapi import PROBLEMS
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas.health import IndexAnswer
from lsr.service.state import service_of

router = APIRouter(responses=PROBLEMS, tags=["index"])


@router.get("/index", response_model=IndexAnswer)
@needs(Role.READ)
async def index(request: Request) -> Response:
    """Describe what is served, and the limits of this server."""
    service = service_of(request)

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        served = backend.index
        answer: dict[str, Any] = {
            "documents": len(served.documents),
            "terms": served.dim,
            "model": model_name(backend.model),
            "limits": limits(service.settings),
            "index": {name: value for name, value in served.describe().items() if name != "path"},
        }
        return to_json(answer)

    return await service.answer(request, work)
