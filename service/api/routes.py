"""The endpoints under /v1."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from starlette.convertors import PathConvertor, register_url_convertor

from lsr.core.errors import ModelError
from lsr.service.api.limits import check_hits, check_pipeline, check_text, check_texts, check_vector
from lsr.service.api.openapi import PROBLEMS
from lsr.service.schemas import examples
from lsr.service.schemas.answers import Clock, document_answer, matches_answer, search_answer, short, to_json
from lsr.service.schemas.schemas import (
    DocumentAnswer,
    EncodeAnswer,
    EncodeRequest,
    ExplainAnswer,
    ExplainRequest,
    IndexAnswer,
    SearchAnswer,
    SearchParameters,
    SearchRequest,
)
from lsr.service.searcher import Searcher
from lsr.service.state import service_of


class _Anything(PathConvertor):
    """A path with line breaks in it, too, as an id may have them."""

    regex = "(?s:.*)"


register_url_convertor("anything", _Anything())
router = APIRouter(prefix="/v1", responses=PROBLEMS)

# The answers are bytes already: `response_model` describes them, and the tests hold them to it.


@router.post("/search", response_model=SearchAnswer, tags=["search"])
async def search(
    request: Request,
    asked: Annotated[
        SearchRequest,
        Body(
            openapi_examples={
                "by text": {"value": examples.SEARCH_BY_TEXT},
                "by vector": {"value": examples.SEARCH_BY_VECTOR},
                "by a pipeline": {"value": examples.SEARCH_BY_PIPELINE},
            }
        ),
    ],
) -> Response:
    """Search by text or by vector."""
    service = service_of(request)
    check_hits(asked.k, asked.offset, service.settings)
    if asked.text is not None:
        check_text(asked.text, service.settings, "body", "text")
    if asked.vector is not None:
        check_vector(asked.vector, service.settings)
    reranker: dict[str, Any] = check_pipeline(asked.pipeline, service.settings) if asked.pipeline is not None else {}

    def work(searcher: Searcher, clock: Clock) -> bytes:
        depth = asked.offset + asked.k
        if asked.text is not None:
            found = searcher.search(asked.text, depth, **asked.options, **reranker)
        else:
            found = searcher.search_vector(asked.vector or {}, depth, **asked.options)
        return search_answer(found, asked, clock)

    return await service.answer(request, work)


@router.get("/search", response_model=SearchAnswer, tags=["search"])
async def search_by_url(request: Request, asked: Annotated[SearchParameters, Query()]) -> Response:
    """Search by text, for a browser or curl."""
    service = service_of(request)
    check_hits(asked.k, asked.offset, service.settings, "query")
    check_text(asked.q, service.settings, "query", "q")

    def work(searcher: Searcher, clock: Clock) -> bytes:
        found = searcher.search(asked.q, asked.offset + asked.k, **asked.options)
        return search_answer(found, asked, clock)

    return await service.answer(request, work)


@router.post("/explain", response_model=ExplainAnswer, tags=["search"])
async def explain(
    request: Request,
    asked: Annotated[ExplainRequest, Body(openapi_examples={"a question and a document": {"value": examples.EXPLAIN}})],
) -> Response:
    """Explain a document's score: the terms it shares with the text and what each adds."""
    service = service_of(request)
    check_text(asked.text, service.settings, "body", "text")

    def work(searcher: Searcher, clock: Clock) -> bytes:
        why = searcher.explain(asked.text, asked.id)
        return to_json(
            {
                "id": asked.id,
                "score": short(why.score),
                "matches": matches_answer(why.matches),
                "timings": clock.timings(),
            }
        )

    return await service.answer(request, work)


@router.get("/documents/{id:anything}", response_model=DocumentAnswer, tags=["documents"])
async def document(request: Request, id: str) -> Response:
    """Fetch a document. Its id may hold slashes; percent-encode what a URL reserves (`?`, `#`, `%`)."""
    return await service_of(request).answer(request, lambda searcher, _: document_answer(searcher.index.document(id)))


@router.post("/encode", response_model=EncodeAnswer, tags=["model"])
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

    def work(searcher: Searcher, clock: Clock) -> bytes:
        if asked.kind == "query":
            encoder = searcher.encoder
            vectors = encoder.encode_queries(asked.texts, top_k=asked.top_k)
        else:
            encoder = searcher.document_encoder
            vectors = encoder.encode_documents(asked.texts, top_k=asked.top_k)
        decoded = [{term: short(weight) for term, weight in pairs} for pairs in encoder.decode(vectors)]
        return to_json({"model": encoder.name, "kind": asked.kind, "vectors": decoded, "timings": clock.timings()})

    return await service.answer(request, work)


@router.get("/index", response_model=IndexAnswer, tags=["index"])
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

    def work(searcher: Searcher, clock: Clock) -> bytes:
        served = searcher.index
        answer: dict[str, Any] = {
            "documents": served.document_count,
            "terms": served.dim,
            "model": _model_name(searcher),
            "limits": limits,
            "index": served.describe(),
        }
        return to_json(answer)

    return await service.answer(request, work)


def _model_name(searcher: Searcher) -> str | None:
    try:
        return searcher.encoder.name
    except ModelError:
        return None
