"""The examples of counts, figures, batches and passages in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from lsr.service.schemas.examples import PROBLEM, QUESTION, SEARCH_ANSWER

_TIMINGS = {"queue_ms": 0.05, "total_ms": 0.9}

COUNT: dict[str, Any] = {"filter": "module == 'datetime'"}
COUNT_BY_TEXT: dict[str, Any] = {"text": QUESTION, "min_score": 0.5}
COUNT_ANSWER: dict[str, Any] = {"count": 12, "timings": _TIMINGS}
FACETS: dict[str, Any] = {"facets": ["module"], "text": QUESTION}
FACETS_ANSWER: dict[str, Any] = {
    "facets": {"module": {"values": [{"value": "datetime", "documents": 9}], "more": 0, "missing": 3}},
    "total": {"value": 12, "relation": "exact"},
    "timings": _TIMINGS,
}
BATCH: dict[str, Any] = {"searches": [{"text": QUESTION, "k": 3}, {"text": "sleep", "mode": "exact", "k": 1}]}
BATCH_ANSWER: dict[str, Any] = {"answers": [SEARCH_ANSWER, PROBLEM]}
SEARCH_WITH_PASSAGES: dict[str, Any] = {
    "text": QUESTION,
    "k": 3,
    "include_text": False,
    "highlight": {"size": 120, "passages": 2},
}
STATS_ANSWER: dict[str, Any] = {
    "documents": 5183,
    "deleted": 12,
    "in_memory": 40,
    "segments": [{"name": "segment-1", "documents": 5155, "deleted": 12, "postings": 622180}],
    "bytes": {"forward": 1_866_540, "log": 20_480, "total": 7_340_032},
    "writing": True,
    "sampled": 1000,
    "lengths": [{"low": 0, "count": 310}, {"low": 64, "count": 690}],
    "weights": [{"low": 0.0, "count": 60_000}, {"low": 0.5, "count": 20_000}],
    "saturated": 0.0004,
    "frequent_terms": [{"term": "string", "documents": 1204}],
}
