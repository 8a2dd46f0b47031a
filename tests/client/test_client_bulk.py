"""Sending many documents: bounded, told of, and sent again when the connection is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from scripted_server import DROP, Answer, Asked, scripted
from served import numbered

from lsr import Document
from lsr.client import AsyncClient, Client
from lsr.client import bulk as bulk_module
from lsr.core.errors import AccessError, InputError, ServerError


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_module, "_MOST", 10)


def written(asked: Asked) -> Answer:
    """What a server says that writes all."""
    ids = [json.loads(line)["_id"] for line in asked.body.splitlines()]
    return Answer({"results": [{"id": id, "status": "created"} for id in ids], "created": len(ids), "replaced": 0})


def ids_of(asked: Asked) -> list[str]:
    return [json.loads(line)["_id"] for line in asked.body.splitlines()]


def test_documents_are_read_as_they_are_sent() -> None:
    """However many there are, no more than one batch of them is taken before its answer has come."""
    ahead: list[int] = []
    taken = 0

    def documents() -> Iterator[dict[str, Any]]:
        nonlocal taken
        for document in numbered(95):
            taken += 1
            ahead.append(taken - 10 * len(script.asked))
            yield document

    told: list[int] = []
    with scripted(written) as script, Client(script.url) as client:
        done = client.collection("birds").add(documents(), progress=told.append)
    assert (done.created, done.replaced, done.refused) == (95, 0, [])
    assert told == [10] * 9 + [5]
    assert max(ahead) == 10
    assert {asked.headers["Content-Type"] for asked in script.asked} == {"application/x-ndjson"}
    assert [id for asked in script.asked for id in ids_of(asked)] == [f"d{number:04}" for number in range(95)]


def test_a_batch_without_a_result_is_sent_again() -> None:
    """A connection that is lost before the answer, a server that restarts: no batch is left out."""
    steps = (written, DROP, Answer(status=503, headers={"Retry-After": "0"}), written, DROP, written)
    with scripted(*steps) as script, Client(script.url) as client:
        done = client.collection("birds").add(numbered(30))
    assert done.created == 30
    batches = [ids_of(asked) for asked in script.asked]
    assert batches[1] == batches[2] == batches[3] and batches[4] == batches[5] != batches[3]


def test_it_is_said_how_far_it_came() -> None:
    lost = r"the connection to .* was lost .*, 2 times"
    with (
        scripted(written, written, DROP) as script,
        Client(script.url, retries=1) as client,
        pytest.raises(ServerError, match=lost) as caught,
    ):
        client.collection("birds").add(numbered(50))
    assert "20 documents were written before" in caught.value.__notes__
    assert len(script.asked) == 4


def test_what_the_server_refuses_for_good_is_not_sent_again() -> None:
    with (
        scripted(Answer({"detail": "this key may read"}, 403)) as script,
        Client(script.url, key="k") as client,
        pytest.raises(AccessError, match=r"^this key may read$"),
    ):
        client.collection("birds").add(numbered(5))
    [asked] = script.asked
    assert asked.headers["Authorization"] == "Bearer k"


def test_a_document_that_is_no_json_is_refused_alone() -> None:
    given: Any = [
        Document("a", "one", "A", {"year": 2020, "text": "of a field"}),
        {"_id": "b", "text": "two", "weight": float("nan")},
        {"_id": "c", "text": "\ud800"},
        {"_id": "d", "text": object()},
        ["e"],
        {"_id": "f", "text": "six"},
    ]
    with scripted(written) as script, Client(script.url) as client:
        done = client.collection("birds").add(given)
    assert done.created == 2
    assert [each.id for each in done.refused] == ["b", "c", "d", ""]
    assert all("JSON" in each.reason for each in done.refused[:3]) and "not list" in done.refused[3].reason
    [asked] = script.asked
    first = json.loads(asked.body.splitlines()[0])
    assert first == {"_id": "a", "title": "A", "text": "one", "year": 2020}


@pytest.mark.parametrize("given", ["text", b"text", 7])
def test_what_is_no_documents_is_refused_before_anything_is_sent(given: Any) -> None:
    with scripted(written) as script, Client(script.url) as client, pytest.raises(InputError, match="documents"):
        client.collection("birds").add(given)
    assert script.asked == []


def test_an_answer_that_does_not_fit_is_no_answer() -> None:
    with (
        scripted(Answer({"results": []})) as script,
        Client(script.url) as client,
        pytest.raises(ServerError, match="answered for 0 of 3 documents"),
    ):
        client.collection("birds").add(numbered(3))


def test_many_ids_are_deleted_in_requests_that_a_server_takes() -> None:
    """None has more than what a server takes of a body, if nothing else is set."""

    def deleted(asked: Asked) -> Answer:
        return Answer({"deleted": len(json.loads(asked.body)["ids"]), "missing": []})

    with scripted(deleted) as script, Client(script.url) as client:
        done = client.collection("birds").delete(f"{'ä' * 100}-{number}" for number in range(20_000))
    assert done.deleted == 20_000
    assert max(len(asked.body) for asked in script.asked) < 1 << 20


def test_documents_may_come_asynchronously() -> None:
    async def documents() -> AsyncIterator[dict[str, Any]]:
        for document in numbered(25):
            await asyncio.sleep(0)
            yield document

    async def add(url: str) -> int:
        async with AsyncClient(url) as client:
            return (await client.collection("birds").add(documents())).created

    with scripted(written, DROP, written) as script:
        assert asyncio.run(add(script.url)) == 25
        with Client(script.url) as client, pytest.raises(InputError, match="takes an AsyncClient"):
            client.collection("birds").add(documents())
    assert len(script.asked) == 4
