"""Encoding texts as sparse vectors, with the models of the index."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response

from lsr.service.api.limits import check_texts
from lsr.service.backend import SearchBackend
from lsr.service.collections.description import model_name
from lsr.service.http.answers import Clock, short, to_json
from lsr.service.http.json_body import JsonRoute
from lsr.service.http.openapi import PROBLEMS
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import examples
from lsr.service.schemas.encode import EncodeAnswer, EncodeRequest
from lsr.service.state import service_of

router = APIRouter(responses=PROBLEMS, tags=["model"], route_class=JsonRoute)


@router.post("/encode", response_model=EncodeAnswer)
@needs(Role.READ)
async def encode(
    request: Request,
    asked: Annotated[
        EncodeRequest,
        Body(
            openapi_examples={
                "a query": {"value": examples.ENCODE_QUERY},
                "documents": {"value": examples.ENCODE_DOCUMENTS},
            }
        ),
    ],
) -> Response:
    """Turn texts into sparse vectors with the model of the index."""
    service = service_of(request)
    check_texts(asked.texts, service.settings)

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        vectors = backend.encode_many(asked.texts, asked.kind, asked.top_k)
        decoded = [{term: short(weight) for term, weight in vector.items()} for vector in vectors]
        return to_json(
            {"model": model_name(backend.model), "kind": asked.kind, "vectors": decoded, "timings": clock.timings()}
        )

    return await service.answer(request, work)
