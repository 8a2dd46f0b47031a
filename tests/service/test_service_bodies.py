"""Bodies that are JSON in a way that nobody means: always a 4xx."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr.service import ServiceSettings, create_app

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def client() -> Any:
    app = create_app(FakeSearcher(), ServiceSettings())
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


@pytest.mark.parametrize(
    "body",
    [
        '{"text": "a", "text": "b"}',
        '{"text": "a", "te\\u0078t": "b"}',
        '{"text": "date", "k": 1, "k": 2}',
        '{"vector": {"date": 1, "date": 2}}',
        '{"text": "date", "retrieve": {"mode": "sparse", "mode": "hybrid"}}',
        '{"text": "date", "feedback": {"method": "rm3", "terms": 5, "terms": 6}}',
        '{"text": "date", "fields": [{"a": 1, "a": 1}]}',
        '{"text": "date", "\\ud800": 1, "\\ud800": 2}',
    ],
)
@pytest.mark.parametrize("path", ["/v1/search", "/v1/encode", "/v1/explain"])
def test_a_field_given_twice_is_refused(client: TestClient, path: str, body: str) -> None:
    response = client.post(path, content=body, headers=JSON)
    assert response.status_code == 400
    assert "twice" in response.json()["detail"]


@pytest.mark.parametrize("query", ["q=date&q=object", "q=date&k=1&k=1", "q=date&mode=exact&mode=bmp"])
def test_a_parameter_given_twice_is_refused(client: TestClient, query: str) -> None:
    response = client.get(f"/v1/search?{query}")
    assert response.status_code == 422
    assert [error["parameter"] for error in response.json()["errors"]] == [query.rpartition("&")[2].partition("=")[0]]


def test_a_list_of_fields_may_be_given_as_such(client: TestClient) -> None:
    assert client.get("/v1/search?q=date&fields=module&fields=line").status_code == 200


NUMBERS = ["1e400", "-1e400", "NaN", "Infinity", "-Infinity", "1" * 400, "1" * 5000, "1e-400", "9223372036854775808"]
ODD = [*NUMBERS, "true", "null", '""', "[]", "{}", '"\\u0000"', '"\\ud800"', "[null]", '{"": {}}', '{"mode": NaN}']
PLACES = [
    '{"text": %s}', '{"vector": %s}', '{"vector": {"date": %s}}', '{"text": "date", "k": %s}',
    '{"text": "date", "offset": %s}', '{"text": "date", "mode": %s}', '{"text": "date", "recall": %s}',
    '{"text": "date", "fields": %s}', '{"text": "date", "explain": %s}', '{"text": "date", "parameters": %s}',
    '{"text": "date", "mode": "approximate", "parameters": {"cut": %s}}',
    '{"text": "date", "mode": "approximate", "parameters": {"max_blocks": %s}}',
    '{"text": "date", "mode": "approximate", "parameters": {"budget_us": %s}}',
    '{"text": "date", "retrieve": %s}', '{"text": "date", "retrieve": {"depth": %s}}',
    '{"text": "date", "retrieve": {"sparse": %s}}', '{"text": "date", "retrieve": {"dense": {"effort": %s}}}',
    '{"text": "date", "feedback": %s}', '{"text": "date", "feedback": {"query_weight": %s}}',
    '{"text": "date", "fusion": %s}', '{"text": "date", "fusion": {"dense_weight": %s}}',
    '{"text": "date", "fusion": {"method": "rrf", "rank_constant": %s}}',
    '{"text": "date", "rerank": %s}', '{"text": "date", "rerank": {"depth": %s}}', '{"text": "date", "pipeline": %s}',
    '{"text": "date", "pipeline": {"fuse": %s}}', '{"texts": %s}', '{"texts": ["date"], "top_k": %s}',
    '{"text": "date", "id": %s}', "%s",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:`pipeline`:FutureWarning")
@pytest.mark.parametrize("place", PLACES)
def test_odd_values_anywhere_are_no_fault_of_the_server(client: TestClient, place: str) -> None:
    for path in ("/v1/search", "/v1/encode", "/v1/explain"):
        for value in ODD:
            response = client.post(path, content=place % value, headers=JSON)
            assert response.status_code < 500, (path, place, value)
            json.loads(response.content, parse_constant=pytest.fail)


@pytest.mark.filterwarnings("ignore:`pipeline`:FutureWarning")
@pytest.mark.parametrize("depth", [50, 300, 900, 5000, 200_000])
@pytest.mark.parametrize("brackets", ["[]", '{"a":}'])
def test_nesting_is_no_fault_of_the_server(client: TestClient, brackets: str, depth: int) -> None:
    nested = brackets[:-1] * depth + "1" + brackets[-1] * depth
    for place in PLACES:
        response = client.post("/v1/search", content=place % nested, headers=JSON)
        assert 400 <= response.status_code < 500, place


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"text": "\xff"}', "UTF-8"),
        (b"[" * 100_000, "nested"),
        (b'{"text": "a", "k": ' + b"1" * 5000 + b"}", "digits"),
        (b'{"text": "a"} {}', "not valid JSON"),
    ],
)
def test_what_cannot_be_read_is_told_apart(client: TestClient, content: bytes, told: str) -> None:
    response = client.post("/v1/search", content=content, headers=JSON)
    assert response.status_code == 400
    assert told in response.json()["detail"]
