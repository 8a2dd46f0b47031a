"""The OpenAPI document against a real index: every example works, every answer fits its schema, nothing makes a 500."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patience import PATIENCE

from lsr import Document, Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.build.dense import add_dense_vectors
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.index import BmpSettings, Index, IndexSettings, SeismicSettings, Tuning, add_dense, store_tuning
from lsr.index.fusion.settings import modes, sparse_modes
from lsr.search.flat import flat_options
from lsr.service import ServiceSettings, create_app
from lsr.service.api.limits import WEIGHTS
from lsr.service.schemas import documents, encode, examples, explain, health, problems, search, terms
from lsr.text.windows import WindowSettings

MODES = list(sparse_modes())
PARAMETERS = [name for name, option in flat_options().items() if option.modes]
ANSWERS = {
    model.__name__: model
    for model in (
        documents.DocumentAnswer,
        encode.EncodeAnswer,
        explain.ExplainAnswer,
        health.IndexAnswer,
        health.Status,
        search.BatchAnswer,
        search.SearchAnswer,
        terms.TermsAnswer,
    )
}
DOCUMENTS = [
    Document(**examples.DOCUMENT),
    Document("json.dumps", "Serialize obj to a JSON formatted string.", "json.dumps", {"module": "json", "big": 2**80}),
    Document("os.walk", "Generate the file names in a directory tree by walking it.", "os.walk"),
    Document("time.sleep", "Suspend execution of the calling thread for some seconds.", "time.sleep"),
    Document("shutil", "Copy and remove files and whole folders of a disk.", "shutil"),
]

MEASURED: Any = {"measured_recall": 0.99, "mean_us": 50.0, "queries": 100}


@pytest.fixture(scope="module")
def index_path(encoder: SparseEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("served") / "index"
    index = index_corpus(DOCUMENTS, path, encoder, settings=IndexSettings(seismic=SeismicSettings(), bmp=BmpSettings()))
    store_tuning(index, Tuning(k=10, recall=0.95, mode="approximate", parameters={"cut": 0.01}, **MEASURED))
    store_tuning(index, Tuning(k=10, recall=0.99, mode="exact", parameters={}, **MEASURED))
    add_dense_vectors(index, DenseEncoder.load("minilm"))
    return path


@pytest.fixture(scope="module")
def app(index_path: Path) -> FastAPI:
    return create_app(index_path, ServiceSettings(search_threads=4, queue=100))


@pytest.fixture(scope="module")
def served(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        assert client.get("/readyz").json() == {"status": "ready"}
        yield client


def operations() -> list[tuple[str, str]]:
    """Those of a server of one index; `test_service_openapi_collections.py` has the others."""
    paths = create_app(_NOTHING).openapi()["paths"]
    of_others = ("/v1/collections", "/v1/aliases", "/v1/jobs")
    return [(method, path) for path, item in paths.items() for method in item if not path.startswith(of_others)]


class _Nothing:
    """Never started, only described."""


_NOTHING: Any = _Nothing()


def requests_of(operation: dict[str, Any]) -> list[tuple[dict[str, str], Any]]:
    """The example parameters and bodies that an operation shows."""
    parameters = {"q": examples.QUESTION, "id": examples.DOCUMENT_ID}
    given = {item["name"]: parameters[item["name"]] for item in operation.get("parameters", []) if item["required"]}
    if "requestBody" not in operation:
        return [(given, None)]
    shown = operation["requestBody"]["content"]["application/json"]["examples"]
    return [(given, example["value"]) for example in shown.values()]


@pytest.mark.parametrize(("method", "path"), operations())
def test_every_example_is_answered_as_described(served: TestClient, method: str, path: str) -> None:
    document = served.get("/openapi.json").json()
    operation = document["paths"][path][method]
    described = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    # What the document shows as an answer has the form that it describes, too.
    model = ANSWERS[described]
    model.model_validate(document["components"]["schemas"][described]["example"])
    for parameters, body in requests_of(operation):
        query = {name: value for name, value in parameters.items() if f"{{{name}}}" not in path}
        response = served.request(method, path.format(**parameters), params=query, json=body)
        assert response.status_code == 200, response.text
        assert set(response.json()) <= set(model.model_fields)
        model.model_validate(response.json())
        if "hits" in response.json():
            assert response.json()["hits"][0]["id"] == examples.DOCUMENT_ID


def test_errors_are_described_as_problem_documents(served: TestClient) -> None:
    document = served.get("/openapi.json").json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    refusals = [
        (status, response)
        for item in document["paths"].values()
        for operation in item.values()
        for status, response in operation["responses"].items()
        if not status.startswith(("2", "304"))
    ]
    assert {status for status, _ in refusals} == {
        *("400", "401", "403", "404", "409", "412", "413", "415", "422", "429", "503")
    }
    for _, response in refusals:
        [(media_type, content)] = response["content"].items()
        assert media_type == "application/problem+json"
        assert content["schema"]["$ref"] == "#/components/schemas/Problem"
    problems.Problem.model_validate(document["components"]["schemas"]["Problem"]["example"])


def test_encoded_query_searches_like_its_text(served: TestClient) -> None:
    text = {"text": "walk through the files of a folder"}
    by_text = served.post("/v1/search", json=text).json()
    [vector] = served.post("/v1/encode", json={"texts": [text["text"]]}).json()["vectors"]
    assert list(vector.values()) == sorted(vector.values(), reverse=True)
    by_vector = served.post("/v1/search", json={"vector": vector}).json()
    assert by_text["hits"][0]["id"] == "os.walk"
    assert by_vector["hits"] == by_text["hits"]


def test_a_plan_times_its_stages_and_says_what_each_gave(served: TestClient) -> None:
    plan = {
        "retrieve": {"mode": "hybrid", "sparse": {"mode": "exhaustive"}, "dense": {"mode": "exact"}},
        "feedback": {"method": "rm3", "documents": 2},
        "fusion": {"method": "z_score", "dense_weight": 0.25, "completion": "candidates"},
    }
    asked = {"text": examples.QUESTION, "explain": True, **plan}
    answer = served.post("/v1/search", json=asked).json()
    search.SearchAnswer.model_validate(answer)
    assert (answer["mode"], answer["dense_weight"], answer["stats"]["mode"]) == ("hybrid", 0.25, "exhaustive")
    stages = ["encode sparse", "encode dense", "sparse", "dense", "feedback", "fuse"]
    assert list(answer["timings"]["stages_ms"]) == stages
    for hit in answer["hits"]:
        parts = [hit["stages"][side]["contribution"] for side in ("sparse", "dense")]
        assert sum(parts) == pytest.approx(hit["score"], abs=1e-5)
    # The short form: a mode.
    short = served.post("/v1/search", json={"text": examples.QUESTION, "mode": "dense"}).json()
    assert short["stats"] is None and short["dense_stats"]["kind"] == "flat" and len(short["hits"]) == len(DOCUMENTS)
    assert (
        served.get("/v1/search", params={"q": examples.QUESTION, "mode": "sparse-first"}).json()["mode"]
        == "sparse-first"
    )


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"mode": "exact", "retrieve": {}}, "#/mode: is short for retrieve"),
        ({"rerank": {}}, "started without a model to re-rank with"),
        ({"mode": "hybrid", "retrieve": {"depth": 5000}}, "#/mode: is short for retrieve"),
        ({"retrieve": {"mode": "hybrid", "depth": 5000}}, "#/retrieve/depth: this server goes at most 1,000 hits deep"),
        ({"fusion": {}}, "#/fusion: goes with mode hybrid or sparse-first"),
        (
            {"fusion": {"completion": "exact"}, "retrieve": {"mode": "hybrid", "dense": {"effort": 9}}},
            "#/retrieve/dense: completion 'exact' needs an exact search",
        ),
        ({"mode": "hybrid", "feedback": {"interpolate": "before"}}, "#/feedback/interpolate: 'before' ranks by"),
        ({"feedback": {"documents": 101}}, "#/feedback/documents: feedback uses at most 100 documents"),
        ({"feedback": {"terms": 5000}}, "#/feedback/terms: a query has at most 4,096 terms"),
        ({"retrieve": {"mode": "dense", "dense": {"mode": "tree"}}}, "#/retrieve/dense/mode: must be auto, exact"),
        ({"retrieve": {"sparse": {"parameters": {"heap_facter": 1}}}}, "#/retrieve/sparse/parameters/heap_facter"),
        ({"fusion": {"metod": "rrf"}, "mode": "hybrid"}, "#/fusion/metod: there is no such field; did you mean method"),
        ({"mode": [["hybrid"]]}, "#/mode: must be auto"),
        ({"mode": "hybird"}, "did you mean hybrid?"),
        ({"parameters": [1]}, "#/parameters: [1] are not the parameters of mode"),
        ({"retrieve": 5}, "#/retrieve: must be an object with fields, not 5"),
        ({"text": None, "vector": {"date": 1}, "mode": "hybrid"}, "can only search the sparse index"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(served: TestClient, asked: dict[str, Any], says: str) -> None:
    response = served.post("/v1/search", json={"text": examples.QUESTION, **asked})
    assert response.status_code == 422 and says in response.json()["detail"], response.text


def test_a_damaged_dense_part_leaves_sparse_search(encoder: SparseEncoder, tmp_path: Path) -> None:
    index = index_corpus(DOCUMENTS, tmp_path / "index", encoder)
    index = add_dense(index, [np.eye(len(DOCUMENTS), 8, dtype=np.float32)])
    (index.path / index.manifest.segment / index.manifest.segments[0].parts["dense"].folder / "vectors.npy").unlink()
    app = create_app(index.path, ServiceSettings(search_threads=1))
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        assert client.post("/v1/search", json={"text": examples.QUESTION}).json()["hits"]
        broken = client.post("/v1/search", json={"text": examples.QUESTION, "mode": "hybrid"})
        assert (
            broken.status_code == 500
            and "vectors.npy" in broken.text
            and broken.json()["detail"].endswith("; add the dense part again")
        )


def test_a_reranker_that_is_none_is_told_before_the_first_search(encoder: SparseEncoder, tmp_path: Path) -> None:
    index = index_corpus(DOCUMENTS, tmp_path / "index", encoder)
    app = create_app(index.path, ServiceSettings(search_threads=1, rerank="no-such-model"))
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        ready = client.get("/readyz")
        assert ready.status_code == 503 and "no-such-model" in ready.text


def test_matches_add_up_to_the_score(served: TestClient) -> None:
    asked = {"text": examples.QUESTION, "explain": True, "mode": "exact"}
    hits = served.post("/v1/search", json=asked).json()["hits"]
    for hit in hits:
        assert hit["score"] == pytest.approx(sum(match["contribution"] for match in hit["matches"]), rel=1e-4)
    why = served.post("/v1/explain", json={"text": examples.QUESTION, "id": hits[0]["id"]}).json()
    assert why["matches"] == hits[0]["matches"]


def test_more_hits_than_documents(served: TestClient) -> None:
    hits = served.post("/v1/search", json={"text": "file string date time", "k": 1000}).json()["hits"]
    assert 2 <= len(hits) <= len(DOCUMENTS)
    assert all(hit["score"] > 0 for hit in hits)


def test_every_mode_of_the_index_can_be_asked_for(served: TestClient, index_path: Path) -> None:
    assert set(MODES) == {"auto", *Index.open(index_path).sparse.modes}
    answers = {mode: served.post("/v1/search", json={"text": "file", "mode": mode}).json() for mode in MODES}
    for mode, answer in answers.items():
        assert answer["mode"] == answer["stats"]["mode"] == ("exact" if mode == "auto" else mode)
        assert answer["hits"] == answers["exhaustive"]["hits"]
    exact, exhaustive = answers["exact"]["stats"], answers["exhaustive"]["stats"]
    assert exact["frequent_cells"] > 0 and exact["blocks"] == 2 and exact["blocks_skipped"] < 2
    assert exhaustive == {**dict.fromkeys(exact, 0), "mode": "exhaustive", "documents_scored": 5, "direct": False}


def test_parameters_and_recall_reach_the_index(served: TestClient) -> None:
    def search(**asked: Any) -> Any:
        return served.post("/v1/search", json={"text": examples.QUESTION, **asked})

    few = search(mode="approximate", parameters={"max_blocks": 1, "heap_factor": 1}).json()["stats"]
    assert (few["mode"], few["blocks"] - few["blocks_skipped"]) == ("approximate", 1)
    assert search(recall=0.95).json()["mode"] == "approximate"
    assert search(recall=0.97).json()["mode"] == "exact"
    assert served.get("/v1/search", params={"q": "file", "recall": 0.97}).json()["mode"] == "exact"
    for asked, problem in [
        ({"recall": 0.999}, "not tuned for recall 0.999 at k 10"),
        ({"recall": 0.95, "k": 11}, "not tuned for recall 0.95 at k 11"),
        ({"recall": 0.95, "mode": "exact"}, "give recall without them"),
        ({"recall": 0.95, "parameters": {"cut": 0.1}}, "give recall without them"),
        (
            {"mode": "seismic", "parameters": {"cut": 0.1}},
            "#/parameters/cut: goes with mode auto or approximate, not 'seismic'",
        ),
        ({"mode": "approximate", "parameters": {"heap_factor": 0}}, "heap_factor must be a positive number"),
        (
            {"mode": "approximate", "parameters": {"heap": 1}},
            "#/parameters/heap: is not a parameter of mode 'approximate'; it has cut, heap_factor",
        ),
        ({"mode": "approximate", "parameters": {"max_blocks": 1.5}}, "#/parameters/max_blocks"),
        ({"recall": 1.5}, "#/recall"),
    ]:
        refused = search(**asked)
        assert refused.status_code == 422 and problem in refused.json()["detail"], asked


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("weight", WEIGHTS)
def test_extreme_weights_give_finite_scores(served: TestClient, mode: str, weight: float) -> None:
    asked = {"vector": {"date": weight, "string": weight}, "mode": mode, "explain": True}
    response = served.post("/v1/search", json=asked)
    assert response.status_code == 200, response.text
    hits = response.json()["hits"]
    assert hits[0]["id"] == examples.DOCUMENT_ID
    assert hits[0]["score"] == pytest.approx(sum(match["contribution"] for match in hits[0]["matches"]), rel=1e-4)


def test_stored_integers_beyond_64_bits_come_back_whole(served: TestClient) -> None:
    assert served.get("/v1/documents/json.dumps").json()["fields"] == {"module": "json", "big": 2**80}
    hits = served.post("/v1/search", json={"text": "json", "k": 5}).json()["hits"]
    assert [hit["fields"]["big"] for hit in hits if hit["id"] == "json.dumps"] == [2**80]


def test_many_clients_get_what_one_gets(served: TestClient) -> None:
    texts = [" ".join(["walk", "copy", "sleep", "date", "json"][: 1 + i % 5] * (1 + i % 7)) for i in range(24)]
    alone = [served.post("/v1/search", json={"text": text}).json()["hits"] for text in texts]
    together: list[Any] = [None] * len(texts)

    def ask(i: int) -> None:
        together[i] = served.post("/v1/search", json={"text": texts[i]}).json()["hits"]

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_an_index_of_windows(encoder: SparseEncoder, tmp_path: Path) -> None:
    text = f"{'Walk to the shop. ' * 20}Copy a file to a folder. {'Sleep well at night. ' * 20}"
    long = Document("a/long#1", text, "Long")
    windows = WindowSettings(words=30, stride=20)
    index_corpus([long, *DOCUMENTS], tmp_path / "index", encoder, windows=windows)
    app = create_app(tmp_path / "index", ServiceSettings())
    with TestClient(app) as client:
        app.state.service.warm_up.join(PATIENCE)
        hit = client.post("/v1/search", json={"text": "copy a file to a folder", "k": 1}).json()["hits"][0]
        search.SearchHit.model_validate(hit)
        assert hit["id"] == "a/long#1" and "Copy a file" in hit["text"]
        assert long.text[hit["window"]["start"] : hit["window"]["stop"]] == hit["text"]
        bare = client.get("/v1/search", params={"q": "copy a file", "k": 1, "include_text": False}).json()["hits"][0]
        assert "text" not in bare and bare["window"]["number"] == hit["window"]["number"]
        assert client.get("/v1/documents/a/long%231").json()["text"] == long.text
        about = client.get("/v1/index").json()
        assert about["documents"] == len(DOCUMENTS) + 1 < about["index"]["documents"]
        why = client.post("/v1/explain", json={"text": "copy a file to a folder", "id": "a/long#1"}).json()
        assert why["score"] == pytest.approx(hit["score"], rel=1e-5)


def test_the_retriever_is_what_the_service_asks_for(index_path: Path) -> None:
    from lsr.service.backend import SearchBackend

    backend: SearchBackend = Retriever.open(index_path)
    assert len(backend.index) == len(DOCUMENTS)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_FIELDS = st.sampled_from(
    [*search.SearchRequest.model_fields, *encode.EncodeRequest.model_fields, *explain.ExplainRequest.model_fields]
)
_VECTORS = st.dictionaries(st.sampled_from(["date", "string", "file"]), st.floats() | st.integers(), max_size=3)
_BODIES = st.dictionaries(_FIELDS, _JSON | _VECTORS, max_size=5) | st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(max_size=40),
        "vector": _VECTORS,
        "k": st.integers(-1, 1001),
        "offset": st.integers(-1, 1001),
        "mode": st.sampled_from(list(modes())),
        "recall": st.floats(0, 1),
        "parameters": st.dictionaries(st.sampled_from(PARAMETERS), st.floats() | st.integers(), max_size=2),
        "explain": st.booleans(),
    },
)


@pytest.mark.parametrize("path", ["/v1/search", "/v1/encode", "/v1/explain"])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_BODIES)
def test_no_body_makes_the_server_fail(served: TestClient, path: str, body: Any) -> None:
    response = served.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    if response.status_code != 200:
        assert response.status_code in (400, 404, 422), response.text
        assert response.headers["content-type"] == "application/problem+json"
    answer = orjson.loads(response.content)
    # An inner product of sparse vectors is positive, one of dense vectors need not be.
    of_dense = isinstance(body, dict) and body.get("mode") in list(modes())[len(sparse_modes()) :]
    least = -math.inf if of_dense else 0.0
    for hit in answer.get("hits", []):
        assert least < hit["score"] < math.inf
