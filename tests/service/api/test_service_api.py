"""Every endpoint, over a fake: what it answers and how it refuses."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr.service import ServiceSettings, create_app
from lsr.service.schemas.documents import DocumentAnswer
from lsr.service.schemas.encode import EncodeAnswer
from lsr.service.schemas.explain import ExplainAnswer
from lsr.service.schemas.health import IndexAnswer
from lsr.service.schemas.problems import Problem
from lsr.service.schemas.search import SearchAnswer


def problem(response: Any, status: int, kind: str | None = None) -> Problem:
    """The problem document of a refusal, checked for its form."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = Problem.model_validate(response.json())
    assert found.status == status
    assert found.type == (f"urn:problem-type:lsr:{kind}" if kind else "about:blank")
    assert found.request_id == response.headers["x-request-id"]
    return found


def pointers(found: Problem) -> list[str]:
    assert found.errors
    return [error.get("pointer") or error["parameter"] for error in found.errors]


# -- answers ---------------------------------------------------------------------------------------------------------


def test_search_by_text(client: TestClient) -> None:
    response = client.post("/v1/search", json={"text": "date string", "k": 2, "explain": True})
    answer = SearchAnswer.model_validate(response.json())
    assert [(hit.rank, hit.id, hit.score) for hit in answer.hits] == [
        (1, "datetime/strptime", 2.0),
        (2, "json.dumps", 1),
    ]
    assert answer.hits[0].text == "date from string"
    assert answer.hits[0].fields == {"module": "datetime", "line": 7}
    assert [(match.term, match.contribution) for match in answer.hits[0].matches or []] == [("date", 1), ("string", 1)]
    assert answer.mode == answer.stats.mode == "exact"
    assert (answer.timings.encode_ms, answer.timings.search_ms) == (0.1, 0.2)
    assert answer.timings.total_ms >= answer.timings.queue_ms >= 0


def test_search_by_vector_and_mode(client: TestClient) -> None:
    response = client.post("/v1/search", json={"vector": {"string": 0.25, "object": 2}, "mode": "approximate"})
    answer = response.json()
    assert [(hit["id"], hit["score"]) for hit in answer["hits"]] == [
        ("json.dumps", 2.25),
        ("größe?", 2.0),
        ("datetime/strptime", 0.25),
    ]
    assert answer["mode"] == answer["stats"]["mode"] == "approximate"
    assert "matches" not in answer["hits"][0]


def test_hits_carry_what_was_asked_for(client: TestClient) -> None:
    asked = {"text": "date", "include_text": False, "fields": ["line", "nothing"]}
    hit = client.post("/v1/search", json=asked).json()["hits"][0]
    assert hit == {"rank": 1, "id": "datetime/strptime", "score": 1.0, "title": "strptime", "fields": {"line": 7}}


def test_offset_gives_the_next_page(client: TestClient) -> None:
    pages = [client.post("/v1/search", json={"text": "object string", "k": 1, "offset": i}).json() for i in range(4)]
    assert [[(hit["rank"], hit["id"]) for hit in page["hits"]] for page in pages] == [
        [(1, "json.dumps")],
        [(2, "datetime/strptime")],
        [(3, "größe?")],
        [],
    ]


def test_search_by_url(client: TestClient) -> None:
    response = client.get("/v1/search", params={"q": "date string", "k": 1, "explain": "true", "fields": ["module"]})
    hits = response.json()["hits"]
    assert [(hit["id"], hit["fields"]) for hit in hits] == [("datetime/strptime", {"module": "datetime"})]
    assert len(hits[0]["matches"]) == 2


@pytest.mark.parametrize("path", ["datetime/strptime", "datetime%2Fstrptime"])
def test_document_with_a_slash_in_its_id(client: TestClient, path: str) -> None:
    answer = DocumentAnswer.model_validate(client.get(f"/v1/documents/{path}").json())
    assert (answer.id, answer.title, answer.text) == ("datetime/strptime", "strptime", "date from string")


def test_document_with_reserved_and_foreign_letters_in_its_id(client: TestClient) -> None:
    assert client.get("/v1/documents/gr%C3%B6%C3%9Fe%3F").json()["id"] == "größe?"


@pytest.mark.parametrize("kind", ["query", "document"])
def test_encode(client: TestClient, kind: str) -> None:
    response = client.post("/v1/encode", json={"texts": ["date from string", "unknown"], "kind": kind, "top_k": 2})
    answer = EncodeAnswer.model_validate(response.json())
    assert answer.vectors == [{"string": 1.0, "from": 0.6666667}, {}]
    # Weights are float32: written with the digits they have, not with those of their double.
    assert '"from":0.6666667}' in response.text
    assert (answer.model, answer.kind) == ("words", kind)


