"""Whether the server lives, and whether it can be asked."""

from __future__ import annotations

from fastapi import APIRouter, Request

from lsr.service.http.openapi import NOT_READY
from lsr.service.schemas.health import Status
from lsr.service.state import service_of

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def live() -> Status:
    """200 as long as the process answers."""
    return Status(status="ok")


@router.get("/readyz", responses=NOT_READY)
async def ready(request: Request) -> Status:
    """200 once kernels and model are warm; until then 503, which says why."""
    service_of(request).warm_up.backend()
    return Status(status="ready")
