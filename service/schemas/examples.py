"""The examples of the OpenAPI document. The tests send every request and check every answer against its schema."""

from __future__ import annotations

from typing import Any

QUESTION = "how do I parse a date from a string?"
DOCUMENT_ID = "datetime/strptime"

SEARCH_BY_TEXT: dict[str, Any] = {"text": QUESTION, "k": 3, "explain": True, "include_text": False}
SEARCH_BY_VECTOR: dict[str, Any] = {"vector": {"date": 1.9, "string": 1.4, "time": 0.3}, "k": 3, "mode": "exact"}
SEARCH_BY_PLAN: dict[str, Any] = {
    "text": QUESTION,
    "k": 3,
    "retrieve": {"mode": "hybrid", "depth": 200},
    "feedback": {"method": "rocchio", "vectors": "dense", "interpolate": "both"},
    "fusion": {"method": "tmm", "dense_weight": 0.75},
}
ENCODE_QUERY: dict[str, Any] = {"texts": [QUESTION], "kind": "query", "top_k": 8}
ENCODE_DOCUMENTS: dict[str, Any] = {
    "texts": ["Return a datetime corresponding to date_string.", "Serialize obj to a JSON formatted string."],
    "kind": "document",
}
EXPLAIN: dict[str, Any] = {"text": QUESTION, "id": DOCUMENT_ID}

DOCUMENT: dict[str, Any] = {
    "id": DOCUMENT_ID,
    "title": "datetime.strptime",
    "text": "Return a datetime corresponding to date_string, parsed according to format.",
    "fields": {"module": "datetime"},
}

_MATCHES = [
    {"term": "date", "query_weight": 1.875, "document_weight": 1.5, "contribution": 2.8125},
    {"term": "string", "query_weight": 1.25, "document_weight": 1.0, "contribution": 1.25},
]

SEARCH_ANSWER: dict[str, Any] = {
    "hits": [
        {
            "rank": 1,
            "id": DOCUMENT_ID,
            "score": 4.0625,
            "title": DOCUMENT["title"],
            "fields": DOCUMENT["fields"],
            "matches": _MATCHES,
            "stages": {},
        }
    ],
    "mode": "exact",
    "total": {"value": 42, "relation": "at least"},
    "stats": {
        "mode": "exact",
        "postings": 5210,
        "frequent_cells": 3888,
        "blocks": 1296,
        "blocks_skipped": 1240,
        "documents_scored": 224,
        "direct": False,
    },
    "dense_stats": None,
    "dense_weight": None,
    "timings": {
        "queue_ms": 0.05,
        "total_ms": 3.5,
        "encode_ms": 3.1,
        "search_ms": 0.2,
        "stages_ms": {"encode sparse": 3.1, "sparse": 0.2},
    },
}
ENCODE_ANSWER: dict[str, Any] = {
    "model": "splade-tiny",
    "kind": "query",
    "vectors": [{"date": 1.875, "string": 1.25, "dates": 0.875}],
    "timings": {"queue_ms": 0.05, "encode_ms": 3.1, "total_ms": 3.2},
}
EXPLAIN_ANSWER: dict[str, Any] = {
    "id": DOCUMENT_ID,
    "score": 4.0625,
    "matches": _MATCHES,
    "timings": {"queue_ms": 0.05, "total_ms": 3.4},
}
TERMS_ANSWER: dict[str, Any] = {
    "id": DOCUMENT_ID,
    "count": 96,
    "terms": [{"term": "date", "weight": 1.5}, {"term": "string", "weight": 1.0}],
}
INDEX_ANSWER: dict[str, Any] = {
    "documents": 5183,
    "terms": 30522,
    "model": "splade-tiny",
    "limits": {
        "max_k": 1000,
        "max_text_length": 10_000,
        "max_texts": 64,
        "max_vector_terms": 4096,
        "max_rerank": 100,
        "max_body_bytes": 1 << 20,
        "max_bulk_bytes": 1 << 30,
    },
    "index": {
        "documents": 5183,
        "dim": 30522,
        "postings": 622180,
        "mean_terms": 120.04,
        "modes": ["exact", "approximate", "exhaustive"],
    },
}
PROBLEM: dict[str, Any] = {
    "type": "urn:problem-type:lsr:invalid-request",
    "title": "Invalid request",
    "status": 422,
    "detail": "#/k: this server gives at most 1,000 hits, not 5,000",
    "instance": "/v1/search",
    "request_id": "7c1d5a0e9b2f4c55a1f0e3d2c4b5a697",
    "errors": [{"detail": "this server gives at most 1,000 hits, not 5,000", "pointer": "#/k"}],
}
