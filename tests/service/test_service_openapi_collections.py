"""The OpenAPI document of collections: every example of every operation works, and every answer fits its schema."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from patience import PATIENCE
from pydantic import BaseModel
from test_service_jobs import ended

from lsr import Document, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.build.dense import add_dense_vectors
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.service import ServiceSettings, create_app, schemas
from lsr.service.openapi_file import described, document_file
from lsr.service.schemas import collection_examples, examples, job_examples

ROOT = Path(__file__).parents[2]
NAMES = {
    "collection": collection_examples.COLLECTION,
    "alias": collection_examples.ALIAS_NAME,
    "snapshot": job_examples.SNAPSHOT_NAME,
    "id": examples.DOCUMENT_ID,
}
DOCUMENTS = [
    Document(**examples.DOCUMENT),
    Document("json.dumps", "Serialize obj to a JSON formatted string.", "json.dumps", {"module": "json"}),
    Document("time.sleep", "Suspend execution of the calling thread for some seconds.", "time.sleep"),
]
MODELS: dict[str, type[BaseModel]] = {
    name: value
    for each in pkgutil.iter_modules(schemas.__path__)
    for name, value in vars(import_module(f"{schemas.__name__}.{each.name}")).items()
    if isinstance(value, type) and issubclass(value, BaseModel)
}
OF_ONE = ("/v1/search", "/v1/explain", "/v1/documents", "/v1/terms", "/v1/encode", "/v1/index", "/healthz", "/readyz")


@pytest.fixture(scope="module")
def app(encoder: SparseEncoder, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    root = tmp_path_factory.mktemp("root")
    add_dense_vectors(index_corpus(DOCUMENTS, root / NAMES["collection"], encoder), DenseEncoder.load("minilm"))
    return create_app(root, ServiceSettings(search_threads=2))


@pytest.fixture(scope="module")
def served(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def bodies(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """What a client sends for each example of a body."""
    found: list[dict[str, Any]] = []
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        for example in content["examples"].values():
            value = example["value"]
            text = value if isinstance(value, str) else json.dumps(value)
            found.append({"content": text, "headers": {"Content-Type": kind}})
    return found or [{}]


def test_every_example_is_answered_as_described(app: FastAPI, served: TestClient) -> None:
    document = served.get("/openapi.json").json()
    names = {**NAMES}
    job = ended(served, served.post("/v1/collections/docs/compact"))
    operations = [
        (method, path) for path, item in document["paths"].items() for method in item if not path.startswith(OF_ONE)
    ]
    # What is deleted last is what the others are about.
    operations.sort(key=lambda each: (each[0] == "delete", each == ("delete", "/v1/collections/{collection}")))
    assert len(operations) > 25
    for method, path in operations:
        operation = document["paths"][path][method]
        names["id"] = job["id"] if "/jobs" in path else NAMES["id"]
        query = {"q": examples.QUESTION} if method == "get" and path.endswith("/search") else {}
        for body in bodies(operation):
            response = served.request(method, path.format(**names), params=query, **body)
            if (method, path) == ("delete", "/v1/jobs/{id}"):
                assert response.status_code == 409 and "nothing to cancel" in response.text
                continue
            assert str(response.status_code) in operation["responses"], (method, path, response.text)
            assert response.status_code < 300, (method, path, response.text)
            if response.status_code == 202:
                assert ended(served, response)["status"] == "done"
            if response.status_code != 204:
                content = operation["responses"][str(response.status_code)]["content"]
                model = MODELS[content["application/json"]["schema"]["$ref"].rpartition("/")[2]]
                model.model_validate_json(response.content)
                assert set(response.json()) <= set(model.model_fields)
    assert served.get("/v1/collections/docs").status_code == 404


def test_what_the_document_shows_as_an_answer_is_one(served: TestClient) -> None:
    said = served.get("/openapi.json").json()["components"]["schemas"]
    shown = {name: schema["example"] for name, schema in said.items() if "example" in schema}
    assert len(shown) > 15
    for name, example in shown.items():
        MODELS[name].model_validate(example)


def test_the_document_that_is_checked_in_is_that_of_the_service() -> None:
    assert document_file(ROOT).read_bytes() == described(), (
        "docs/openapi.json is not what the service says: renew it with `python -m lsr.service.openapi_file`"
    )
