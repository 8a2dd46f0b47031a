"""A folder of collections: finding, making and removing them, and their other names."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from root_client import BIRDS, created, found, serving

from lsr.collection.collection import Collection
from lsr.core.errors import IndexFormatError
from lsr.service import create_app


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with serving(tmp_path) as client:
        yield client


def filled(path: Path) -> None:
    with Collection.create(path, model="bm25") as collection:
        collection.add(BIRDS)


def test_an_empty_folder_is_ready_and_has_no_collections(client: TestClient, tmp_path: Path) -> None:
    assert client.get("/readyz").status_code == 200
    assert client.get("/v1/collections").json() == {"collections": []}
    refused = client.get("/v1/collections/birds")
    assert refused.status_code == 404 and "'birds': there are none yet" in refused.json()["detail"]
    # Looking leaves nothing behind.
    assert list(tmp_path.iterdir()) == []


def test_a_collection_is_made_described_and_removed(client: TestClient, tmp_path: Path) -> None:
    asked = {"name": "birds", "model": "bm25"}
    made = client.post("/v1/collections", json=asked)
    assert (made.status_code, made.headers["location"]) == (201, "/v1/collections/birds")
    assert client.get(made.headers["location"]).json() == made.json()
    assert (made.json()["documents"], made.json()["model"]) == (0, "bm25")
    again = client.post("/v1/collections", json=asked)
    assert again.status_code == 409 and "choose another" in again.json()["detail"]
    [listed] = client.get("/v1/collections").json()["collections"]
    assert listed == {"name": "birds", "documents": 0, "model": "bm25", "dense": None, "aliases": []}
    assert client.delete("/v1/collections/birds").status_code == 204
    assert client.get("/v1/collections/birds").status_code == 404
    assert [entry.name for entry in tmp_path.iterdir()] == [".service"]
    assert client.post("/v1/collections", json=asked).status_code == 201


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "..", "ä", "a" * 129, "-a", "a b", "a\n"])
def test_a_name_is_one_of_a_folder(client: TestClient, name: str) -> None:
    refused = client.post("/v1/collections", json={"name": name, "model": "bm25"})
    assert refused.status_code == 422 and refused.json()["errors"][0]["pointer"] == "#/name"


def test_a_collection_that_cannot_be_made_leaves_nothing(client: TestClient, tmp_path: Path) -> None:
    for asked in ({"model": "no-such-model"}, {"model": "bm25", "schema": {"year": "number"}}, {"mean_length": -1}):
        refused = client.post("/v1/collections", json={"name": "birds", **asked})
        assert refused.status_code == 422, refused.text
        assert str(tmp_path) not in refused.text
    assert client.get("/v1/collections").json() == {"collections": []}
    assert not list((tmp_path / ".service" / "making").iterdir())


def test_what_lies_in_the_folder_is_served_by_name(tmp_path: Path) -> None:
    filled(tmp_path / "birds")
    filled(tmp_path / "also birds")
    (tmp_path / "notes").mkdir()
    with serving(tmp_path) as client:
        assert [each["name"] for each in client.get("/v1/collections").json()["collections"]] == ["birds"]
        assert found(client, "birds", "migrate")
        # Whoever makes one beside the server needs nothing but the folder.
        filled(tmp_path / "later")
        assert found(client, "later", "owls hunt") == ["owl"]
        missing = client.get("/v1/collections/brids/search", params={"q": "owls"})
        assert missing.status_code == 404 and "there are 'birds', 'later'" in missing.json()["detail"]
        nameless = client.get("/v1/search", params={"q": "owls"})
        assert nameless.status_code == 404 and "/v1/collections/NAME/search" in nameless.json()["detail"]


def test_every_reading_endpoint_is_there_under_the_name(tmp_path: Path) -> None:
    filled(tmp_path / "birds")
    with serving(tmp_path) as client:
        base = "/v1/collections/birds"
        assert client.post(f"{base}/search", json={"text": "owls", "filter": "year == 2024"}).json()["hits"]
        assert client.post(f"{base}/explain", json={"text": "owls", "id": "owl"}).json()["matches"]
        assert client.get(f"{base}/documents/owl").json()["title"] == "The owl"
        assert client.post(f"{base}/encode", json={"texts": ["owls"]}).json()["model"] == "bm25"
        described = client.get(base).json()
        assert described["fields"] == {"tags": "keyword[]", "year": "integer"} and described["documents"] == 3


def test_a_server_of_one_serves_nothing_else(tmp_path: Path) -> None:
    filled(tmp_path / "birds")
    filled(tmp_path / "others")
    with serving(tmp_path / "birds") as client:
        assert found(client, "birds", "owls") == ["owl"]
        assert client.get("/v1/search", params={"q": "owls"}).json()["hits"][0]["id"] == "owl"
        assert client.get("/v1/index").json()["documents"] == 3
        assert [each["name"] for each in client.get("/v1/collections").json()["collections"]] == ["birds"]
        assert client.get("/v1/collections/others").status_code == 404
        refused = client.post("/v1/collections", json={"name": "more", "model": "bm25"})
        assert refused.status_code == 409 and "start it with the folder" in refused.json()["detail"]
        assert client.delete("/v1/collections/birds").status_code == 409


def test_an_alias_is_swapped_in_one_step(client: TestClient, tmp_path: Path) -> None:
    created(client, "old", BIRDS[:1])
    created(client, "new", BIRDS[1:])
    assert client.put("/v1/aliases/live", json={"collection": "old"}).json() == {"alias": "live", "collection": "old"}
    assert found(client, "live", "migrate") == ["tern"]
    assert client.put("/v1/aliases/live", json={"collection": "new"}).status_code == 200
    assert found(client, "live", "migrate") == ["stork"]
    assert client.get("/v1/aliases").json() == {"aliases": [{"alias": "live", "collection": "new"}]}
    assert client.get("/v1/collections/live").json()["aliases"] == ["live"]
    # What an alias stands for stays, and nothing else is called like it.
    assert client.delete("/v1/collections/new").status_code == 409
    assert client.delete("/v1/collections/live").status_code == 404
    assert client.post("/v1/collections", json={"name": "live", "model": "bm25"}).status_code == 409
    assert client.put("/v1/aliases/old", json={"collection": "new"}).status_code == 409
    assert client.put("/v1/aliases/next", json={"collection": "none"}).status_code == 404
    assert client.delete("/v1/aliases/live").status_code == 204
    assert client.delete("/v1/aliases/live").status_code == 404
    assert client.get("/v1/collections/live").status_code == 404
    kept = tmp_path / ".service" / "aliases.json"
    assert json.loads(kept.read_text()) == {} and stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_aliases_are_there_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        created(client, "birds", BIRDS)
        client.put("/v1/aliases/live", json={"collection": "birds"})
    with serving(tmp_path) as client:
        assert found(client, "live", "owls") == ["owl"]


def test_a_damaged_collection_does_not_keep_the_others(tmp_path: Path) -> None:
    filled(tmp_path / "birds")
    filled(tmp_path / "broken")
    (tmp_path / "broken" / "manifest.json").write_text("{")
    with serving(tmp_path) as client:
        assert client.get("/readyz").status_code == 200
        assert found(client, "birds", "owls") == ["owl"]
        listed = {each["name"]: each for each in client.get("/v1/collections").json()["collections"]}
        assert "problem" not in listed["birds"] and "manifest.json" in listed["broken"]["problem"]
        refused = client.get("/v1/collections/broken/search", params={"q": "owls"})
        assert refused.status_code == 503 and "the warm-up failed" in refused.json()["detail"]
        assert str(tmp_path) not in refused.text + json.dumps(listed)


def test_a_folder_of_other_files_is_no_folder_of_collections(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text("{}")
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(IndexFormatError):
            create_app(path)


@pytest.mark.parametrize("damage", ["{", "\udcff", "[" * 3000, '{"live": 5}', None])
def test_aliases_that_cannot_be_read_are_told_at_every_door(tmp_path: Path, damage: str | None) -> None:
    filled(tmp_path / "birds")
    kept = tmp_path / ".service" / "aliases.json"
    with serving(tmp_path) as client:
        kept.parent.mkdir(exist_ok=True)
        if damage is None:
            kept.mkdir()
        else:
            kept.write_bytes(damage.encode(errors="surrogateescape"))
        for path in ("/v1/collections", "/v1/collections/live", "/v1/collections/live/search?q=birds", "/v1/aliases"):
            refused = client.get(path)
            assert refused.status_code == 500 and ".service/aliases.json: " in refused.json()["detail"], path
        if damage is None:
            kept.rmdir()
        else:
            kept.unlink()
        assert client.get("/v1/collections/birds/search?q=birds").status_code == 200
