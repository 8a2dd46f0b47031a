"""Counts and figures of a collection."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response

from lsr.core.errors import ConflictError, InputError
from lsr.index import Index
from lsr.service.api.limits import check_text, plan_of_request
from lsr.service.backend import SearchBackend
from lsr.service.collections.figures import figures
from lsr.service.http.answers import Clock, to_json
from lsr.service.http.json_body import JsonRoute
from lsr.service.http.openapi import PROBLEMS
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import figure_examples as examples
from lsr.service.schemas.figures import CountAnswer, CountRequest, FacetsAnswer, FacetsRequest, StatsAnswer
from lsr.service.schemas.search import SearchRequest
from lsr.service.state import Service, service_of

router = APIRouter(responses=PROBLEMS, tags=["figures"], route_class=JsonRoute)


@router.post("/count", response_model=CountAnswer)
@needs(Role.READ)
async def count(
    request: Request,
    asked: Annotated[
        CountRequest,
        Body(
            openapi_examples={
                "by a filter": {"value": examples.COUNT},
                "by text": {"value": examples.COUNT_BY_TEXT},
                "all": {"value": {}},
            }
        ),
    ],
) -> Response:
    """Count the documents that match: exactly, however many there are."""
    service = service_of(request)
    search = _search(asked, service)
    plan = plan_of_request(search, service.settings)

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        total = backend.search(asked.text, 1, plan).total
        assert total is not None
        return to_json({"count": total.value, "timings": clock.timings()})

    return await service.answer(request, work)


@router.post("/facets", response_model=FacetsAnswer)
@needs(Role.READ)
async def facets(
    request: Request,
    asked: Annotated[FacetsRequest, Body(openapi_examples={"of a field": {"value": examples.FACETS}})],
) -> Response:
    """Count the values of fields among the documents that match."""
    service = service_of(request)
    search = _search(asked, service)
    plan = plan_of_request(search, service.settings)
    if not plan.facets:
        raise InputError("name the fields whose values are to be counted", field="facets")

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        record = backend.search(asked.text, 1, plan).to_record()
        return to_json({"facets": record.get("facets"), "total": record["total"], "timings": clock.timings()})

    return await service.answer(request, work)


@router.get("/stats", response_model=StatsAnswer)
@needs(Role.READ)
async def stats(request: Request) -> Response:
    """What a collection is made of: segments, space, lengths and weights, its most frequent terms."""
    service = service_of(request)
    writing = service.collection(request).writes

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        index = backend.index
        if not isinstance(index, Index):
            raise ConflictError("there are no figures of what is served here")
        return to_json(figures(index, writing=writing))

    return await service.answer(request, work)


def _search(asked: CountRequest, service: Service) -> SearchRequest:
    """The search of which all matches are counted."""
    if asked.text is not None:
        check_text(asked.text, service.settings, "body", "text")
    given = asked.model_dump(exclude_none=True)
    return SearchRequest.model_validate({"k": 1, "count": True, **given})
