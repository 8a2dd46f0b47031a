"""Relevance over HTTP: of a collection that was calibrated, and of one that was not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr import Document
from lsr.build.corpus import index_corpus
from lsr.client.answers import info
from lsr.client.answers import response as answer_of
from lsr.encoding.lexical.alone import WordsAlone
from lsr.search.flat import plan_of
from lsr.search.relevance import (
    QUERY_WEIGHT,
    SPARSE_SCORE,
    Calibration,
    kind_of_search,
    made_by,
    store_calibration,
)
from lsr.service import ServiceSettings, create_app

BIRDS = [Document("tern", "birds far"), Document("star", "birds night sky"), Document("fish", "no wings")]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    path = tmp_path_factory.mktemp("relevance") / "index"
    index = index_corpus(BIRDS, path, WordsAlone())
    made = Calibration(
        search=kind_of_search(index, plan_of("auto")),
        made_by=made_by(index),
        intercept=0.5,
        weights={SPARSE_SCORE: 3.0, QUERY_WEIGHT: -3.0},
        judged=True,
        queries=40,
        documents=3,
    )
    store_calibration(index, made)
    app = create_app(path, ServiceSettings(search_threads=1))
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def test_hits_have_a_relevance_and_a_least_one_leaves_out_others(client: TestClient) -> None:
    found = client.post("/v1/search", json={"text": "far birds"}).json()
    said = [hit["relevance"] for hit in found["hits"]]
    assert [hit["id"] for hit in found["hits"]] == ["tern", "star"] and 1 > said[0] > said[1] > 0
    assert [hit.relevance for hit in answer_of(found)] == said
    least = (said[0] + said[1]) / 2
    for asked in (client.post("/v1/search", json={"text": "far birds", "min_relevance": least}),):
        assert [hit["id"] for hit in asked.json()["hits"]] == ["tern"]
        assert asked.json()["total"] == {"value": 1, "relation": "exact"}
    nothing = client.post("/v1/search", json={"text": "far birds", "min_relevance": 1}).json()
    assert nothing["hits"] == [] and nothing["total"] == {"value": 0, "relation": "exact"}


def test_what_is_not_calibrated_is_a_422(client: TestClient) -> None:
    asked = {"text": "birds", "min_relevance": 0.5, "feedback": {"method": "rm3"}}
    response = client.post("/v1/search", json=asked)
    assert response.status_code == 422 and "not calibrated" in response.text and "calibrate it" in response.text
    wrong = client.post("/v1/search", json={"text": "birds", "min_relevance": 2})
    assert wrong.status_code == 422 and wrong.json()["errors"][0]["pointer"] == "#/min_relevance"


def test_a_description_says_which_searches_are_calibrated(client: TestClient) -> None:
    (name,) = (each["name"] for each in client.get("/v1/collections").json()["collections"])
    record = client.get(f"/v1/collections/{name}").json()
    (said,) = record["calibrated"]
    assert said == {
        "mode": "sparse",
        "plain": True,
        "judged": True,
        "queries": 40,
        "documents": 3,
        "search": said["search"],
    }
    assert said["search"]["mode"] == "sparse"
    assert info(record).calibrated == [said]
