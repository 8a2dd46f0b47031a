"""The examples of collections, documents written and jobs in the OpenAPI document."""

from __future__ import annotations

from typing import Any

COLLECTION, ALIAS_NAME = "docs", "live"

CREATE: dict[str, Any] = {"name": "notes", "model": "bm25", "schema": {"year": "integer", "tags": "keyword[]"}}
CREATE_WORDS: dict[str, Any] = {"name": "words", "model": "bm25", "language": "german"}
COLLECTION_SUMMARY: dict[str, Any] = {
    "name": COLLECTION,
    "documents": 5183,
    "model": "splade-tiny",
    "dense": "minilm",
    "aliases": [ALIAS_NAME],
}
COLLECTIONS_ANSWER: dict[str, Any] = {"collections": [COLLECTION_SUMMARY]}
COLLECTION_ANSWER: dict[str, Any] = {
    **COLLECTION_SUMMARY,
    "modes": ["exact", "approximate", "exhaustive"],
    "calibrated": [
        {
            "mode": "sparse",
            "plain": True,
            "judged": True,
            "queries": 300,
            "documents": 5183,
            "search": {"mode": "sparse", "lexical_weight": 0.2},
        }
    ],
    "fields": {"module": "keyword", "year": "integer"},
    "created": "2026-05-01T09:30:00+00:00",
    "bytes": 7_340_032,
    "limits": {"max_k": 1000, "max_body_bytes": 1 << 20},
}
PUT_ALIAS: dict[str, Any] = {"collection": COLLECTION}
ALIAS: dict[str, Any] = {"alias": ALIAS_NAME, "collection": COLLECTION}
ALIASES_ANSWER: dict[str, Any] = {"aliases": [ALIAS]}
