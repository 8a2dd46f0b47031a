"""Answers as JSON bytes, made in the worker's thread."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from lsr.core.documents import Document
from lsr.vectors.explanation import TermMatch

if TYPE_CHECKING:
    from lsr.search.response import Hit, SearchResponse
    from lsr.service.schemas.schemas import SearchParameters, SearchRequest


class Clock:
    """Starts when the request has been read; `begin` is called when a thread takes it up."""

    def __init__(self) -> None:
        self._arrived = self._begun = perf_counter()

    def begin(self) -> None:
        self._begun = perf_counter()

    def timings(self, **stages: float) -> dict[str, float]:
        """Milliseconds by stage, with the wait before and the sum."""
        queued, total = self._begun - self._arrived, perf_counter() - self._arrived
        milliseconds = {"queue_ms": queued * 1e3, **stages, "total_ms": total * 1e3}
        return {name: round(value, 3) for name, value in milliseconds.items()}


def to_json(answer: dict[str, Any]) -> bytes:
    """UTF-8 JSON. A stored document may hold what orjson refuses (integers beyond 64 bits); the slow way takes it."""
    try:
        return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        return json.dumps(answer, default=_plain).encode()


def search_answer(found: SearchResponse, asked: SearchRequest | SearchParameters, clock: Clock) -> bytes:
    """See `schemas.SearchAnswer`."""
    timings: dict[str, Any] = clock.timings(encode_ms=found.encode_ms, search_ms=found.search_ms)
    stats = found.stats and found.stats._asdict()
    answer = {
        "hits": [_hit(hit, asked) for hit in found.hits[asked.offset :]],
        "mode": found.mode or (stats or {}).get("mode"),
        "stats": stats,
        "timings": timings,
    }
    if found.mode is not None:
        answer["dense_stats"] = found.dense_stats and found.dense_stats._asdict()
        answer["dense_weight"] = found.dense_weight
        timings["stages_ms"] = {name: round(ms, 3) for name, ms in found.stages_ms.items()}
    return to_json(answer)


def document_answer(document: Document) -> bytes:
    """See `schemas.DocumentAnswer`."""
    return to_json(dataclasses.asdict(document))


def matches_answer(matches: Iterable[TermMatch]) -> list[dict[str, Any]]:
    """See `schemas.Match`."""
    return [
        {
            "term": match.term,
            "query_weight": short(match.query_weight),
            "document_weight": short(match.document_weight),
            "contribution": short(match.contribution),
        }
        for match in matches
    ]


def short(value: float) -> np.float32:
    """A number that was a float32, for orjson to write with the few digits that a float32 has."""
    return np.float32(value)


def _hit(hit: Hit, asked: SearchRequest | SearchParameters) -> dict[str, Any]:
    document = hit.document
    fields = document.fields
    if asked.fields is not None:
        fields = {name: fields[name] for name in asked.fields if name in fields}
    answer: dict[str, Any] = {"rank": hit.rank, "id": hit.id, "score": short(hit.score), "title": document.title}
    if asked.include_text:
        answer["text"] = document.text
    answer["fields"] = fields
    if hit.window is not None:
        answer["window"] = dataclasses.asdict(hit.window)
    if hit.matches is not None:
        answer["matches"] = matches_answer(hit.matches)
    if asked.explain and hit.stages:
        answer["stages"] = {name: dataclasses.asdict(stage) for name, stage in hit.stages.items()}
    return answer


def _plain(value: Any) -> Any:
    if isinstance(value, np.floating):
        # By way of its own digits, so that both ways write the same.
        return float(str(value))
    raise TypeError(f"{type(value).__name__} is not JSON")
