"""Search, and explanations of why a document was found.

The answers are already bytes: `response_model` describes them, and the tests check that they match.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response

from lsr.search.response import SearchResponse, matches_record
from lsr.service.api.limits import (
    check_dense_vector,
    check_hits,
    check_once,
    check_text,
    check_vector,
    plan_of_request,
    plan_of_url,
)
from lsr.service.backend import SearchBackend
from lsr.service.http.answers import Clock, short, to_json
from lsr.service.http.json_body import JsonRoute
from lsr.service.http.openapi import PROBLEMS
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import examples
from lsr.service.schemas.explain import ExplainAnswer, ExplainRequest
from lsr.service.schemas.search import SearchAnswer, SearchParameters, SearchRequest
from lsr.service.state import service_of

router = APIRouter(responses=PROBLEMS, tags=["search"], route_class=JsonRoute)


@router.post("/search", response_model=SearchAnswer)
@needs(Role.READ)
async def search(
    request: Request,
    asked: Annotated[
        SearchRequest,
        Body(
            openapi_examples={
                "by text": {"value": examples.SEARCH_BY_TEXT},
                "by vector": {"value": examples.SEARCH_BY_VECTOR},
                "by a plan of several stages": {"value": examples.SEARCH_BY_PLAN},
            }
        ),
    ],
) -> Response:
    """Search by text, by a vector of terms, by a dense vector, or by a dense vector beside one of the others."""
    service = service_of(request)
    check_hits(asked.k, asked.offset, service.settings)
    if asked.text is not None:
        check_text(asked.text, service.settings, "body", "text")
    if asked.vector is not None:
        check_vector(asked.vector, service.settings)
    if asked.dense_vector is not None:
        check_dense_vector(asked.dense_vector)
    plan = plan_of_request(asked, service.settings)

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        found = backend.search(
            asked.text,
            asked.k,
            plan,
            vector=asked.vector,
            dense_vector=asked.dense_vector,
            offset=asked.offset,
            search_after=asked.search_after,
            explain=asked.explain,
        )
        return _answer(found, asked, clock)

    return await service.answer(request, work)


@router.get("/search", response_model=SearchAnswer)
@needs(Role.READ)
async def search_by_url(request: Request, asked: Annotated[SearchParameters, Query()]) -> Response:
    """Search by text, for a browser or curl."""
    service = service_of(request)
    check_once(request.query_params)
    check_hits(asked.k, asked.offset, service.settings, "query")
    check_text(asked.q, service.settings, "query", "q")
    plan = plan_of_url(asked.mode, asked.recall, asked.filter)
    after = asked.search_after

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        found = backend.search(asked.q, asked.k, plan, offset=asked.offset, search_after=after, explain=asked.explain)
        return _answer(found, asked, clock)

    return await service.answer(request, work)


@router.post("/explain", response_model=ExplainAnswer)
@needs(Role.READ)
async def explain(
    request: Request,
    asked: Annotated[ExplainRequest, Body(openapi_examples={"a question and a document": {"value": examples.EXPLAIN}})],
) -> Response:
    """Explain a document's score: the terms it shares with the text and what each adds."""
    service = service_of(request)
    check_text(asked.text, service.settings, "body", "text")

    def work(backend: SearchBackend, clock: Clock) -> bytes:
        why = backend.explain(asked.text, asked.id)
        return to_json(
            {
                "id": asked.id,
                "score": short(why.score),
                "matches": matches_record(why.matches, short),
                "timings": clock.timings(),
            }
        )

    return await service.answer(request, work)


def _answer(found: SearchResponse, asked: SearchRequest | SearchParameters, clock: Clock) -> bytes:
    """See `SearchAnswer`."""
    record = found.to_record(explain=asked.explain, text=asked.include_text, fields=asked.fields, number=short)
    record["timings"] = {**clock.timings(), **record["timings"]}
    return to_json(record)
