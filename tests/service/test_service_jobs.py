"""Long work on collections: compaction, another model, snapshots; its progress, its end, and what a restart tells."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from patience import PATIENCE
from root_client import BIRDS, created, found, put, serving

from lsr.collection import reindexing
from lsr.collection.collection import Collection
from lsr.core.errors import ConflictError
from lsr.index.collection import writer
from lsr.service.collections.jobs import Job, Jobs, Progress


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with serving(tmp_path) as client:
        created(client, "birds", BIRDS)
        yield client


def ended(client: TestClient, started: Any) -> dict[str, Any]:
    """The job that an answer tells of, once it is over."""
    assert started.status_code == 202, started.text
    path = started.headers["location"]
    assert path == f"/v1/jobs/{started.json()['id']}"
    deadline = time.monotonic() + PATIENCE
    while (job := client.get(path).json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return dict(job)


def test_compaction_is_a_job(client: TestClient) -> None:
    client.delete("/v1/collections/birds/documents/owl")
    job = ended(client, client.post("/v1/collections/birds/compact"))
    assert (job["kind"], job["collection"], job["status"]) == ("compact", "birds", "done")
    assert (job["done"], job["total"], job["result"]) == (2, 2, {"documents": 2})
    stats = client.get("/v1/collections/birds/stats").json()
    assert (len(stats["segments"]), stats["deleted"], stats["in_memory"], stats["documents"]) == (1, 0, 0, 2)
    assert [each["id"] for each in client.get("/v1/jobs").json()["jobs"]] == [job["id"]]


def test_how_far_a_compaction_is_and_giving_it_up(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    began, may_go_on = Event(), Event()
    build = writer.build_segment

    def slow(*given: Any, progress: Any = None, **options: Any) -> Any:
        def told(count: int) -> None:
            progress(count)
            began.set()
            assert may_go_on.wait(PATIENCE)

        return build(*given, progress=None if progress is None else told, **options)

    def merges_running() -> float:
        [found] = re.findall(r'lsr_collection_merges_running\{collection="birds"\} (\S+)', client.get("/metrics").text)
        return float(found)

    collection = client.app.state.root.find("birds").writer()  # type: ignore[attr-defined]
    collection.compact()
    put(client, "birds", [{"_id": f"gull-{number}", "text": "gulls cry"} for number in range(2)])
    assert merges_running() == 0
    monkeypatch.setattr(writer, "build_segment", slow)
    started = client.post("/v1/collections/birds/compact")
    assert began.wait(PATIENCE)
    running = client.get(started.headers["location"]).json()
    assert running["status"] == "running" and 0 < running["done"] < running["total"] == 5
    assert merges_running() == 1
    assert client.delete(started.headers["location"]).json()["status"] == "running"
    may_go_on.set()
    job = ended(client, started)
    assert job["status"] == "cancelled" and merges_running() == 0
    assert len(client.get("/v1/collections/birds/stats").json()["segments"]) == 2
    assert found(client, "birds", "owls gulls") == ["owl", "gull-0", "gull-1"]
    assert ended(client, client.post("/v1/collections/birds/compact"))["status"] == "done"


def test_another_model_is_a_job_and_is_told_when_there_is_none(client: TestClient) -> None:
    job = ended(client, client.post("/v1/collections/birds/reindex", json={"model": "bm25", "keep": True}))
    assert (job["status"], job["total"], job["result"]["documents"]) == ("done", 3, 3), job
    assert found(client, "birds", "owls") == ["owl"]
    put(client, "birds", [{"_id": "gull", "text": "gulls cry"}])
    assert found(client, "birds", "gulls") == ["gull"]
    job = ended(client, client.post("/v1/collections/birds/reindex", json={"model": "no-such-model"}))
    assert job["status"] == "failed" and "no-such-model" in job["error"]
    assert found(client, "birds", "gulls") == ["gull"]


def test_what_was_kept_is_gone_back_to_and_forth(client: TestClient) -> None:
    def model() -> str:
        return str(client.get("/v1/collections/birds").json()["model"])

    path = "/v1/collections/birds/go-back"
    refused = ended(client, client.post(path))
    assert refused["status"] == "failed" and "no version of it was kept" in refused["error"]
    assert "/" not in refused["error"]
    asked = {"model": "splade-tiny", "keep": True}
    assert ended(client, client.post("/v1/collections/birds/reindex", json=asked))["status"] == "done"
    assert model() == "splade-tiny"
    put(client, "birds", [{"_id": "gull", "text": "gulls cry"}])
    job = ended(client, client.post(path, json={"keep": True}))
    assert (job["kind"], job["status"], job["result"]["documents"]) == ("go-back", "done", 4), job
    assert (job["done"], job["total"]) == (4, 4)
    assert model() == "bm25" and found(client, "birds", "gulls") == ["gull"]
    assert ended(client, client.post(path))["status"] == "done" and model() == "splade-tiny"
    # The last one kept nothing.
    assert ended(client, client.post(path))["status"] == "failed" and model() == "splade-tiny"


def test_what_was_kept_is_forgotten(client: TestClient) -> None:
    path = "/v1/collections/birds/forget"
    assert client.post(path).json() == {"forgotten": False}
    asked = {"model": "bm25", "keep": True}
    assert ended(client, client.post("/v1/collections/birds/reindex", json=asked))["status"] == "done"
    assert client.post(path).json() == {"forgotten": True}
    assert client.post(path).json() == {"forgotten": False}
    refused = ended(client, client.post("/v1/collections/birds/go-back"))
    assert refused["status"] == "failed" and "no version of it was kept" in refused["error"]
    assert client.post("/v1/collections/none/forget").status_code == 404


def test_nothing_is_forgotten_while_another_version_is_made(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_go_on = Event(), Event()
    settings_for = reindexing.settings_for

    def slow(*given: Any) -> Any:
        began.set()
        assert may_go_on.wait(PATIENCE)
        return settings_for(*given)

    monkeypatch.setattr(reindexing, "settings_for", slow)
    started = client.post("/v1/collections/birds/reindex", json={"model": "bm25", "weight_scale": 0.5})
    assert began.wait(PATIENCE)
    refused = client.post("/v1/collections/birds/forget")
    assert refused.status_code == 409 and refused.json()["title"] == "Conflict"
    assert "a job is to be done on 'birds'" in refused.json()["detail"]
    may_go_on.set()
    assert ended(client, started)["status"] == "done"
    served = client.app.state.root.find("birds")  # type: ignore[attr-defined]
    assert served.writer().snapshot.manifest.weight_scale == 0.5


def test_a_way_back_that_waits_for_its_turn_is_not_forgotten(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"model": "bm25", "keep": True}
    assert ended(client, client.post("/v1/collections/birds/reindex", json=asked))["status"] == "done"
    began, may_go_on = Event(), Event()
    compact = Collection.compact

    def slow(*given: Any) -> None:
        began.set()
        assert may_go_on.wait(PATIENCE)
        compact(*given)

    monkeypatch.setattr(Collection, "compact", slow)
    client.post("/v1/collections/birds/compact")
    assert began.wait(PATIENCE)
    back = client.post("/v1/collections/birds/go-back")
    refused = client.post("/v1/collections/birds/forget")
    may_go_on.set()
    assert back.json()["status"] == "queued" and refused.status_code == 409
    assert ended(client, back)["status"] == "done"


def test_a_snapshot_becomes_another_collection(client: TestClient, tmp_path: Path) -> None:
    path = "/v1/collections/birds/snapshots"
    job = ended(client, client.post(path, json={"name": "monday"}))
    assert job["status"] == "done" and job["result"]["snapshot"] == "monday" and job["done"] > 0
    assert client.post(path, json={"name": "monday"}).status_code == 409
    client.delete("/v1/collections/birds/documents/owl")
    unnamed = ended(client, client.post(path))["result"]
    listed = client.get(path).json()["snapshots"]
    assert {each["name"]: each["documents"] for each in listed} == {"monday": 3, unnamed["snapshot"]: 2}
    assert client.post(f"{path}/monday/restore", json={"name": "birds"}).status_code == 409
    assert client.post(f"{path}/tuesday/restore", json={"name": "again"}).status_code == 404
    job = ended(client, client.post(f"{path}/monday/restore", json={"name": "again"}))
    assert job["result"] == {"collection": "again", "documents": 3}
    assert found(client, "again", "owls") == ["owl"] and found(client, "birds", "owls") == []
    # A collection that was removed can be had back.
    assert client.delete("/v1/collections/birds").status_code == 204
    assert len(client.get(path).json()["snapshots"]) == 2
    assert client.delete(f"{path}/{unnamed['snapshot']}").status_code == 204
    assert ended(client, client.post(f"{path}/monday/restore", json={"name": "birds"}))["status"] == "done"
    assert client.delete(f"{path}/monday").status_code == 204
    assert client.get(path).json() == {"snapshots": []}
    assert client.get("/v1/collections/nothing/snapshots").status_code == 404


def test_another_writer_is_in_the_way_of_a_job(tmp_path: Path) -> None:
    with Collection.create(tmp_path / "birds", model="bm25"), serving(tmp_path) as client:
        assert client.post("/v1/collections/birds/compact").status_code == 409
        assert client.get("/v1/jobs").json() == {"jobs": []}


def test_a_restarted_server_tells_of_a_job_that_was_cut_off(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        created(client, "birds", BIRDS)
        done = ended(client, client.post("/v1/collections/birds/compact"))
    # As a process leaves it that was killed.
    cut = {**done, "id": "0" * 16, "status": "running", "ended": None, "result": None}
    (tmp_path / ".service" / "jobs" / f"{'0' * 16}.json").write_bytes(orjson.dumps(cut))
    with serving(tmp_path) as client:
        told = client.get(f"/v1/jobs/{'0' * 16}").json()
        assert (told["status"], told["error"]) == ("failed", "the server stopped")
        assert client.get(f"/v1/jobs/{done['id']}").json() == done
        assert client.get("/v1/jobs/nothing").status_code == 404


class Working:
    """A job that waits until it is let go."""

    def __init__(self) -> None:
        self.began, self.may_end = Event(), Event()

    def __call__(self, job: Job, progress: Progress) -> dict[str, Any]:
        self.began.set()
        assert self.may_end.wait(PATIENCE)
        progress(1)
        return {"made": True}


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    jobs = Jobs(lambda: tmp_path / "jobs", lambda text: text)
    yield jobs
    jobs.close()


def until_over(jobs: Jobs, id: str) -> Job:
    deadline = time.monotonic() + PATIENCE
    while not (job := jobs.get(id)).is_over:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return job


def test_jobs_wait_for_one_another_and_can_be_cancelled(jobs: Jobs) -> None:
    first, second = Working(), Working()
    running = jobs.start("copy", "a", first, total=1, cancellable=True)
    waiting = jobs.start("copy", "b", second, total=1, cancellable=False)
    assert first.began.wait(PATIENCE) and not second.began.is_set()
    for busy in ("a", "b"):
        with pytest.raises(ConflictError, match=f"a job is to be done on '{busy}'"):
            jobs.check_idle(busy)
    assert jobs.cancel(waiting.id).status == "cancelled"
    assert jobs.cancel(running.id).status == "running"
    first.may_end.set()
    assert until_over(jobs, running.id).status == "cancelled"
    assert not second.began.is_set()
    jobs.check_idle("a")
    with pytest.raises(ConflictError, match="nothing to cancel"):
        jobs.cancel(running.id)


def test_one_that_cannot_be_cancelled_goes_on(jobs: Jobs) -> None:
    work = Working()
    job = jobs.start("compact", "a", work, total=None, cancellable=False)
    assert work.began.wait(PATIENCE)
    with pytest.raises(ConflictError, match="goes on to its end"):
        jobs.cancel(job.id)
    work.may_end.set()
    assert until_over(jobs, job.id).result == {"made": True}


def test_another_process_reads_the_jobs_and_begins_none(jobs: Jobs, tmp_path: Path) -> None:
    work = Working()
    job = jobs.start("compact", "a", work, total=None, cancellable=False)
    assert work.began.wait(PATIENCE)
    other = Jobs(lambda: tmp_path / "jobs", lambda text: text)
    assert not other.resume()
    assert other.get(job.id).status == "running"
    with pytest.raises(ConflictError, match="another server has the jobs"):
        other.start("compact", "a", work, total=None, cancellable=False)
    work.may_end.set()
    until_over(jobs, job.id)


def test_what_nobody_foresaw_is_a_failure_that_says_little(jobs: Jobs) -> None:
    def broken(job: Job, progress: Progress) -> dict[str, Any]:
        raise ZeroDivisionError("secret")

    job = until_over(jobs, jobs.start("copy", "a", broken, total=None, cancellable=True).id)
    assert job.status == "failed" and "ZeroDivisionError" in str(job.error) and "secret" not in str(job.error)