def test_explain(client: TestClient) -> None:
    response = client.post("/v1/explain", json={"text": "date string size", "id": "datetime/strptime"})
    answer = ExplainAnswer.model_validate(response.json())
    assert answer.score == sum(match.contribution for match in answer.matches) == 2


def test_index_tells_what_it_is_and_what_the_limits_are(client: TestClient) -> None:
    answer = IndexAnswer.model_validate(client.get("/v1/index").json())
    assert (answer.documents, answer.model) == (3, "words")
    assert answer.limits["max_k"] == 20


def test_the_root_is_a_page_and_the_reference_lies_beside_it(client: TestClient) -> None:
    assert client.get("/").headers["content-type"].startswith("text/html")
    assert "openapi.json" in client.get("/docs").text


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "#"),
        ({"text": "a", "vector": {"date": 1}}, "#"),
        ({"text": ""}, "#/text"),
        ({"text": " \t\n"}, "#/text"),
        ({"text": 3}, "#/text"),
        ({"text": "x" * 51}, "#/text"),
        ({"text": "a", "k": 0}, "#/k"),
        ({"text": "a", "k": 21}, "#/k"),
        ({"text": "a", "k": 10**30}, "#/k"),
        ({"text": "a", "k": "5"}, "#/k"),
        ({"text": "a", "k": True}, "#/k"),
        ({"text": "a", "k": 15, "offset": 6}, "#/offset"),
        ({"text": "a", "offset": -1}, "#/offset"),
        ({"text": "a", "mode": "fast"}, "#/mode"),
        ({"text": "a", "limit": 5}, "#/limit"),
        ({"vector": {}}, "#/vector"),
        ({"vector": {"date": 0}}, "#/vector/date"),
        ({"vector": {"date": True}}, "#/vector/date"),
        ({"vector": {"date": "1"}}, "#/vector/date"),
        ({"vector": {"date": 10**400}}, "#/vector/date"),
        ({"vector": {"date": 1e-300}}, "#/vector/date"),
        ({"vector": {"a/b~c d": -1}}, "#/vector/a~1b~0c%20d"),
        ({"vector": dict.fromkeys("abcde", 1)}, "#/vector"),
        ({"vector": {"date": 1, "zebra": 1}}, "#/vector/zebra"),
        ({"text": "a", "fields": "module"}, "#/fields"),
        ({str(i): i for i in range(101)}, "#"),
        ([1], "#"),
    ],
)
def test_wrong_searches_name_the_field(client: TestClient, body: object, where: str) -> None:
    kind = "invalid-input" if where.endswith("zebra") else "invalid-request"
    assert pointers(problem(client.post("/v1/search", json=body), 422, kind)) == [where]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999"])
def test_weights_that_are_no_numbers(client: TestClient, number: str) -> None:
    body = f'{{"vector": {{"date": {number}}}}}'
    response = client.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert pointers(problem(response, 422, "invalid-request")) == ["#/vector/date"]


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/v1/encode", {"texts": []}, "#/texts"),
        ("/v1/encode", {"texts": ["a", " "]}, "#/texts/1"),
        ("/v1/encode", {"texts": ["a"] * 4}, "#/texts"),
        ("/v1/encode", {"texts": ["a", "b", "x" * 51]}, "#/texts/2"),
        ("/v1/encode", {"texts": ["a"], "kind": "image"}, "#/kind"),
        ("/v1/encode", {"texts": ["a"], "top_k": 0}, "#/top_k"),
        ("/v1/explain", {"text": "a"}, "#/id"),
        ("/v1/explain", {"text": "", "id": "json.dumps"}, "#/text"),
        ("/v1/explain", {"text": " \u200b", "id": "json.dumps"}, "#/text"),
        ("/v1/search", {"text": "\u200b\ufeff"}, "#/text"),
        ("/v1/encode", {"texts": ["a", "\u200b", "b"]}, "#/texts/1"),
        ("/v1/encode", {"texts": ["a", " "], "kind": "document"}, "#/texts/1"),
    ],
)
def test_wrong_bodies_name_the_field(client: TestClient, path: str, body: object, where: str) -> None:
    assert pointers(problem(client.post(path, json=body), 422, "invalid-request")) == [where]


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("", "q"),
        ("q=%20", "q"),
        ("q=%E2%80%8B", "q"),
        ("q=a&k=x", "k"),
        ("q=a&k=21", "k"),
        ("q=a&limit=3", "limit"),
        (f"q={'x' * 51}", "q"),
    ],
)
def test_wrong_parameters_are_named(client: TestClient, query: str, where: str) -> None:
    assert pointers(problem(client.get(f"/v1/search?{query}"), 422, "invalid-request")) == [where]


