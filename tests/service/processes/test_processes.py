"""Several processes that answer on one port, and one that writes for them."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from patience import PATIENCE
from running_server import RunningServer, answers, running, until

from lsr.service.keys.roles import Role
from lsr.service.keys.store import KeyStore

pytestmark = [
    pytest.mark.process,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked up as on Linux"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One with a collection, `notes`, of two documents."""
    folder = tmp_path_factory.mktemp("processes")
    (folder / "root").mkdir()
    with running(folder / "root", folder / "log") as server:
        made = httpx.post(f"{server.url}/v1/collections", json={"name": "notes", "model": "bm25"}, timeout=PATIENCE)
        assert made.status_code == 201
        yield server


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/v1/collections/notes", timeout=PATIENCE) as client:
        yield client


def found(server: RunningServer, text: str) -> list[str]:
    """The ids that a search finds, on a connection of its own: another process may take it."""
    answer = httpx.post(f"{server.url}/v1/collections/notes/search", json={"text": text}, timeout=PATIENCE)
    return [hit["id"] for hit in answer.raise_for_status().json()["hits"]]


def test_a_write_that_was_waited_for_is_seen_by_all(server: RunningServer, client: httpx.Client) -> None:
    for number in range(3):
        answer = client.post("/documents?wait=true", json=[{"_id": str(number), "text": "a cat"}])
        assert answer.json()["results"] == [{"id": str(number), "status": "created"}]
        expected = [str(each) for each in range(number + 1)]
        assert [found(server, "cat") for _ in range(6)] == [expected] * 6
    assert client.delete("/documents/1?wait=true").json() == {"deleted": True}
    assert [found(server, "cat") for _ in range(6)] == [["0", "2"]] * 6


def test_what_writes_refuse_comes_back_as_it_is(client: httpx.Client) -> None:
    refused = client.post("/documents", content=b"no json", headers={"Content-Type": "application/json"})
    assert refused.status_code == 400 and refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["x-request-id"] == refused.json()["request_id"]
    assert client.patch("/documents/nothing", json={"fields": {"year": 1}}).status_code == 404
    assert len(refused.headers.get_list("date")) == 1


def test_an_id_of_dots_and_slashes_is_not_taken_for_another(server: RunningServer, client: httpx.Client) -> None:
    for id in ("a/../b", "b"):
        client.post("/documents", json=[{"_id": id, "text": "an eel"}])
    # As bytes: a client may send them so, and httpx would make another path of them.
    target = b"/v1/collections/notes/documents/a/../b"
    assert client.request("DELETE", "/", extensions={"target": target}).json() == {"deleted": True}
    assert client.request("DELETE", "/", extensions={"target": target}).json() == {"deleted": False}
    assert client.delete("/documents/b?wait=true").json() == {"deleted": True}


def test_large_bodies_stream_through(client: httpx.Client) -> None:
    def lines() -> Iterator[bytes]:
        for number in range(3000):
            yield b'{"_id": "many-%d", "text": "dogs"}\n' % number

    answer = client.post("/documents", content=lines(), headers={"Content-Type": "application/x-ndjson"})
    assert answer.json()["created"] == 3000
    assert client.post("/delete", json={"filter": '_id ^= "many-"'}).json()["deleted"] == 3000


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_what_is_passed_on_is_answered_as_its_client_can_read_it(client: httpx.Client, coding: str) -> None:
    lines = b"".join(b'{"_id": "read-%d", "text": "Geese fly by night."}\n' % number for number in range(100))
    kind = {"Content-Type": "application/x-ndjson", "Accept-Encoding": coding}
    with client.stream("POST", "/documents", content=lines, headers=kind) as answer:
        body = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding", "identity") == coding
    assert json.loads(gzip.decompress(body) if coding == "gzip" else body)["created"] == 100
    assert client.post("/delete", json={"filter": '_id ^= "read-"'}).json()["deleted"] == 100


def test_jobs_are_those_of_the_one_that_writes(server: RunningServer, client: httpx.Client) -> None:
    job = client.post("/compact").json()
    url = f"{server.url}/v1/jobs/{job['id']}"
    until(lambda: httpx.get(url, timeout=PATIENCE).json()["status"] == "done")


def test_metrics_are_those_of_all(server: RunningServer) -> None:
    line = re.compile(r'lsr_http_requests_total\{.*route="/healthz",.*\} ([\d.]+)')

    def counted() -> float:
        text = httpx.get(f"{server.url}/metrics", timeout=PATIENCE).text
        return sum(float(number) for number in line.findall(text))

    before = counted()
    for _ in range(20):
        assert answers(f"{server.url}/healthz")
    until(lambda: counted() == before + 20)
    # Known to the one that writes alone.
    assert 'lsr_collection_merges_running{collection="notes"} 0.0' in httpx.get(f"{server.url}/metrics").text


def test_a_process_that_is_killed_is_started_again(server: RunningServer) -> None:
    before = server.readers()
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(set(server.readers()) - {before[0]}) == 2)
    assert found(server, "cat") == ["0", "2"]


def test_keys_count_in_all_processes_and_a_signal_lets_writes_end(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    store = KeyStore(root)
    admin, reader = (store.create(role)[0] for role in (Role.ADMIN, Role.READ))
    with running(root, tmp_path / "log") as server:
        client = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {admin}"}, timeout=PATIENCE)
        assert client.post("/v1/collections", json={"name": "notes", "model": "bm25"}).status_code == 201
        refused = client.post(
            "/v1/collections/notes/documents", json=[{"_id": "a"}], headers={"Authorization": f"Bearer {reader}"}
        )
        assert refused.status_code == 403

        # The body has begun when the signal comes, and ends after it.
        def lines() -> Iterator[bytes]:
            for number in range(600):
                if number == 300:
                    until(lambda: httpx.get(f"{documents}/0", headers=client.headers).status_code == 200)
                    server.process.send_signal(signal.SIGTERM)
                    until(lambda: not answers(f"{server.url}/healthz"))
                yield b'{"_id": "%d", "text": "a cat"}\n' % number

        documents = f"{server.url}/v1/collections/notes/documents"
        answer = client.post(documents, content=lines(), headers={"Content-Type": "application/x-ndjson"})
        assert answer.json()["created"] == 600
        ended = server.readers()
        server.process.wait(PATIENCE)
        assert not any(Path(f"/proc/{id}/exe").exists() for id in ended)


def test_those_that_read_end_with_the_one_that_writes(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    with running(tmp_path / "root", tmp_path / "log") as server:
        readers = server.readers()
        server.process.kill()
        server.process.wait()
        until(lambda: not any(Path(f"/proc/{id}/exe").exists() for id in readers))
