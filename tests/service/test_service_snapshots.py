"""What is said of snapshots."""

import os
from typing import Any

import pytest
from fastapi.testclient import TestClient
from root_client import BIRDS, created, put, serving

from lsr.index import Index

PATH = "/v1/collections/birds/snapshots"


def _taken(client: TestClient, name: str) -> None:
    _done(client, client.post(PATH, json={"name": name}).json())


def _done(client: TestClient, job: dict[str, Any]) -> None:
    while job["status"] in ("queued", "running"):
        job = client.get(f"/v1/jobs/{job['id']}").json()
    assert job["status"] == "done", job


def _documents(client: TestClient) -> dict[str, Any]:
    return {each["name"]: each["documents"] for each in client.get(PATH).json()["snapshots"]}


def test_a_snapshot_is_counted_once(tmp_path, monkeypatch):
    with serving(tmp_path) as client:
        created(client, documents=BIRDS)
        _taken(client, "first")
        counted = client.get(PATH).json()
    with serving(tmp_path) as client:
        opened = []
        own = Index.open
        monkeypatch.setattr(Index, "open", lambda path, **more: opened.append(path) or own(path, **more))
        assert client.get(PATH).json() == counted
        assert counted["snapshots"][0]["documents"] == 3
        assert not opened


def test_a_snapshot_of_the_same_name_is_counted_again(tmp_path):
    with serving(tmp_path) as client:
        created(client, documents=BIRDS)
        _taken(client, "it")
        assert _documents(client) == {"it": 3}
        assert client.delete(f"{PATH}/it").status_code == 204
        assert not list(tmp_path.rglob("it.json"))
        put(client, "birds", [{"_id": "robin", "text": "Robins sing in winter."}])
        _taken(client, "it")
        assert _documents(client) == {"it": 4}


def test_counts_that_are_damaged_are_made_again(tmp_path):
    with serving(tmp_path) as client:
        created(client, documents=BIRDS)
        for name in ("cut", "odd"):
            _taken(client, name)
        next(tmp_path.rglob("cut.json")).write_text("{")
        next(tmp_path.rglob("odd.json")).write_text('{"of": 1, "documents": 17, "bytes": 1}')
        assert _documents(client) == {"cut": 3, "odd": 3}


@pytest.mark.parametrize("change", ["gone", "cut"])
def test_a_snapshot_that_is_damaged_later_is_told(tmp_path, change):
    with serving(tmp_path) as client:
        created(client, documents=BIRDS)
        _done(client, client.post("/v1/collections/birds/compact").json())
        _taken(client, "it")
        assert "problem" not in client.get(PATH).json()["snapshots"][0]
        arrays = sorted((tmp_path / ".service/snapshots/birds/it").glob("segment-*/*.npy"))
        for each in arrays:
            each.unlink() if change == "gone" else os.truncate(each, 100)
        (said,) = client.get(PATH).json()["snapshots"]
        assert arrays and "cannot be read" in said["problem"] and said["documents"] is None
