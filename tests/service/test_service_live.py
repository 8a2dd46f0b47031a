"""A served collection that others write to: each request sees what was there when it began."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr.collection.collection import Collection
from lsr.search.live import LiveRetriever
from lsr.service import ServiceSettings, create_app
from lsr.service.backend import Served


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A collection of words, of one document."""
    path = tmp_path / "collection"
    with Collection.create(path, model="bm25") as collection:
        collection.add({"_id": "tern", "text": "terns migrate from pole to pole"})
    return path


@pytest.fixture
def client(path: Path) -> Iterator[TestClient]:
    """Of a server that looks at every request."""
    app = create_app(LiveRetriever.follow(path, every=0), ServiceSettings(search_threads=2))
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def found(client: TestClient, query: str) -> list[str]:
    response = client.get("/v1/search", params={"q": query})
    assert response.status_code == 200, response.text
    return [hit["id"] for hit in response.json()["hits"]]


def test_every_endpoint_sees_what_was_written(client: TestClient, path: Path) -> None:
    assert found(client, "storks glide") == []
    with Collection.open(path) as collection:
        collection.add({"_id": "stork", "text": "storks glide on warm air", "year": 2024})
        assert found(client, "storks glide") == ["stork"]
        assert client.get("/v1/documents/stork").json()["fields"] == {"year": 2024}
        assert client.get("/v1/index").json()["documents"] == 2
        asked = {"text": "gliding", "id": "stork"}
        assert client.post("/v1/explain", json=asked).json()["matches"]
        collection.compact()
        collection.delete("tern")
        assert found(client, "poles") == [] and found(client, "storks glide") == ["stork"]
        assert client.get("/v1/documents/tern").status_code == 404
        collection.compact()
        assert found(client, "storks glide") == ["stork"]
        assert client.get("/v1/index").json()["index"]["deleted"] == 0


def test_a_request_keeps_the_snapshot_that_it_began_with(path: Path) -> None:
    served = Served(LiveRetriever.follow(path, every=0))
    before = served.now()
    assert served.now() is before
    with Collection.open(path) as collection:
        collection.delete("tern")
        collection.compact()
        assert [hit.id for hit in before.search("poles").hits] == ["tern"]
        assert served.now().search("poles").hits == []


def test_an_index_that_is_gone_is_served_on_and_said_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    served = Served(LiveRetriever.follow(path, every=0))
    shutil.move(path, path.with_name("elsewhere"))
    for _ in range(3):
        assert [hit.id for hit in served.now().search("poles").hits] == ["tern"]
    said = [record.getMessage() for record in caplog.records if "serving what was read before" in record.getMessage()]
    assert len(said) == 1 and "no index here" in said[0]
    with Collection.create(path, model="bm25") as collection:
        collection.add({"_id": "new", "text": "a new beginning"})
    assert [hit.id for hit in served.now().search("poles beginning").hits] == ["new"]


@pytest.mark.process
@pytest.mark.slow
def test_what_another_process_adds_is_found(path: Path) -> None:
    app = create_app(path, ServiceSettings(search_threads=2))
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        document = json.dumps({"_id": "owl", "text": "owls hunt at night"})
        command = [sys.executable, "-c", "from lsr.cli.app import main; main()", "add", str(path), "-"]
        subprocess.run(command, input=document, text=True, check=True, capture_output=True)
        until(lambda: found(client, "hunting owls") == ["owl"])


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
