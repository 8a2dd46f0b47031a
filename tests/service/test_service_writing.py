"""Writing documents over HTTP: what is told of each, what is there then, and what a mistake leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from root_client import BIRDS, NDJSON, created, found, put, serving

from lsr.collection.collection import Collection

DOCUMENTS = "/v1/collections/birds/documents"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("root"), max_body_bytes=2000, max_bulk_bytes=1_000_000) as client:
        yield client


@pytest.fixture
def client(server: TestClient) -> Iterator[TestClient]:
    """Of a collection of three birds."""
    created(server, "birds", BIRDS)
    yield server
    assert server.delete("/v1/collections/birds").status_code == 204


def post(client: TestClient, body: Any, **headers: str) -> Any:
    return client.post(DOCUMENTS, content=body, headers={**NDJSON, **headers})


def test_each_document_has_its_result_in_order(client: TestClient) -> None:
    answer = put(client, "birds", [{"_id": "gull", "text": "Gulls cry."}, BIRDS[0], {"_id": "gull", "text": "New."}])
    assert answer == {
        "results": [
            {"id": "gull", "status": "created"},
            {"id": "tern", "status": "replaced"},
            {"id": "gull", "status": "replaced"},
        ],
        "created": 1,
        "replaced": 2,
        "errors": 0,
    }
    assert client.get(f"{DOCUMENTS}/gull").json()["text"] == "New."
    assert found(client, "birds", "cry") == []


def test_a_bad_line_is_its_own_error(client: TestClient) -> None:
    lines = [b'{"_id": "a", "text": "good one"}', b"", b"{nonsense", b"[1]", b'{"_id": "b"}', b'\xff{"_id": 1}']
    lines += [b'{"_id": "c", "text": "' + b"x" * 3000 + b'"}', b'{"id": "d", "text": "last", "text": "twice"}']
    answer = post(client, b"\r\n".join([*lines, b'{"id": 7, "text": "good two"}'])).json()
    told = [(each["id"], each["status"], each.get("line")) for each in answer["results"]]
    assert told == [
        ("a", "created", None),
        ("", "error", 3),
        ("", "error", 4),
        ("b", "error", 5),
        ("", "error", 6),
        ("", "error", 7),
        ("", "error", 8),
        ("7", "created", None),
    ]
    errors = [each["error"] for each in answer["results"] if "error" in each]
    for error, says in zip(errors, ("malformed", "an array", "'text'", "UTF-8", "2,000 bytes", "twice"), strict=True):
        assert says in error
    assert found(client, "birds", "good") == ["7", "a"]


def test_an_array_is_read_as_it_comes(client: TestClient) -> None:
    documents = [{"_id": f"n{number}", "text": f'[{number}] \\ " number'} for number in range(600)]
    body = json.dumps(documents, indent=1).encode()

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(body), 97):
            yield body[at : at + 97]

    answer = client.post(DOCUMENTS, content=pieces(), headers={"Content-Type": "application/json"}).json()
    assert [each["id"] for each in answer["results"]] == [f"n{number}" for number in range(600)]
    assert answer["created"] == 600
    one = client.post(DOCUMENTS, json={"_id": "single", "text": "alone"}).json()
    assert one["results"] == [{"id": "single", "status": "created"}]
    assert client.post(DOCUMENTS, json=[]).json()["results"] == []
    mixed = client.post(DOCUMENTS, json=[{"_id": "x", "text": "x"}, 5, "y"]).json()
    told = [(each["status"], each.get("line")) for each in mixed["results"]]
    assert told == [("created", None), ("error", 2), ("error", 3)]


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"id,text\n1,hello\n", "application/x-ndjson", "nothing in the body is a document: line 1: malformed"),
        (b"", "application/x-ndjson", "the body is empty"),
        (b"", "application/json", "ends within a document, or before the end of its array"),
        (b"[1, 2", "application/json", "before the end of its array"),
        (b"[tru]", "application/json", "element 1"),
        (b"nonsense", "application/json", "where an array of documents belongs"),
        (b"[] []", "application/json", "where the end of the body belongs"),
        (b"\xff[]", "application/json", "not UTF-8"),
        (b"[" * 100_000, "application/json", "nested too deeply"),
    ],
)
def test_a_body_that_is_no_json_is_refused(client: TestClient, body: bytes, kind: str, says: str) -> None:
    refused = client.post(DOCUMENTS, content=body, headers={"Content-Type": kind})
    assert refused.status_code == 400 and refused.json()["type"].endswith("malformed-json"), refused.text
    assert says in refused.json()["detail"]


def test_other_types_and_larger_bodies_are_refused(client: TestClient) -> None:
    for kind in ("text/csv", "application/x-www-form-urlencoded", ""):
        refused = client.post(DOCUMENTS, content=b"{}", headers={"Content-Type": kind})
        assert refused.status_code == 415 and "application/x-ndjson" in refused.json()["detail"]
    line = json.dumps({"_id": "big", "text": "x" * 1000}).encode() + b"\n"
    assert post(client, line * 1000).status_code == 413

    def streamed() -> Iterator[bytes]:
        for _ in range(1000):
            yield line

    assert post(client, streamed()).status_code == 413


def test_a_broken_array_tells_how_many_were_written(client: TestClient) -> None:
    good = ",".join(json.dumps({"_id": f"n{number}", "text": "good"}) for number in range(300))
    refused = client.post(DOCUMENTS, content=f"[{good}, oops]", headers={"Content-Type": "application/json"})
    assert refused.status_code == 400 and "256 documents of this body were written before" in refused.json()["detail"]


def test_an_etag_is_of_the_content(client: TestClient) -> None:
    first = client.get(f"{DOCUMENTS}/tern")
    etag = first.headers["etag"]
    for given in (etag, f'"other", W/{etag}', "*"):
        unchanged = client.get(f"{DOCUMENTS}/tern", headers={"If-None-Match": given})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", etag)
    assert client.get(f"{DOCUMENTS}/tern", headers={"If-None-Match": '"other"'}).status_code == 200
    changed = client.patch(f"{DOCUMENTS}/tern", json={"fields": {"year": 2021, "tags": None, "seen": True}})
    assert changed.json()["fields"] == {"year": 2021, "seen": True}
    assert changed.headers["etag"] == client.get(f"{DOCUMENTS}/tern").headers["etag"] != etag
    assert found(client, "birds", "migrate pole") == ["tern", "stork"]


def test_a_write_can_depend_on_what_was_read(client: TestClient) -> None:
    etag = client.get(f"{DOCUMENTS}/tern").headers["etag"]
    renewed = client.patch(f"{DOCUMENTS}/tern", json={"fields": {"year": 1}}, headers={"If-Match": etag})
    assert renewed.status_code == 200
    for refused in (
        client.patch(f"{DOCUMENTS}/tern", json={"fields": {"year": 2}}, headers={"If-Match": etag}),
        client.delete(f"{DOCUMENTS}/tern", headers={"If-Match": etag}),
        client.delete(f"{DOCUMENTS}/nobody", headers={"If-Match": "*"}),
    ):
        assert refused.status_code == 412 and "fetch it again" in refused.json()["detail"], refused.text
    assert client.get(f"{DOCUMENTS}/tern").json()["fields"]["year"] == 1
    gone = client.delete(f"{DOCUMENTS}/tern", headers={"If-Match": renewed.headers["etag"]})
    assert gone.json() == {"deleted": True}


def test_deleting_what_is_not_there_is_told(client: TestClient) -> None:
    assert client.delete(f"{DOCUMENTS}/owl").json() == {"deleted": True}
    assert client.delete(f"{DOCUMENTS}/owl").json() == {"deleted": False}
    assert found(client, "birds", "owls") == []
    patched = client.patch(f"{DOCUMENTS}/owl", json={"fields": {"year": 1}})
    assert patched.status_code == 404


def test_many_are_deleted_by_id_or_filter(client: TestClient) -> None:
    path = "/v1/collections/birds/delete"
    assert client.post(path, json={"ids": ["tern", "nobody"]}).json() == {"deleted": 1, "missing": ["nobody"]}
    assert client.post(path, json={"filter": "year >= 2024"}).json() == {"deleted": 2, "missing": []}
    assert client.get("/v1/collections/birds").json()["documents"] == 0
    for wrong in ({}, {"ids": [], "filter": "year == 1"}, {"filter": {}}, {"ids": [1]}, {"filter": "nonsense =="}):
        refused = client.post(path, json=wrong)
        assert refused.status_code == 422, (wrong, refused.text)


def test_another_writer_is_in_the_way(tmp_path: Path) -> None:
    with Collection.create(tmp_path / "birds", model="bm25") as collection, serving(tmp_path) as client:
        collection.add(BIRDS)
        for refused in (
            client.post(DOCUMENTS, json=BIRDS),
            client.delete(f"{DOCUMENTS}/owl"),
            client.delete("/v1/collections/birds"),
        ):
            assert refused.status_code == 409, refused.text
            assert "writes to this collection" in refused.json()["detail"] and str(tmp_path) not in refused.text
        collection.close()
        assert client.delete(f"{DOCUMENTS}/owl").json() == {"deleted": True}


def test_a_stopped_server_leaves_what_it_told_and_lets_others_write(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        created(client, "birds", BIRDS)
    with Collection.open(tmp_path / "birds") as collection:
        assert len(collection) == 3
    with serving(tmp_path / "birds") as client:
        assert client.delete(f"{DOCUMENTS}/owl").json() == {"deleted": True}
        assert client.get("/v1/search", params={"q": "owls"}).json()["hits"] == []
