"""The examples of jobs and snapshots in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from lsr.service.schemas.collection_examples import COLLECTION

JOB_ID, SNAPSHOT_NAME = "0123456789abcdef", "monday"
JOB: dict[str, Any] = {
    "id": JOB_ID,
    "kind": "reindex",
    "collection": COLLECTION,
    "status": "running",
    "done": 1200,
    "total": 5183,
    "error": None,
    "result": None,
    "cancellable": True,
    "created": "2026-05-01T09:30:00.000000+00:00",
    "ended": None,
}
JOBS_ANSWER: dict[str, Any] = {"jobs": [JOB]}
REINDEX: dict[str, Any] = {"model": "bm25", "keep": True}
GO_BACK: dict[str, Any] = {"keep": True}
FORGOTTEN: dict[str, Any] = {"forgotten": True}
SNAPSHOT: dict[str, Any] = {"name": SNAPSHOT_NAME}
RESTORE: dict[str, Any] = {"name": "docs-of-monday"}
SNAPSHOTS_ANSWER: dict[str, Any] = {
    "snapshots": [{"name": SNAPSHOT_NAME, "taken": "2026-05-01T09:30:00+00:00", "documents": 5183, "bytes": 7_340_032}]
}
