"""HEAD, and the methods that a path takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from root_client import BIRDS, created, serving

from lsr.service.keys.roles import Role
from lsr.service.keys.store import KeyStore


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("root")) as client:
        created(client, "birds", BIRDS)
        yield client


@pytest.mark.parametrize(
    "path",
    [
        *("/healthz", "/readyz", "/", "/docs", "/metrics", "/openapi.json", "/v1/collections"),
        *("/v1/collections/birds/documents/owl", "/v1/collections/birds/documents/none", "/v1/nothing"),
    ],
)
def test_head_is_answered_as_get_without_the_body(client: TestClient, path: str) -> None:
    got, told = client.get(path), client.head(path)
    assert (told.status_code, told.content) == (got.status_code, b"") and got.content
    volatile = {"date", "x-request-id"} | ({"content-length"} if path == "/metrics" else set())
    assert {name: value for name, value in told.headers.items() if name not in volatile} == {
        name: value for name, value in got.headers.items() if name not in volatile
    }


def test_an_etag_counts_there_too(client: TestClient) -> None:
    path = "/v1/collections/birds/documents/owl"
    etag = client.head(path).headers["etag"]
    assert client.head(path, headers={"If-None-Match": etag}).status_code == 304


def test_a_key_is_needed_for_it_as_for_get(tmp_path: Path) -> None:
    key, _ = KeyStore(tmp_path).create(Role.READ)
    with serving(tmp_path) as client:
        assert client.head("/v1/collections").status_code == 401
        assert client.head("/v1/collections", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        assert client.head("/v1/jobs", headers={"Authorization": f"Bearer {key}"}).status_code == 403
        assert client.head("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/collections", "GET, HEAD, POST"),
        ("/v1/collections/birds", "DELETE, GET, HEAD"),
        ("/v1/collections/birds/documents/owl", "DELETE, GET, HEAD, PATCH"),
        ("/v1/collections/birds/compact", "POST"),
    ],
)
def test_what_a_path_takes_is_told(client: TestClient, path: str, methods: str) -> None:
    refused = client.put(path)
    assert refused.status_code == 405 and refused.headers["allow"] == methods