def test_only_the_first_mistakes_are_listed(client: TestClient) -> None:
    found = problem(client.post("/v1/search", json={f"field{i}": i for i in range(100)}), 422, "invalid-request")
    assert len(pointers(found)) == 16
    assert found.detail.startswith("#/field0: there is no such field;")
    assert found.detail.endswith("and 97 more")


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b'{"text": "a"', 400, "malformed-json"),
        (b"", 422, "invalid-request"),
        (b'{"text": "\xff"}', 400, None),
        (b"[" * 1900, 400, None),
        (b'{"text": "\\ud800"}', 422, "invalid-request"),
    ],
)
def test_bodies_that_are_not_json(client: TestClient, content: bytes, status: int, kind: str | None) -> None:
    headers = {"Content-Type": "application/json"}
    problem(client.post("/v1/search", content=content, headers=headers), status, kind)


def test_half_a_surrogate_pair_as_a_term(client: TestClient) -> None:
    response = client.post(
        "/v1/search", content=b'{"vector": {"\\ud800": 0}}', headers={"Content-Type": "application/json"}
    )
    assert pointers(problem(response, 422, "invalid-request")) == ["#/vector/%3F"]


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_bodies_not_declared_as_json(client: TestClient, media_type: str | None) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    found = problem(client.post("/v1/search", content=b'{"text": "a"}', headers=headers), 415)
    assert "Content-Type: application/json" in found.detail


def test_missing_documents(client: TestClient) -> None:
    assert repr("/a\nb\n") in problem(client.get("/v1/documents/%2Fa%0Ab%0A"), 404, "not-found").detail
    assert "'nowhere'" in problem(client.get("/v1/documents/nowhere"), 404, "not-found").detail
    problem(client.post("/v1/explain", json={"text": "a", "id": "nowhere"}), 404, "not-found")


def test_unknown_paths_and_methods(client: TestClient) -> None:
    found = problem(client.get("/v2/search%0Aforged"), 404)
    assert found.instance == "/v2/search%0Aforged"
    response = client.delete("/v1/index")
    assert "DELETE" in problem(response, 405).detail
    assert response.headers["allow"] == "GET, HEAD"


def test_body_over_the_limit(client: TestClient) -> None:
    exact = b'{"text": "a"}'.ljust(2000)
    headers = {"Content-Type": "application/json"}
    assert client.post("/v1/search", content=exact, headers=headers).status_code == 200
    response = client.post("/v1/search", content=exact + b" ", headers=headers)
    assert "2,000 bytes" in problem(response, 413).detail
    assert response.headers["connection"] == "close"


def test_streamed_body_over_the_limit(client: TestClient) -> None:
    taken = []

    def chunks() -> Any:
        for i in range(1000):
            taken.append(i)
            yield b" " * 1000

    problem(client.post("/v1/search", content=chunks(), headers={"Content-Type": "application/json"}), 413)


def test_unforeseen_errors_are_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def fail(text: str) -> None:
        raise RuntimeError("the secret is 42")

    with TestClient(create_app(FakeSearcher(fail)), raise_server_exceptions=False) as client:
        client.app.state.service.warm_up.join(PATIENCE)  # type: ignore[attr-defined]
        response = client.post("/v1/search", json={"text": "a"}, headers={"X-Request-ID": "mine-1"})
    found = problem(response, 500)
    assert "secret" not in response.text
    assert found.request_id == "mine-1"
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.message == "request mine-1 failed"
    assert record.exc_info and str(record.exc_info[1]) == "the secret is 42"


# -- around the answers ----------------------------------------------------------------------------------------------


def test_request_ids_are_echoed_unless_they_are_odd(client: TestClient) -> None:
    given = "7b1c.trace-1:a_b"
    assert client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"] == given
    made = {client.get("/healthz", headers={"X-Request-ID": 'x" forged'}).headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    assert all(len(id) == 32 for id in made)


def test_one_line_a_request(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "lsr.service.requests"):
        client.get("/v1/search", params={"q": "private words"})
        client.get("/healthz")
        client.get("/v1/no%0Asuch")
    searched, missing = [record.message for record in caplog.records if record.name == "lsr.service.requests"]
    assert searched.startswith("GET /v1/search 200 ")
    assert missing.startswith("GET /v1/no%0Asuch 404 ")


def test_other_origins_are_let_in_only_if_told(client: TestClient) -> None:
    headers = {"Origin": "https://app.example"}
    assert "access-control-allow-origin" not in client.get("/healthz", headers=headers).headers
    settings = ServiceSettings(cors_origins=("https://app.example",))
    with TestClient(create_app(FakeSearcher(), settings)) as open_client:
        for response in (open_client.get("/healthz", headers=headers), open_client.get("/nowhere", headers=headers)):
            assert response.headers["access-control-allow-origin"] == "https://app.example"
        other = open_client.get("/healthz", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
