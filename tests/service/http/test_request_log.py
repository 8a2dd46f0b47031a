"""The log as JSON: what a line of it has."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr.service import create_app
from lsr.service.http.request_log import JsonFormatter
from lsr.service.keys.roles import Role
from lsr.service.keys.store import KeyStore

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_line_has_key_collection_bytes_and_trace(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = KeyStore(tmp_path)
    secret, key = store.create(Role.READ)
    app = create_app(FakeSearcher(), name="books", keys=store)
    body = json.dumps({"text": "date"}).encode()
    caplog.set_level(logging.INFO, "lsr.service.requests")
    with TestClient(app) as client:
        app.state.service.warm_up.join(PATIENCE)
        caplog.clear()
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json", "Accept-Encoding": ""}
        headers["traceparent"] = f"00-{TRACE}-00f067aa0ba902b7-01"
        answer = client.post("/v1/search?secret=question", content=body, headers=headers)
        client.get("/v1/index")
        client.get("/nothing")
    lines: list[dict[str, Any]] = [
        json.loads(JsonFormatter().format(record)) for record in caplog.records if record.name.endswith("requests")
    ]
    found, refused, lost = lines
    assert found["key"] == key.id and found["collection"] == "books" and found["trace"] == TRACE
    assert found["bytes_in"] == len(body) and found["bytes_out"] == len(answer.content)
    assert found["path"] == "/v1/search" and found["status"] == 200 and found["id"] == answer.headers["x-request-id"]
    assert "refused" not in found and secret not in str(lines) and "question" not in str(lines)
    assert refused["refused"] == "key-missing" and "key" not in refused and "trace" not in refused
    assert refused["bytes_in"] == 0 and refused["status"] == 401
    assert "collection" not in lost
