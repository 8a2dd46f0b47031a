"""The limits that depend on the settings, told apart by field like any other mistake in a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from fastapi.exceptions import RequestValidationError

from lsr.service.schemas.schemas import Pipeline
from lsr.service.settings import ServiceSettings

# Far beyond any model's, and near enough that sums of products stay finite and positive in float32.
WEIGHTS = (1e-20, 1e20)


def check_hits(k: int, offset: int, settings: ServiceSettings, where: str = "body") -> None:
    """At most `max_k` hits deep. Like all of these: raises RequestValidationError, which becomes a 422."""
    if k > settings.max_k:
        _refuse(f"this server gives at most {settings.max_k:,} hits, not {k:,}", where, "k")
    if k + offset > settings.max_k:
        deepest = f"this server goes at most {settings.max_k:,} hits deep"
        _refuse(f"{deepest}, and offset + k is {k + offset:,}", where, "offset")


def check_text(text: str, settings: ServiceSettings, *where: str | int) -> None:
    """At most `max_text_length` characters."""
    if len(text) > settings.max_text_length:
        _refuse(f"at most {settings.max_text_length:,} characters, not {len(text):,}", *where)


def check_texts(texts: Sequence[str], settings: ServiceSettings) -> None:
    """At most `max_texts` texts, none of them too long."""
    if len(texts) > settings.max_texts:
        _refuse(f"at most {settings.max_texts:,} texts at once, not {len(texts):,}", "body", "texts")
    for i, text in enumerate(texts):
        check_text(text, settings, "body", "texts", i)


def check_vector(vector: Mapping[str, Any], settings: ServiceSettings) -> None:
    """One to `max_vector_terms` terms, each with a weight in `WEIGHTS`."""
    if not vector:
        _refuse("must hold at least one term", "body", "vector")
    if len(vector) > settings.max_vector_terms:
        _refuse(f"at most {settings.max_vector_terms:,} terms, not {len(vector):,}", "body", "vector")
    lightest, heaviest = WEIGHTS
    for term, weight in vector.items():
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not lightest <= weight <= heaviest:
            message = f"a weight must be a number between {lightest:g} and {heaviest:g}"
            _refuse(message, "body", "vector", term)


def check_pipeline(pipeline: Pipeline, settings: ServiceSettings) -> dict[str, Any]:
    """Each stage within its limit; returns the re-ranker's name, if one is asked for, as `Searcher.search` takes it."""
    depth = pipeline.retrieve.depth
    if depth > settings.max_k:
        message = f"this server goes at most {settings.max_k:,} hits deep, not {depth:,}"
        _refuse(message, "body", "pipeline", "retrieve", "depth")
    if pipeline.rerank is None:
        return {}
    if not settings.rerank:
        _refuse("this server was started without a model to re-rank with", "body", "pipeline", "rerank")
    if pipeline.rerank.depth > settings.max_rerank:
        message = f"this server re-ranks at most {settings.max_rerank:,} hits, not {pipeline.rerank.depth:,}"
        _refuse(message, "body", "pipeline", "rerank", "depth")
    return {"rerank": settings.rerank}


def _refuse(message: str, *location: str | int) -> NoReturn:
    raise RequestValidationError([{"type": "limit", "loc": location, "msg": message}])
