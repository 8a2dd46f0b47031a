"""Slow searches: the event loop stays free, the queue is bounded, nobody waits for ever. All ordered by events."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fake_searcher import FakeSearcher
from patience import PATIENCE

from lsr.service import ServiceSettings, create_app
from lsr.service.http.errors import ClientGoneError, OverloadedError, TimedOutError
from lsr.service.http.pool import WorkPool


@asynccontextmanager
async def served(searcher: FakeSearcher, settings: ServiceSettings, *, warm: bool = True) -> AsyncIterator[Any]:
    app = create_app(searcher, settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://lsr") as client,
    ):
        if warm:
            app.state.service.warm_up.join(PATIENCE)
        yield client


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.001)


class Gate:
    """Searches wait at it until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.waiting = 0
        self._lock = threading.Lock()

    def __call__(self, text: str = "") -> None:
        with self._lock:
            self.waiting += 1
        assert self.opened.wait(PATIENCE)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def test_health_answers_while_every_thread_searches() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with served(FakeSearcher(gate), ServiceSettings(search_threads=2, queue=2)) as client:
            searches = [asyncio.create_task(client.get("/v1/search", params={"q": "date"})) for _ in range(2)]
            await until(lambda: gate.waiting == 2)
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 200
            assert not any(search.done() for search in searches)
            gate.opened.set()
            assert [response.status_code for response in await asyncio.gather(*searches)] == [200, 200]

    run(scenario)


def test_what_does_not_fit_the_queue_is_turned_away_at_once() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with served(FakeSearcher(gate), ServiceSettings(search_threads=2, queue=3, retry_after=4)) as client:
            ask = [client.get("/v1/search", params={"q": "date"}) for _ in range(9)]
            searches = [asyncio.create_task(request) for request in ask]
            await until(lambda: sum(search.done() for search in searches) == 4)
            refused = [search.result() for search in searches if search.done()]
            assert {response.status_code for response in refused} == {429}
            assert {response.headers["retry-after"] for response in refused} == {"4"}
            assert refused[0].headers["content-type"] == "application/problem+json"
            assert refused[0].json()["type"] == "urn:problem-type:lsr:overloaded"
            gate.opened.set()
            answers = await asyncio.gather(*searches)
            assert sorted(response.status_code for response in answers) == [200] * 5 + [429] * 4
            # The places are free again.
            assert (await client.get("/v1/search", params={"q": "date"})).status_code == 200

    run(scenario)


def test_encoding_and_documents_go_through_the_pool_too() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with served(FakeSearcher(gate), ServiceSettings(search_threads=1, queue=0)) as client:
            search = asyncio.create_task(client.get("/v1/search", params={"q": "date"}))
            await until(lambda: gate.waiting == 1)
            assert (await client.post("/v1/encode", json={"texts": ["a"]})).status_code == 429
            assert (await client.post("/v1/explain", json={"text": "a", "id": "b"})).status_code == 429
            assert (await client.get("/v1/documents/json.dumps")).status_code == 429
            gate.opened.set()
            assert (await search).status_code == 200

    run(scenario)


def test_a_search_that_takes_too_long_is_given_up_and_what_waits_is_dropped() -> None:
    async def scenario() -> None:
        gate = Gate()
        searcher = FakeSearcher(gate)
        async with served(searcher, ServiceSettings(search_threads=1, queue=1, request_timeout=0.05)) as client:
            first = asyncio.create_task(client.get("/v1/search", params={"q": "running"}))
            await until(lambda: gate.waiting == 1)
            second = asyncio.create_task(client.get("/v1/search", params={"q": "waiting"}))
            for response in await asyncio.gather(first, second):
                assert response.status_code == 503
                assert response.headers["retry-after"] == "1"
                assert response.json()["type"] == "urn:problem-type:lsr:timed-out"
            gate.opened.set()
        # Leaving has drained the pool: what was given up while it waited has never run.
        assert searcher.searched == ["running"]

    run(scenario)


def test_stopping_finishes_what_was_accepted() -> None:
    async def scenario() -> None:
        gate = Gate()
        searcher = FakeSearcher(gate)
        async with served(searcher, ServiceSettings(search_threads=1, queue=2)) as client:
            searches = [asyncio.create_task(client.get("/v1/search", params={"q": f"date {i}"})) for i in range(3)]
            await until(lambda: gate.waiting == 1)
            threading.Timer(0.05, gate.opened.set).start()
        assert [response.status_code for response in await asyncio.gather(*searches)] == [200] * 3
        assert searcher.searched == ["date 0", "date 1", "date 2"]

    run(scenario)


def test_not_ready_until_warm() -> None:
    async def scenario() -> None:
        gate = Gate()
        searcher = FakeSearcher(on_warm_up=gate)
        async with served(searcher, ServiceSettings(), warm=False) as client:
            await until(lambda: gate.waiting == 1)
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            for path in ("/readyz", "/v1/search?q=date", "/v1/index"):
                response = await client.get(path)
                assert response.status_code == 503
                assert response.headers["retry-after"] == "1"
                assert response.json()["type"] == "urn:problem-type:lsr:not-ready"
            assert searcher.searched == []
            gate.opened.set()
            async with asyncio.timeout(PATIENCE):
                while (await client.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.001)
            assert (await client.get("/v1/search?q=date")).status_code == 200

    run(scenario)


def test_a_failed_warm_up_is_told() -> None:
    def fail() -> None:
        raise ValueError("no kernels here")

    async def scenario() -> None:
        async with served(FakeSearcher(on_warm_up=fail), ServiceSettings()) as client:
            response = await client.get("/readyz")
            assert response.status_code == 503
            assert "ValueError: no kernels here" in response.json()["detail"]
            assert (await client.get("/healthz")).status_code == 200

    run(scenario)


def test_a_client_that_hangs_up_takes_its_waiting_work_with_it() -> None:
    async def scenario() -> None:
        pool = WorkPool(workers=1, queue=1)
        gate = Gate()
        hung_up = asyncio.Event()
        ran = []

        async def wait(event: asyncio.Event) -> None:
            await event.wait()

        stays = asyncio.create_task(pool.run(gate, timeout=PATIENCE, gone=wait(asyncio.Event())))
        await until(lambda: gate.waiting == 1)
        leaves = asyncio.create_task(pool.run(lambda: ran.append(1), timeout=PATIENCE, gone=wait(hung_up)))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await pool.run(gate, timeout=PATIENCE, gone=wait(hung_up))
        hung_up.set()
        with pytest.raises(ClientGoneError):
            await leaves
        # Its place is free: this one is accepted, and given up only for the time it waits.
        with pytest.raises(TimedOutError):
            await pool.run(lambda: ran.append(2), timeout=0.01, gone=wait(asyncio.Event()))
        gate.opened.set()
        await stays
        pool.close()
        assert ran == []

    run(scenario)
