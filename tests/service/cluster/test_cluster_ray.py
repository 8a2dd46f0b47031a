"""The same on a cluster of Ray: whole answers, a replica that is killed, and another build that goes live."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from patience import PATIENCE

from lsr import Document, Retriever
from lsr.build.sharded.job import index_sharded
from lsr.core.errors import IndexFormatError
from lsr.encoding.lexical.alone import WordsAlone
from lsr.index import Index
from lsr.service import ServiceSettings

pytestmark = [pytest.mark.slow, pytest.mark.process]


def documents(count: int) -> list[Document]:
    return [Document(f"d{n}", f"word{n % 7} word{n % 5} word{n % 3}") for n in range(count)]


class Client:
    def __init__(self, port: int) -> None:
        self._at = f"http://127.0.0.1:{port}/v1/"

    def search(self, text: str, k: int = 20, **headers: str) -> dict[str, Any]:
        data = json.dumps({"text": text, "k": k}).encode()
        asked = Request(f"{self._at}search", data, {"Content-Type": "application/json", **headers})
        with urlopen(asked, timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def status(self) -> int:
        """Of a search."""
        try:
            self.search("word1")
        except HTTPError as error:
            return error.code
        return 200


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Client]]:
    """A collection of two shards, and a client of it."""
    pytest.importorskip("ray.serve")
    from ray_clusters import ray_cluster

    from lsr.service.cluster.deployment import Deployed
    from lsr.service.cluster.serving import serve_on_ray

    path = tmp_path_factory.mktemp("served") / "shards"
    index_sharded(documents(60), path, WordsAlone(), shards=2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stop, ready, failed = threading.Event(), threading.Event(), list[BaseException]()
    how = Deployed(replicas=(2, 2), cpus=0.2)

    def run() -> None:
        try:
            serve_on_ray(path, ServiceSettings(), port=port, how=how, until=stop, ready=ready)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    with ray_cluster():
        thread.start()
        try:
            until(lambda: ready.is_set() or failed)
            assert not failed, failed
            yield path, Client(port)
        finally:
            stop.set()
            thread.join()


def until(true: Callable[[], Any]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it never was"
        time.sleep(0.05)


def test_answers_are_those_of_one_process(served: tuple[Path, Client]) -> None:
    path, client = served
    retriever = Retriever(Index.open(path))
    for text in ("word1", "word2 word4", "word6 word0"):
        hits = client.search(text)["hits"]
        assert [hit["id"] for hit in hits] == [hit.id for hit in retriever.search(text, 20).hits]


def test_a_replica_is_killed_under_load(served: tuple[Path, Client]) -> None:
    _, client = served
    before, statuses, stop = client.search("word1 word2")["hits"], list[int](), threading.Event()

    def load() -> None:
        while not stop.is_set():
            statuses.append(client.status())

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        kill_a_replica("shard-1")
        many = len(statuses) + 40
        until(lambda: len(statuses) >= many)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200}
    assert client.search("word1 word2")["hits"] == before


def kill_a_replica(name: str) -> None:
    """End a process of a deployment at once, whatever it does."""
    import ray
    from ray._private.state import actors  # the public way asks a dashboard

    replica = next(each["Name"] for each in actors().values() if name in each["Name"] and each["State"] == "ALIVE")
    ray.kill(ray.get_actor(replica, namespace="serve"))


def test_another_build_goes_live_without_a_request_that_fails(served: tuple[Path, Client]) -> None:
    path, client = served
    statuses, stop = list[int](), threading.Event()

    def load() -> None:
        while not stop.is_set():
            statuses.append(client.status())

    thread = threading.Thread(target=load)
    thread.start()
    try:
        index_sharded(documents(90), path, WordsAlone(), shards=2, force=True)
        until(lambda: "d89" in [hit["id"] for hit in client.search(f"word{89 % 7}", 90)["hits"]])
    finally:
        stop.set()
        thread.join()
    assert set(statuses) == {200}
    hits = Retriever(Index.open(path)).search("word1", 90).hits
    assert [hit["id"] for hit in client.search("word1", 90)["hits"]] == [hit.id for hit in hits]


def test_one_index_is_not_for_a_cluster(tmp_path: Path) -> None:
    from lsr.build.corpus import index_corpus
    from lsr.service.cluster.serving import serve_on_ray

    index_corpus(documents(5), tmp_path / "index", WordsAlone())
    with pytest.raises(IndexFormatError, match="no collection of shards"):
        serve_on_ray(tmp_path / "index")
