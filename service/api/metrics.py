"""Metrics, for Prometheus."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder

from lsr.service.keys.roles import Role, needs

router = APIRouter()


@router.get("/metrics", include_in_schema=False)
@needs(Role.READ)
async def metrics(request: Request) -> Response:
    """All metrics, as text or, if asked for, as OpenMetrics."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    # Not in a thread that searches: these may all be busy, which one wants to see.
    text = await asyncio.to_thread(encode, request.app.state.metrics.registry)
    return Response(text, headers={"Content-Type": media_type})
