"""Counts, facets, batches, figures and passages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from root_client import BIRDS, created, put, serving

BASE = "/v1/collections/birds"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("root"), max_texts=3) as client:
        created(client, "birds", BIRDS)
        yield client


def test_documents_are_counted(client: TestClient) -> None:
    def count(**asked: object) -> int:
        response = client.post(f"{BASE}/count", json=asked)
        assert response.status_code == 200, response.text
        return int(response.json()["count"])

    assert count() == 3
    assert count(filter="year == 2024") == 2
    assert count(text="migrate") == 2
    assert count(text="migrate", filter={"eq": {"year": 2024}}) == 1
    assert count(text="migrate", min_score=1e9) == 0
    assert client.post(f"{BASE}/count", json={"k": 3}).status_code == 422


def test_values_are_counted(client: TestClient) -> None:
    answer = client.post(f"{BASE}/facets", json={"facets": ["tags", "year"], "text": "migrate"}).json()
    assert answer["total"] == {"value": 2, "relation": "exact"}
    assert {each["value"] for each in answer["facets"]["tags"]["values"]} == {"sea", "far", "land"}
    every = client.post(f"{BASE}/facets", json={"facets": "year"}).json()["facets"]["year"]
    assert every["values"] == [{"value": 2024, "documents": 2}, {"value": 2020, "documents": 1}]
    for wrong in ({}, {"facets": "nothing"}):
        assert client.post(f"{BASE}/facets", json=wrong).status_code == 422


def test_a_document_has_its_terms_and_their_weights(client: TestClient) -> None:
    answer = client.get(f"{BASE}/terms/tern").json()
    told = {each["term"]: each["weight"] for each in answer["terms"]}
    assert (answer["id"], answer["count"]) == ("tern", len(told))
    assert {"word:tern", "word:migrat", "word:pole"} <= set(told)
    # As a search sees them.
    hit = client.post(f"{BASE}/search", json={"text": "tern pole", "explain": True}).json()["hits"][0]
    for match in hit["matches"]:
        assert told[match["term"]] == match["document_weight"]
    assert list(told.values()) == sorted(told.values(), reverse=True)
    assert len(client.get(f"{BASE}/terms/tern?most=2").json()["terms"]) == 2
    assert client.get(f"{BASE}/terms/dodo").status_code == 404
    assert client.get(f"{BASE}/terms/tern?most=0").status_code == 422


def test_one_search_of_a_batch_may_fail(client: TestClient) -> None:
    searches = [{"text": "owls"}, {"text": "owls", "k": 0}, {"vector": {"nonsense": 1}}]
    first, second, third = client.post(f"{BASE}/search/batch", json={"searches": searches}).json()["answers"]
    assert [hit["id"] for hit in first["hits"]] == ["owl"]
    assert (second["status"], second["errors"][0]["pointer"]) == (422, "#/k")
    assert (third["status"], third["errors"][0]["pointer"]) == (422, "#/vector/nonsense")
    refused = client.post(f"{BASE}/search/batch", json={"searches": [{"text": "owls"}] * 4})
    assert refused.status_code == 422 and "at most 3 searches" in refused.json()["detail"]


def test_hits_have_the_passages_that_matched(client: TestClient) -> None:
    asked = {"text": "storks migrate", "highlight": {"size": 20, "passages": 2}, "include_text": False}
    best = client.post(f"{BASE}/search", json=asked).json()["hits"][0]
    text = BIRDS[1]["text"]
    assert "matches" not in best and "text" not in best and len(best["passages"]) == 2
    marked = {}
    for passage in best["passages"]:
        assert text[passage["start"] :].startswith(passage["text"])
        for word in passage["words"]:
            marked[passage["text"][word["start"] : word["end"]]] = word["weight"]
    assert set(marked) == {"Storks", "migrate"}
    # The rarer word gave more.
    assert marked["Storks"] > marked["migrate"] > 0
    plain = client.post(f"{BASE}/search", json={"text": "owls"}).json()["hits"][0]
    assert "passages" not in plain
    assert client.post(f"{BASE}/search", json={"text": "owls", "highlight": {"size": 1}}).status_code == 422


def test_figures_are_of_what_is_there(client: TestClient) -> None:
    created(client, "more", [{"_id": str(number), "text": "word " * (number + 1)} for number in range(40)])
    put(client, "more", [{"_id": "0", "text": "another word"}])
    stats = client.get("/v1/collections/more/stats").json()
    assert (stats["documents"], stats["in_memory"], stats["deleted"], stats["segments"]) == (40, 41, 1, [])
    assert sum(bar["count"] for bar in stats["lengths"]) == stats["sampled"] == 40
    assert sum(bar["count"] for bar in stats["weights"]) == 41
    assert stats["frequent_terms"][0]["documents"] == 40 and "word" in stats["frequent_terms"][0]["term"]
    assert stats["bytes"]["log"] > 0 and stats["writing"] is True
