"""Several who change a folder of collections: threads, two servers, another process, and those that were killed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from patience import PATIENCE
from root_client import BIRDS, created, found, put, serving

from lsr.collection.collection import Collection
from lsr.service.backend import SearchBackend
from lsr.service.collections.root import Root
from lsr.service.collections.served import ServedCollection


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with serving(tmp_path, search_threads=4) as client:
        yield client


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What some threads return that begin together."""
    ready = threading.Barrier(count)

    def begun(number: int) -> Any:
        ready.wait(PATIENCE)
        return work(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(begun, range(count)))


def test_of_those_who_make_one_collection_one_does(client: TestClient, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        asked = {"name": name, "model": "bm25"}
        statuses = at_once(6, lambda _, asked=asked: client.post("/v1/collections", json=asked).status_code)
        assert sorted(statuses) == [201, 409, 409, 409, 409, 409]
    assert list((tmp_path / ".service" / "making").iterdir()) == []


def test_no_name_is_of_a_collection_and_an_alias(client: TestClient) -> None:
    created(client, "birds")
    for turn in range(5):
        name = f"either-{turn}"
        made, alias = at_once(
            2,
            lambda number, name=name: (
                (
                    client.put(f"/v1/aliases/{name}", json={"collection": "birds"})
                    if number
                    else client.post("/v1/collections", json={"name": name, "model": "bm25"})
                ).status_code
            ),
        )
        assert (made, alias) in ((201, 409), (409, 200))


def test_aliases_of_two_servers_are_all_kept(tmp_path: Path) -> None:
    roots = [Root.at(tmp_path), Root.at(tmp_path)]
    roots[0].create("birds", model="bm25")

    def name_all(number: int) -> None:
        for turn in range(10):
            roots[number].alias(f"alias-{number}-{turn}", "birds")

    at_once(2, name_all)
    assert roots[0].aliases.of("birds") == sorted(f"alias-{number}-{turn}" for number in (0, 1) for turn in range(10))
    for root in roots:
        root.close()


def test_a_search_by_an_alias_always_finds_a_collection(client: TestClient) -> None:
    """While the alias is swapped, again and again, and what it stood for before is removed."""
    created(client, "birds-0", BIRDS)
    client.put("/v1/aliases/birds", json={"collection": "birds-0"})
    over = threading.Event()

    def search() -> list[Any]:
        wrong = []
        while not over.is_set():
            response = client.get("/v1/collections/birds/search?q=migrate")
            if response.status_code != 200 or len(response.json()["hits"]) != 2:
                wrong.append(response.text)
        return wrong

    with ThreadPoolExecutor(3) as threads:
        searches = [threads.submit(search) for _ in range(3)]
        try:
            for turn in range(1, 8):
                created(client, f"birds-{turn}", BIRDS)
                assert client.put("/v1/aliases/birds", json={"collection": f"birds-{turn}"}).status_code == 200
                assert client.delete(f"/v1/collections/birds-{turn - 1}").status_code == 204
        finally:
            over.set()
        assert [search.result() for search in searches] == [[], [], []]


def test_a_search_that_has_begun_by_an_alias_goes_to_what_it_stands_for_now(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    created(client, "old", BIRDS[:1])
    created(client, "new", BIRDS)
    client.put("/v1/aliases/birds", json={"collection": "old"})
    now = ServedCollection.now

    def late(collection: ServedCollection) -> SearchBackend:
        """The alias is swapped after a request has found the collection, and before it reads it."""
        if collection.name == "old" and client.app.state.root.aliases.of("old"):  # type: ignore[attr-defined]
            client.app.state.root.alias("birds", "new")  # type: ignore[attr-defined]
            client.app.state.root.delete("old")  # type: ignore[attr-defined]
        return now(collection)

    monkeypatch.setattr(ServedCollection, "now", late)
    assert found(client, "birds", "migrate") == ["tern", "stork"]


def test_what_a_collection_that_is_removed_meanwhile_answers(client: TestClient) -> None:
    """Writers and readers of a collection that is removed and made again: whole answers, or that it is not there."""
    over = threading.Event()

    def ask(number: int) -> set[int]:
        statuses = set()
        while not over.is_set():
            if number % 2:
                body = b"".join(orjson.dumps(bird) + b"\n" for bird in BIRDS)
                headers = {"Content-Type": "application/x-ndjson"}
                response = client.post("/v1/collections/birds/documents", content=body, headers=headers)
            else:
                response = client.get("/v1/collections/birds/search?q=migrate")
            statuses.add(response.status_code)
        return statuses

    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(ask, number) for number in range(4)]
        try:
            for _ in range(15):
                created(client, "birds")
                assert client.delete("/v1/collections/birds").status_code == 204
        finally:
            over.set()
        assert set().union(*(each.result() for each in asked)) <= {200, 404}
    created(client, "birds", BIRDS)
    assert found(client, "birds", "migrate") == ["tern", "stork"]


def test_a_writer_beside_the_server_is_told_of_and_waited_for(client: TestClient, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "birds", model="bm25") as beside:
        beside.add(BIRDS[:1])
        refused = client.post("/v1/collections/birds/documents", json=BIRDS[1:])
        assert refused.status_code == 409 and "writes to" in refused.json()["detail"]
        for method, path in (("POST", "/compact"), ("DELETE", "/documents/tern"), ("DELETE", "")):
            assert client.request(method, f"/v1/collections/birds{path}").status_code == 409, path
        assert found(client, "birds", "migrate") == ["tern"]
    assert put(client, "birds", BIRDS)["errors"] == 0
    assert found(client, "birds", "migrate") == ["tern", "stork"]


def test_what_was_killed_leaves_nothing_for_the_next(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        created(client, "birds", BIRDS)
    kept = tmp_path / ".service"
    for folder in ("making/gulls-1", "removed/gulls-1", "snapshots/birds/.gone.tmp"):
        (kept / folder).mkdir(parents=True)
        (kept / folder / "manifest.json").write_text("half")
    with serving(tmp_path) as client:
        assert [path for folder in ("making", "removed", "snapshots/birds") for path in (kept / folder).glob("*")] == []
        assert client.get("/v1/collections/birds/snapshots").json() == {"snapshots": []}
        assert found(client, "birds", "migrate") == ["tern", "stork"]


def test_what_another_server_is_making_is_left_to_it(tmp_path: Path) -> None:
    other = Root.at(tmp_path)
    with other.making("gulls") as folder:
        Collection.create(folder, model="bm25").close()
        with serving(tmp_path) as client:
            assert client.get("/v1/collections").json() == {"collections": []}
    assert other.names() == ["gulls"]
    other.close()


def test_a_collection_that_is_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    with Collection.create(tmp_path / "elsewhere", model="bm25") as collection:
        collection.add(BIRDS)
    root = tmp_path / "root"
    root.mkdir()
    (root / "birds").symlink_to(tmp_path / "elsewhere")
    with serving(root) as client:
        assert found(client, "birds", "migrate") == ["tern", "stork"]
        assert client.delete("/v1/collections/birds").status_code == 204
        assert client.get("/v1/collections/birds").status_code == 404
        assert list((root / ".service" / "removed").iterdir()) == []
    with Collection.open(tmp_path / "elsewhere") as collection:
        assert len(collection) == 3
