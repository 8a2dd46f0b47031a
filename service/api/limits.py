"""The limits that depend on the settings; exceeding one is reported by field, like any other mistake in a request."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import QueryParams

from lsr.core.errors import InputError
from lsr.search.asked import Asked
from lsr.search.flat import plan_of
from lsr.search.plan import SearchPlan
from lsr.service.schemas.pipeline import plan_record
from lsr.service.schemas.search import MOST_NUMBERS, SearchRequest
from lsr.service.settings import ServiceSettings

# Far beyond any model's weights, yet small enough that sums of products stay finite and positive in float32.
WEIGHTS = (1e-20, 1e20)
# Each document is read, and its terms are added up one by one; the search then uses the heaviest.
_FEEDBACK_DOCUMENTS, _FEEDBACK_TERMS = 100, 4096
# Characters of the JSON of a plan that is kept for requests that ask in the same way.
_LONGEST_KEPT = 1000


def check_hits(k: int, offset: int, settings: ServiceSettings, where: str = "body") -> None:
    """Allow at most `max_k` hits. Like all checks here, it raises RequestValidationError, which becomes a 422."""
    if k > settings.max_k:
        _refuse(f"this server gives at most {settings.max_k:,} hits, not {k:,}", where, "k")
    if k + offset > settings.max_k:
        deepest = f"this server goes at most {settings.max_k:,} hits deep"
        _refuse(f"{deepest}, and offset + k is {k + offset:,}", where, "offset")


def check_once(parameters: QueryParams) -> None:
    """Each parameter of a URL once, but for `fields`, which is a list: of two values the last would count."""
    seen: set[str] = set()
    for name, _ in parameters.multi_items():
        if name in seen and name != "fields":
            _refuse("give it once", "query", name)
        seen.add(name)


def check_text(text: str, settings: ServiceSettings, *where: str | int) -> None:
    """Allow at most `max_text_length` characters."""
    if len(text) > settings.max_text_length:
        _refuse(f"at most {settings.max_text_length:,} characters, not {len(text):,}", *where)


def check_texts(texts: Sequence[str], settings: ServiceSettings) -> None:
    """Allow at most `max_texts` texts, none of them too long."""
    if len(texts) > settings.max_texts:
        _refuse(f"at most {settings.max_texts:,} texts at once, not {len(texts):,}", "body", "texts")
    for i, text in enumerate(texts):
        check_text(text, settings, "body", "texts", i)


def check_vector(vector: Mapping[str, Any], settings: ServiceSettings) -> None:
    """Allow one to `max_vector_terms` terms, each with a weight in `WEIGHTS`."""
    if not vector:
        _refuse("must contain at least one term", "body", "vector")
    if len(vector) > settings.max_vector_terms:
        _refuse(f"at most {settings.max_vector_terms:,} terms, not {len(vector):,}", "body", "vector")
    lightest, heaviest = WEIGHTS
    for term, weight in vector.items():
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not lightest <= weight <= heaviest:
            message = f"a weight must be a number between {lightest:g} and {heaviest:g}"
            _refuse(message, "body", "vector", term)


def check_dense_vector(vector: Sequence[Any]) -> None:
    """Allow one to `MOST_NUMBERS` finite numbers; the index says how many it takes."""
    if not 1 <= len(vector) <= MOST_NUMBERS:
        _refuse(f"must contain 1 to {MOST_NUMBERS:,} numbers, not {len(vector):,}", "body", "dense_vector")
    for i, number in enumerate(vector):
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) <= WEIGHTS[1]:
            _refuse(f"must be a number within ±{WEIGHTS[1]:g}", "body", "dense_vector", i)


def plan_of_request(asked: SearchRequest, settings: ServiceSettings) -> SearchPlan:
    """The plan of a request, with the server's model for re-ranking if requested, and each stage within its limit."""
    record = asked.plan_record
    # Reading the attribute would raise its own deprecation warning.
    pipeline = asked.__dict__.get("pipeline")
    if pipeline is not None:
        if record:
            _refuse("the pipeline already says how to search: leave out the plan's fields", "body", "pipeline")
        warnings.warn(
            "`pipeline` uses the stage names of 0.1: give the plan's fields instead", FutureWarning, stacklevel=2
        )
        record = plan_record(pipeline)
    if record.get("rerank") is not None:
        record["rerank"] = _with_model(record["rerank"], settings)
    alone = asked.text is None and asked.vector is None
    if asked.dense_vector is not None and not any(record.get(name) for name in ("mode", "recall", "retrieve")):
        record = {**record, "mode": "dense" if alone else "hybrid"}
    with _refusing("body"):
        plan = _plan_of(json.dumps(record))
    listed = plan.lists and asked.text is None and asked.vector is None and asked.dense_vector is None
    if asked.text is None and not listed:
        if (plan.retrieve.needs_dense and asked.dense_vector is None) or plan.rerank is not None:
            _refuse("a vector of terms can only search the sparse index: give a text", "body")
        if plan.retrieve.needs_sparse and asked.vector is None:
            _refuse("a dense vector alone searches dense vectors: give a text or a vector as well", "body")
    if asked.dense_vector is not None and not plan.retrieve.needs_dense:
        _refuse("goes with mode dense, hybrid or sparse-first", "body", "dense_vector")
    if asked.vector is not None and not plan.retrieve.needs_sparse:
        _refuse("does not go with mode dense", "body", "vector")
    if asked.text is not None and asked.vector is not None:
        with _refusing("body"):  # as a text that nothing would read
            given = Asked([asked.text], [], None if asked.dense_vector is None else np.empty(0, np.float32), many=False)
            given.check(plan.retrieve, reranks=plan.rerank is not None)
    if "depth" in (record.get("retrieve") or ()):
        most = settings.max_k
        _check_most(plan.retrieve.depth, most, "this server goes at most {:,} hits deep", "retrieve", "depth")
    if plan.feedback is not None:
        documents, terms = plan.feedback.documents, plan.feedback.terms
        _check_most(documents, _FEEDBACK_DOCUMENTS, "feedback uses at most {:,} documents", "feedback", "documents")
        _check_most(terms, _FEEDBACK_TERMS, "a query has at most {:,} terms", "feedback", "terms")
    if plan.rerank is not None:
        most = settings.max_rerank
        _check_most(plan.rerank.depth, most, "this server re-ranks at most {:,} hits", "rerank", "depth")
    return plan


