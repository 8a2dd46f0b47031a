"""The examples of writing documents in the OpenAPI document."""

from __future__ import annotations

from typing import Any

import orjson

from lsr.service.schemas.examples import DOCUMENT_ID

DOCUMENTS: list[dict[str, Any]] = [
    {"_id": "math.sqrt", "title": "math.sqrt", "text": "Return the square root of x.", "module": "math"},
    {"_id": "math.gcd", "text": "Return the greatest common divisor of the arguments.", "module": "math"},
]
NDJSON = "".join(orjson.dumps(each).decode() + "\n" for each in DOCUMENTS)
BULK_ANSWER: dict[str, Any] = {
    "results": [
        {"id": "math.sqrt", "status": "created"},
        {"id": "math.gcd", "status": "replaced"},
        {"id": "", "status": "error", "error": "malformed JSON: Expecting value at column 9", "line": 3},
    ],
    "created": 1,
    "replaced": 1,
    "errors": 1,
}
PATCH: dict[str, Any] = {"fields": {"module": "datetime", "reviewed": True, "draft": None}}
DELETED: dict[str, Any] = {"deleted": True}
DELETE_IDS: dict[str, Any] = {"ids": ["math.sqrt", "no-such-id"]}
DELETE: dict[str, Any] = {"filter": "module == 'math'"}
DELETE_ANSWER: dict[str, Any] = {"deleted": 1, "missing": ["no-such-id"]}
PATCHED_ID = DOCUMENT_ID
