"""Filters, orders and counts over HTTP, of a small index of words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr import Document
from lsr.build.corpus import index_corpus
from lsr.encoding.lexical.alone import WordsAlone
from lsr.service import ServiceSettings, create_app

BIRDS = [
    Document("tern", "birds far", fields={"year": 2021, "lang": "en", "tags": ["sea", "far"]}),
    Document("star", "birds night", fields={"year": 2019, "lang": "en"}),
    Document("storch", "birds birds", fields={"year": 2023, "lang": "de", "tags": ["far"]}),
    Document("fish", "no wings", fields={"year": 2020, "draft": True}),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    path = tmp_path_factory.mktemp("filters") / "index"
    index_corpus(BIRDS, path, WordsAlone())
    app = create_app(path, ServiceSettings(search_threads=1))
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def answer(client: TestClient, **asked: Any) -> dict[str, Any]:
    response = client.post("/v1/search", json=asked)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [hit["id"] for hit in found["hits"]]


def test_a_filter_is_a_string_or_an_object(client: TestClient) -> None:
    for given in ('year > 2019 and lang = "en"', {"must": [{"range": {"year": {"gt": 2019}}}, {"eq": {"lang": "en"}}]}):
        found = answer(client, text="birds", filter=given)
        assert ids(found) == ["tern"] and found["total"] == {"value": 1, "relation": "exact"}
    by_url = client.get("/v1/search", params={"q": "birds", "filter": "tags = 'far' and not year < 2022"})
    assert ids(by_url.json()) == ["storch"]


def test_orders_pages_counts_and_groups(client: TestClient) -> None:
    found = answer(client, text="birds", k=2, sort=["-year"], facets={"tags": 1, "lang": 9})
    assert ids(found) == ["storch", "tern"] and found["mode"] == "all" and found["total"]["value"] == 3
    assert found["facets"]["tags"] == {"values": [{"value": "far", "documents": 2}], "more": 1, "missing": 1}
    following = answer(client, text="birds", sort="-year", search_after=found["hits"][-1]["sort"])
    assert ids(following) == ["star"] and "facets" not in following
    first = answer(client, text="birds", k=1, count=True)
    assert first["total"] == {"value": 3, "relation": "exact"} and "sort" not in first["hits"][0]
    after = [first["hits"][0]["score"], first["hits"][0]["id"]]
    assert len(answer(client, text="birds", search_after=after)["hits"]) == 2
    assert len(answer(client, text="birds", group_by="lang")["hits"]) == 2
    least = first["hits"][0]["score"] - 1e-4
    assert ids(answer(client, text="birds", min_score=least)) == ids(first)
    listed = answer(client, filter="exists(year)", sort="year", fields=[])
    assert ids(listed) == ["star", "fish", "tern", "storch"] and listed["stats"] is None


@pytest.mark.parametrize(
    ("asked", "place", "says"),
    [
        ({"text": "birds", "filter": "yaer = 3"}, None, "did you mean year?"),
        ({"text": "birds", "filter": "year >"}, "#/filter", "expected a value after >"),
        ({"text": "birds", "filter": {"musst": []}}, "#/filter/musst", "did you mean must?"),
        ({"text": "birds", "filter": 3}, "#/filter", "a string, an object"),
        ({"text": "birds", "sort": {"year": 1}}, "#/sort", "names of fields"),
        ({"text": "birds", "sort": "tags"}, None, "may have several values"),
        ({"text": "birds", "facets": "lang:0"}, "#/facets", "1 to 10,000"),
        ({"text": "birds", "count": 1}, "#/count", "true or false"),
        ({"text": "birds", "search_after": "x"}, "#/search_after", "list"),
        ({"text": "birds", "search_after": [1]}, None, "a list of 2 values"),
        ({"text": "birds", "search_after": [{}, []]}, None, "expected a number"),
        ({"min_score": 3}, "#", "give either text or vector"),
    ],
)
def test_what_is_wrong_is_a_422_that_says_where(client: TestClient, asked: Any, place: str | None, says: str) -> None:
    response = client.post("/v1/search", json=asked)
    assert response.status_code == 422
    body = response.json()
    assert says in response.text, response.text
    if place is not None:
        assert body["errors"][0]["pointer"] == place


def test_what_is_nested_without_end_is_refused(client: TestClient) -> None:
    filter: Any = {"eq": {"year": 1}}
    for _ in range(40):
        filter = {"must_not": [filter]}
    assert client.post("/v1/search", json={"text": "birds", "filter": filter}).status_code in (200, 400, 422)
    text = "(" * 5000 + "lang" + ")" * 5000
    response = client.post("/v1/search", json={"text": "birds", "filter": text})
    assert response.status_code == 422 and "at most 64 levels" in response.text