def _plan_of(record: str) -> SearchPlan:
    """The plan of a record as JSON. Most requests ask in a few ways, and checking a plan takes longer."""
    return (_kept_plan if len(record) <= _LONGEST_KEPT else _read_plan)(record)


def _read_plan(record: str) -> SearchPlan:
    return SearchPlan.from_record(json.loads(record))


_kept_plan = lru_cache(maxsize=256)(_read_plan)


def plan_of_url(mode: str | None, recall: float | None, filter: str | None = None) -> SearchPlan:
    """The plan given by a URL's parameters."""
    with _refusing("query"):
        return plan_of(mode or "auto", recall=recall, filter=filter)


def _with_model(rerank: Any, settings: ServiceSettings) -> Any:
    if not settings.rerank:
        _refuse("this server was started without a model to re-rank with", "body", "rerank")
    if not isinstance(rerank, Mapping):
        return rerank
    if "model" in rerank:
        _refuse("there is no such field: the server has one model", "body", "rerank", "model")
    return {"model": settings.rerank, **rerank}


def _check_most(value: int, most: int, message: str, *path: str) -> None:
    if value > most:
        _refuse(f"{message.format(most)}, not {value:,}", "body", *path)


@contextmanager
def _refusing(source: str) -> Iterator[None]:
    """Turn a plan's InputError into a refusal of the request that names the field's place in it."""
    try:
        yield
    except InputError as error:
        _refuse(error.reason, source, *(error.field.split(".") if error.field else ()))


def _refuse(message: str, *location: str | int) -> NoReturn:
    raise RequestValidationError([{"type": "limit", "loc": location, "msg": message}])
