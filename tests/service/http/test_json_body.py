"""A request that is right goes to its endpoint directly, and is answered as the framework would have it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr.service import ServiceSettings, create_app

SHORT, LONG = "application/json", "application/json; charset=utf-8"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = create_app(FakeSearcher(), ServiceSettings())
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def answer(client: TestClient, path: str, body: bytes, media_type: str) -> tuple[int, Any]:
    response = client.post(path, content=body, headers={"Content-Type": media_type, "X-Request-ID": "one"})
    told = response.json()
    for each in (told, *told.get("answers", ())):
        each.pop("timings", None)
    return response.status_code, told


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/search", b'{"text": "date"}'),
        ("/v1/collections/index/search", b'{"text": "date", "k": 3}'),
        ("/v1/collections/other/search", b'{"text": "date", "k": 3}'),
        ("/v1/search/batch", b'{"searches": [{"text": "date"}, {"text": 3}]}'),
        ("/v1/encode", b'{"texts": ["date"], "kind": "query"}'),
        ("/v1/explain", b'{"text": "date", "id": "1"}'),
        ("/v1/search", b'{"text": "date", "k": "3"}'),
        ("/v1/search", b'{"text": "date", "k": -3}'),
        ("/v1/search", b'{"nothing": 1}'),
        ("/v1/search", b'{"text": "date", "more": 1}'),
        ("/v1/search", b"[]"),
        ("/v1/search", b"null"),
        ("/v1/search", b"{"),
        ("/v1/search", b""),
        ("/v1/search", b"\xff"),
        ("/v1/search", b'{"text": "a", "text": "b"}'),
    ],
)
def test_both_ways_give_the_same_answer(client: TestClient, path: str, body: bytes) -> None:
    assert answer(client, path, body, SHORT) == answer(client, path, body, LONG)


def test_a_right_request_does_not_go_through_the_framework(client: TestClient, monkeypatch: Any) -> None:
    def solved(**_: Any) -> None:
        raise AssertionError("the framework looked for parameters")

    monkeypatch.setattr("fastapi.routing.solve_dependencies", solved)
    right = json.dumps({"text": "date"}).encode()
    assert answer(client, "/v1/search", right, SHORT)[0] == 200
    # So would be any other, which shows that it was looked at.
    assert answer(client, "/v1/search", right, LONG)[0] == 500


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-ndjson", "application/xml"])
def test_other_types_are_refused(client: TestClient, media_type: str) -> None:
    assert answer(client, "/v1/search", b'{"text": "date"}', media_type)[0] in (415, 422)
