"""A server of a folder of collections, and a client of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr.service import ServiceSettings, create_app

NDJSON = {"Content-Type": "application/x-ndjson"}
BIRDS = [
    {"_id": "tern", "text": "Terns migrate from pole to pole.", "year": 2020, "tags": ["sea", "far"]},
    {"_id": "stork", "text": "Storks glide on warm air, and migrate over land.", "year": 2024, "tags": ["land"]},
    {"_id": "owl", "title": "The owl", "text": "Owls hunt at night.", "year": 2024},
]


@contextmanager
def serving(root: Path, **settings: Any) -> Iterator[TestClient]:
    """A client of a server of a folder, once it is warm."""
    app = create_app(root, ServiceSettings(**{"search_threads": 2, **settings}))
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def created(client: TestClient, name: str = "birds", documents: Iterable[dict[str, Any]] = (), **more: Any) -> None:
    """Make a collection of words with these documents."""
    response = client.post("/v1/collections", json={"name": name, "model": "bm25", **more})
    assert response.status_code == 201, response.text
    if documents:
        assert put(client, name, documents)["errors"] == 0


def put(client: TestClient, name: str, documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Write documents as lines; the answer."""
    body = "".join(json.dumps(each) + "\n" for each in documents)
    response = client.post(f"/v1/collections/{name}/documents", content=body, headers=NDJSON)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def found(client: TestClient, name: str, query: str) -> list[str]:
    """The ids of the hits of a query."""
    response = client.get(f"/v1/collections/{name}/search", params={"q": query})
    assert response.status_code == 200, response.text
    return [hit["id"] for hit in response.json()["hits"]]
