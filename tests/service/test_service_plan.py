"""A request is a plan: each limit, each wrong field by its place, and what is registered appears."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fake_searcher import FakeSearcher
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr.core.options import options_of
from lsr.index.engines.exhaustive.engine import Exhaustive
from lsr.index.engines.registry import ENGINES
from lsr.index.fusion.methods import METHODS, FusionMethod, Normaliser
from lsr.index.fusion.settings import modes
from lsr.search.flat import plan_of
from lsr.search.plan import SearchPlan
from lsr.service import ServiceSettings, create_app
from lsr.service.api import limits
from lsr.service.api.limits import plan_of_request
from lsr.service.schemas.search import SearchRequest

LIMITS = ServiceSettings(max_k=200, max_rerank=20, rerank="a-model", search_threads=1)


@pytest.fixture
def backend() -> FakeSearcher:
    return FakeSearcher()


@pytest.fixture
def client(backend: FakeSearcher) -> Iterator[TestClient]:
    app = create_app(backend, LIMITS)
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def refused(client: TestClient, **asked: Any) -> tuple[str, str]:
    """Place and reason of the one mistake in a request."""
    response = client.post("/v1/search", json={"text": "date", **asked})
    assert response.status_code == 422, response.text
    [error] = response.json()["errors"]
    return error["pointer"], error["detail"]


def test_a_plan_arrives_as_it_was_sent(client: TestClient, backend: FakeSearcher) -> None:
    plan = plan_of("hybrid", fusion="rrf", feedback="rm3", depth=150, sparse_mode="bmp", alpha=0.5)
    assert client.post("/v1/search", json={"text": "date", **plan.to_record()}).status_code == 200
    short = {"mode": "approximate", "parameters": {"cut": 0.5}}
    assert client.post("/v1/search", json={"text": "date", **short}).status_code == 200
    assert client.get("/v1/search", params={"q": "date", "recall": 0.5}).status_code == 200
    expected = [plan, plan_of("approximate", cut=0.5), plan_of(recall=0.5)]
    assert backend.plans == expected


def test_the_server_has_the_model_that_re_ranks(client: TestClient, backend: FakeSearcher) -> None:
    assert client.post("/v1/search", json={"text": "date", "rerank": {"depth": 20}}).status_code == 200
    assert backend.plans == [plan_of(rerank="a-model", rerank_depth=20)]
    assert refused(client, rerank={"model": "mine", "depth": 5})[0] == "#/rerank/model"


@pytest.mark.parametrize(
    ("asked", "place", "says"),
    [
        ({"rerank": {"depth": 21}}, "#/rerank/depth", "this server re-ranks at most 20 hits, not 21"),
        ({"rerank": {}}, "#/rerank/depth", "at most 20 hits, not 50"),
        (
            {"retrieve": {"mode": "hybrid", "depth": 201}},
            "#/retrieve/depth",
            "this server goes at most 200 hits deep, not 201",
        ),
        ({"feedback": {"terms": 4097}}, "#/feedback/terms", "a query has at most 4,096 terms, not 4,097"),
        ({"feedback": {"terms": 5, "documents": 101}}, "#/feedback/documents", "at most 100 documents"),
        ({"heap_factor": 1}, "#/heap_factor", "there is no such field"),
        (
            {"mode": "approximate", "parameters": {"heap_facter": 1}},
            "#/parameters/heap_facter",
            "did you mean heap_factor?",
        ),
        (
            {"retrieve": {"sparse": {"mode": "bmp", "parameters": {"query_cut": 1}}}},
            "#/retrieve/sparse/parameters/query_cut",
            "goes with mode seismic, not 'bmp'",
        ),
        ({"mode": "hybird"}, "#/mode", "did you mean hybrid?"),
        ({"fusion": {"method": "rrf"}}, "#/fusion", "goes with mode hybrid or sparse-first, not 'auto'"),
        ({"mode": "hybrid", "fusion": {"metod": "rrf"}}, "#/fusion/metod", "did you mean method?"),
        ({"mode": "approximate", "parameters": {"cut": "0.5"}}, "#/parameters/cut", "must be a number, not '0.5'"),
        ({"mode": "hybrid", "retrieve": {"depth": 5}}, "#/mode", "is short for retrieve"),
    ],
)
def test_a_wrong_field_is_named_by_its_place(client: TestClient, asked: dict[str, Any], place: str, says: str) -> None:
    found, reason = refused(client, **asked)
    assert found == place and says in reason


@pytest.mark.parametrize(("query", "parameter"), [("mode=hybird", "mode"), ("recall=2", "recall"), ("cut=1", "cut")])
def test_a_wrong_parameter_is_named(client: TestClient, query: str, parameter: str) -> None:
    response = client.get(f"/v1/search?q=date&{query}")
    assert response.status_code == 422 and response.json()["errors"][0]["parameter"] == parameter


def test_values_that_are_huge_or_deep_are_refused_shortly(client: TestClient) -> None:
    deep: Any = 5
    for _ in range(200):
        deep = [deep]
    for value in ("x" * 100_000, deep, ["x"] * 10_000, 10**400, {"a": deep}):
        for asked in ({"mode": value}, {"parameters": value}, {"fusion": value}, {"retrieve": {"depth": value}}):
            response = client.post("/v1/search", json={"text": "date", **asked})
            assert response.status_code == 422 and len(response.content) < 2000, asked


@pytest.mark.parametrize(
    ("pipeline", "plan"),
    [
        ({}, plan_of("hybrid")),
        ({"retrieve": {"vectors": "sparse", "dense": {"mode": "auto"}, "depth": 7}}, SearchPlan()),
        ({"retrieve": {"vectors": "dense", "sparse": {}}, "feedback": {}}, plan_of("dense", feedback="rocchio")),
        (
            {
                "retrieve": {"depth": 150, "sparse": {"mode": "bmp", "parameters": {"alpha": 0.5}}},
                "feedback": {"method": "rm3", "vectors": "dense"},
                "fuse": {"method": "rrf", "rank_constant": 9},
                "rerank": {"depth": 5},
            },
            plan_of(
                "hybrid",
                depth=150,
                sparse_mode="bmp",
                alpha=0.5,
                feedback="rm3",
                feedback_vectors="dense",
                fusion="rrf",
                rank_constant=9,
                rerank="a-model",
                rerank_depth=5,
            ),
        ),
    ],
)
def test_a_pipeline_of_0_1_is_still_read(
    client: TestClient, backend: FakeSearcher, pipeline: dict[str, Any], plan: SearchPlan
) -> None:
    with pytest.warns(FutureWarning, match="the stage names of 0.1"):
        assert client.post("/v1/search", json={"text": "date", "pipeline": pipeline}).status_code == 200
    assert backend.plans == [plan]
    assert refused(client, pipeline=pipeline, mode="exact")[0] == "#/pipeline"
    with pytest.warns(FutureWarning):
        assert refused(client, pipeline={"retrieve": {"vectors": "both"}})[0] == "#/retrieve/mode"


# -- the schema ------------------------------------------------------------------------------------------------------


def schemas() -> dict[str, Any]:
    found: dict[str, Any] = create_app(FakeSearcher()).openapi()["components"]["schemas"]
    return found


def test_the_schema_is_made_of_the_plans_fields() -> None:
    found = schemas()
    assert {option.name for option in options_of(SearchPlan)} <= set(found["SearchRequest"]["properties"])
    nodes = [option for option in options_of(SearchPlan) if option.node is not None]
    assert [option.name for option in nodes] == ["retrieve", "feedback", "fusion", "rerank"]
    for option in nodes:
        assert option.node is not None
        described = found[option.node.__name__]
        expected = {each.name for each in options_of(option.node)} - {"model"}
        assert set(described["properties"]) == expected and described["additionalProperties"] is False
    fusion = found["FusionSettings"]["properties"]
    assert fusion["method"]["enum"] == list(METHODS) and fusion["method"]["default"] == "tmm"
    assert fusion["rank_constant"]["minimum"] == 0 and fusion["completion"]["description"].startswith(
        "The score of a document"
    )
    assert found["SearchRequest"]["properties"]["mode"]["enum"] == list(modes())
    references = {each.get("$ref", "") for each in found["SearchRequest"]["properties"]["parameters"]["anyOf"]}
    assert {"#/components/schemas/SeismicParameters", "#/components/schemas/BmpParameters"} <= references


@dataclass(frozen=True, slots=True)
class ToyParameters:
    """What the toy is told.

    Attributes:
        zeal: How much it wants to find.
    """

    zeal: float = 1.0


class Toy(Exhaustive):
    """Exhaustive search by another name."""

    name = "toy"
    title = "tries very hard"
    Parameters = ToyParameters  # type: ignore[assignment]


def test_an_engine_and_a_method_that_are_registered_are_served(
    toy_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINES, "toy", Toy())
    monkeypatch.setitem(METHODS, "half", FusionMethod("halves", 0.5, lambda scores, least: Normaliser(0.0, 0.5)))
    found = schemas()
    assert found["ToyParameters"]["properties"]["zeal"]["description"] == "How much it wants to find."
    assert "`toy`: tries very hard" in found["SearchRequest"]["properties"]["mode"]["description"]
    assert "half" in found["FusionSettings"]["properties"]["method"]["enum"]
    app = create_app(toy_index, ServiceSettings(search_threads=1))
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        asked = {"text": "ice and birds", "mode": "toy", "parameters": {"zeal": 2}}
        exact = client.post("/v1/search", json={"text": "ice and birds", "mode": "exact"}).json()
        assert client.post("/v1/search", json=asked).json()["hits"] == exact["hits"] != []
        place, says = refused(client, mode="toy", parameters={"zeel": 2})
        assert place == "#/parameters/zeel" and "did you mean zeal?" in says
        # An index without dense vectors has the last word on a method that there is.
        response = client.post("/v1/search", json={"text": "ice", "mode": "hybrid", "fusion": {"method": "half"}})
        assert response.status_code == 422 and "dense" in response.text


def test_a_plan_is_read_once_for_requests_that_ask_in_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    from_record = SearchPlan.from_record

    def noted(record: Any) -> SearchPlan:
        read.append(record)
        return from_record(record)

    monkeypatch.setattr(SearchPlan, "from_record", noted)

    def plan(**asked: Any) -> SearchPlan:
        return plan_of_request(SearchRequest(text="birds", **asked), ServiceSettings())

    limits._kept_plan.cache_clear()
    assert plan(mode="exact") is plan(mode="exact") and plan(mode="exact") != plan(mode="exhaustive")
    assert read == [{"mode": "exact"}, {"mode": "exhaustive"}]
    # What is wrong is said each time, and what is long is not kept.
    for _ in range(2):
        with pytest.raises(RequestValidationError):
            plan(mode="nothing")
    long = f"tags in ({', '.join(repr(str(number)) for number in range(400))})".replace("'", '"')
    assert plan(filter=long) == plan(filter=long)
    assert len(read) == 6
    limits._kept_plan.cache_clear()
