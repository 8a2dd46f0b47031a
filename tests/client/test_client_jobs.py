"""Long work of a server: begun, waited for, given up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from scripted_server import Answer, scripted
from served import BIRDS, URL, serving

from lsr.client import AsyncClient, Client, JobState, RemoteCollection
from lsr.core.errors import ConflictError, NotFoundError, ServerError

DONE = {
    "id": "j1",
    "kind": "reindex",
    "collection": "birds",
    "status": "done",
    "done": 3,
    "total": 3,
    "result": {"a": 1},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory.mktemp("root")) as transport, Client(URL, transport=transport) as client:
        client.create("birds", model="bm25")
        client.collection("birds").add(BIRDS)
        yield client


@pytest.fixture
def birds(client: Client) -> RemoteCollection:
    return client.collection("birds")


def test_a_collection_is_compacted_and_encoded_again(client: Client, birds: RemoteCollection) -> None:
    job = birds.compact()
    assert job.state.kind == "compact" and job.state.collection == "birds"
    assert job.wait() == {"documents": 3}
    assert job.state.over and job.state.status == "done"
    seen: list[JobState] = []
    assert birds.reindex("bm25").wait(progress=seen.append)["documents"] == 3
    assert seen[-1].status == "done"
    assert birds.reindex("bm25", keep=True).wait()["documents"] == 3
    assert birds.go_back().wait()["documents"] == 3
    with pytest.raises(ServerError, match="no version of it was kept"):
        birds.go_back().wait()
    assert birds.forget() is False
    assert birds.reindex("bm25", weight_scale=0.5, keep=True).wait()["documents"] == 3
    assert birds.forget() is True
    with pytest.raises(ServerError, match="no version of it was kept"):
        birds.go_back().wait()
    assert {each.kind for each in client.jobs()} >= {"compact", "reindex", "go-back"}
    assert client.job(job.state.id).refresh() == job.state


def test_a_snapshot_is_taken_restored_and_removed(client: Client, birds: RemoteCollection) -> None:
    birds.snapshot("before").wait()
    birds.delete("owl")
    [kept] = birds.snapshots()
    assert (kept.name, kept.documents) == ("before", 3)
    birds.restore("before", "again").wait()
    assert client.collection("again").search("owls").hits[0].id == "owl" and birds.get("owl") is None
    birds.add(BIRDS)
    client.drop("again")
    birds.drop_snapshot("before")
    assert birds.snapshots() == []
    with pytest.raises(NotFoundError):
        birds.drop_snapshot("before")


def test_work_that_fails_says_why(birds: RemoteCollection) -> None:
    with pytest.raises(ServerError, match=r"the job .* \(reindex of 'birds'\) failed: .*no-such-model"):
        birds.reindex("no-such-model").wait()
    done = birds.compact()
    done.wait()
    with pytest.raises(ConflictError):
        done.cancel()


def answer(**more: Any) -> Answer:
    return Answer({**DONE, **more})


def test_waiting_ends(birds: RemoteCollection) -> None:
    running = answer(status="running", done=1, result=None)
    with scripted(running, running, answer()) as script, Client(script.url) as client:
        assert client.job("j1").wait() == {"a": 1}
    with scripted(running) as script, Client(script.url) as client:
        job = client.job("j1")
        with pytest.raises(ServerError, match="is not done after 0 s: it goes on"):
            job.wait(timeout=0)
        assert (job.state.done, job.state.total) == (1, 3)
    with scripted(answer(status="cancelled")) as script, Client(script.url) as client:
        assert client.job("j1").cancel().status == "cancelled"
        with pytest.raises(ServerError, match="was cancelled"):
            client.job("j1").wait()


def test_work_is_begun_once() -> None:
    """An answer that was lost may be one of a job that runs: another is not begun."""
    with scripted(Answer(status=503)) as script, Client(script.url) as client:
        for begin in (
            lambda at: at.compact(),
            lambda at: at.snapshot(),
            lambda at: at.reindex("bm25"),
            lambda at: at.go_back(),
            lambda at: at.forget(),
        ):
            with pytest.raises(ServerError):
                begin(client.collection("birds"))
    assert [asked.method for asked in script.asked] == ["POST"] * 5


def test_the_same_from_asyncio() -> None:
    async def calls(url: str) -> Any:
        async with AsyncClient(url) as client:
            job = await client.collection("birds").compact()
            assert job.state.status == "running"
            return await job.wait()

    with scripted(answer(status="running"), answer()) as script:
        assert asyncio.run(calls(script.url)) == {"a": 1}
