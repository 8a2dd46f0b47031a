"""Whether the server is alive, and whether it is ready."""

from __future__ import annotations

from fastapi import APIRouter, Request

from lsr.service.http.openapi import NOT_READY
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas.health import Status
from lsr.service.state import service_of

router = APIRouter(tags=["health"])


@router.get("/healthz")
@needs(Role.ANYONE)
async def live() -> Status:
    """Answer 200 as long as the process is alive."""
    return Status(status="ok")


@router.get("/readyz", responses=NOT_READY)
@needs(Role.ANYONE)
async def ready(request: Request) -> Status:
    """Answer 200 once kernels and model are warm; until then 503, with the reason."""
    service_of(request).warm_up.check()
    return Status(status="ready")
