"""Search, and explanations of why a document was found.

The answers are already bytes: `response_model` describes them, and the tests check that they match.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from lsr.core.errors import LsrError
from lsr.search.plan import SearchPlan
from lsr.search.response import Hit, matches_record
from lsr.search.snippets import best_passages
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
from lsr.service.cache import AnswerCache
from lsr.service.http.answers import Clock, short, to_json
from lsr.service.http.asked import all_of, told_of_shards
from lsr.service.http.json_body import JsonRoute
from lsr.service.http.openapi import PROBLEMS
from lsr.service.http.problems import problem_of
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import examples, figure_examples
from lsr.service.schemas.explain import ExplainAnswer, ExplainRequest
from lsr.service.schemas.search import (
    BatchAnswer,
    BatchRequest,
    Highlight,
    SearchAnswer,
    SearchParameters,
    SearchRequest,
)
from lsr.service.settings import ServiceSettings
from lsr.service.state import json_response, service_of

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
                "with passages": {"value": figure_examples.SEARCH_WITH_PASSAGES},
            }
        ),
    ],
) -> Response:
    """Search by text, by a vector of terms, by a dense vector, or by a dense vector beside one of the others."""
    service = service_of(request)
    plan = _checked(asked, service.settings)
    return await service.answer(request, lambda backend, clock: _found(service.cache, backend, asked, plan, clock))


@router.get("/search", response_model=SearchAnswer)
@needs(Role.READ)
async def search_by_url(request: Request, asked: Annotated[SearchParameters, Query()]) -> Response:
    """Search by text, for a browser or curl."""
    service = service_of(request)
    check_once(request.query_params)
    check_hits(asked.k, asked.offset, service.settings, "query")
    check_text(asked.q, service.settings, "query", "q")
    plan = plan_of_url(asked.mode, asked.recall, asked.filter)
    same = SearchRequest(text=asked.q, **asked.options)
    return await service.answer(request, lambda backend, clock: _found(service.cache, backend, same, plan, clock))


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


@router.post("/search/batch", response_model=BatchAnswer)
@needs(Role.READ)
async def search_many(
    request: Request,
    asked: Annotated[BatchRequest, Body(openapi_examples={"two searches": {"value": figure_examples.BATCH}})],
) -> Response:
    """Several searches of one moment, in one request; one that fails does not keep the others."""
    service = service_of(request)
    if len(asked.searches) > service.settings.max_texts:
        most = f"at most {service.settings.max_texts:,} searches at once, not {len(asked.searches):,}"
        raise RequestValidationError([{"type": "limit", "loc": ("body", "searches"), "msg": most}])
    read = [_read(each, service.settings) for each in asked.searches]

    def work(backend: SearchBackend, clock: Clock) -> list[bytes | Exception]:
        def one(each: tuple[SearchRequest, SearchPlan] | Exception) -> bytes | Exception:
            try:
                return each if isinstance(each, Exception) else _found(service.cache, backend, *each, clock)
            except LsrError as error:
                return error

        return all_of([partial(one, each) for each in read])

    answers = await service.ask(request, work)
    told = [each if isinstance(each, bytes) else bytes((await problem_of(request, each)).body) for each in answers]
    return json_response(b'{"answers":[' + b",".join(told) + b"]}")


def _read(given: Any, settings: ServiceSettings) -> tuple[SearchRequest, SearchPlan] | Exception:
    """A search of a batch, or what is wrong with it."""
    try:
        asked = SearchRequest.model_validate(given)
        return asked, _checked(asked, settings)
    except ValidationError as error:
        return RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])
    except RequestValidationError as error:
        return error


def _checked(asked: SearchRequest, settings: ServiceSettings) -> SearchPlan:
    """The plan of a search, which is within the limits."""
    check_hits(asked.k, asked.offset, settings)
    if asked.text is not None:
        check_text(asked.text, settings, "body", "text")
    if asked.vector is not None:
        check_vector(asked.vector, settings)
    if asked.dense_vector is not None:
        check_dense_vector(asked.dense_vector)
    return plan_of_request(asked, settings)


def _found(cache: AnswerCache, backend: SearchBackend, asked: SearchRequest, plan: SearchPlan, clock: Clock) -> bytes:
    """The answer to a search, which may have been given before. See `SearchAnswer`."""
    if not (cache and plan.is_repeatable):
        return _timed(*_searched(backend, asked, plan, clock), clock)
    key = cache.key(backend, {"plan": plan.to_record(), **asked.beside_plan})
    kept = cache.get(key)
    if kept is not None:
        return _timed(kept, {"cached": True}, clock)
    answer, timings = _searched(backend, asked, plan, clock)
    cache.put(key, answer)
    return _timed(answer, timings, clock)


def _timed(answer: bytes, timings: dict[str, Any], clock: Clock) -> bytes:
    """An answer with the timings of this request."""
    return answer[:-1] + b',"timings":' + to_json({**clock.timings(), **timings}) + b"}"


def _searched(
    backend: SearchBackend, asked: SearchRequest, plan: SearchPlan, clock: Clock
) -> tuple[bytes, dict[str, Any]]:
    """The answer to a search without its timings, and the timings of the search."""
    found = backend.search(
        asked.text,
        asked.k,
        plan,
        vector=asked.vector,
        dense_vector=asked.dense_vector,
        offset=asked.offset,
        search_after=asked.search_after,
        explain=asked.explain or asked.highlight is not None,
    )
    clock.searched(found.mode, found.stages_ms or {"encode": found.encode_ms, "search": found.search_ms})
    record = found.to_record(explain=asked.explain, text=asked.include_text, fields=asked.fields, number=short)
    timings = record.pop("timings")
    record |= told_of_shards()
    if asked.highlight is not None:
        for hit, told in zip(found.hits, record["hits"], strict=True):
            told["passages"] = _passages(hit, asked.highlight)
    return to_json(record), timings


def _passages(hit: Hit, highlight: Highlight) -> list[dict[str, Any]]:
    """The passages of a hit's text, as JSON values."""
    found = best_passages(hit.document.text, hit.matches or (), width=highlight.size, most=highlight.passages)
    return [
        {
            "text": passage.text,
            "start": passage.start,
            "words": [{"start": word.start, "end": word.stop, "weight": short(word.weight)} for word in passage.words],
        }
        for passage in found
    ]
