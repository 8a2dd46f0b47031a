"""The client for asyncio: `AsyncClient`, its collections and its jobs. What they ask for is as `Client` asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

import httpx

from lsr.client import bulk, collections, jobs, service
from lsr.client.answers import JobState
from lsr.client.asking import Server, Target
from lsr.client.connection import Connection, reply_of
from lsr.client.jobs import Watched
from lsr.client.methods import Method, server_of
from lsr.client.retries import Retries
from lsr.client.steps import END, Failure, Pause, Reply, Request, Steps, Take
from lsr.core.arguments import count, text_of
from lsr.core.documents import Document

P = ParamSpec("P")
T = TypeVar("T")


def _awaiting(steps: Callable[Concatenate[Any, P], Steps[T]]) -> Method[P, Awaitable[T]]:
    """A method that does these steps; what comes of them is awaited."""

    @wraps(steps)
    async def method(self: Any, *args: Any, **given: Any) -> T:
        done: T = await self._wire.run(steps(self._asked, *args, **given))
        return done

    return cast("Method[P, Awaitable[T]]", method)


def _starting(steps: Callable[Concatenate[Any, P], Steps[JobState]]) -> Method[P, Awaitable[AsyncJob]]:
    """A method that does these steps and gives the job that they begin."""

    @wraps(steps)
    async def method(self: Any, *args: Any, **given: Any) -> AsyncJob:
        state: JobState = await self._wire.run(steps(self._asked, *args, **given))
        return AsyncJob(self._wire, server_of(self._asked), state)

    return cast("Method[P, Awaitable[AsyncJob]]", method)


class AsyncWire:
    """Does steps by httpx, on the event loop."""

    def __init__(self, connection: Connection, transport: httpx.AsyncBaseTransport | None) -> None:
        self.connection = connection
        self._http = httpx.AsyncClient(transport=transport, **connection.settings)

    async def run(self, steps: Steps[T]) -> T:
        """Do them, and return what comes of them."""
        came: Any = None
        try:
            while True:
                came = await self._do(steps.send(came))
        except StopIteration as done:
            value: T = done.value
            return value
        finally:
            steps.close()

    async def _do(self, step: Request | Pause | Take) -> Any:
        if isinstance(step, Request):
            return await self._ask(step)
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        if isinstance(step.items, AsyncIterator):
            return await anext(step.items, END)
        return next(step.items, END)

    async def _ask(self, request: Request) -> Reply | Failure:
        try:
            return reply_of(await self._http.request(**self.connection.arguments(request)))
        except httpx.HTTPError as error:
            return self.connection.failure(error, request)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


class AsyncClient:
    """A server of collections, asked from asyncio: `Client`, whose methods are awaited here."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        collection: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 6,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """As for `Client`."""
        self._wire = AsyncWire(Connection.of(url, key, timeout), transport)
        self._asked = Server(Retries(most=count(retries, "retries", least=0)))
        self._collection = collection

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._wire.connection.url!r})"

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    def collection(self, name: str | None = None) -> AsyncRemoteCollection:
        """As `Client.collection`."""
        return AsyncRemoteCollection(self._wire, Target(self._asked, self._collection if name is None else name))

    def job(self, id: str) -> AsyncJob:
        """A job by its id."""
        return AsyncJob(self._wire, self._asked, JobState(text_of(id, "the id of a job")))

    collections = _awaiting(service.collections)
    create = _awaiting(service.create)
    drop = _awaiting(service.drop)
    aliases = _awaiting(service.aliases)
    alias = _awaiting(service.alias)
    drop_alias = _awaiting(service.drop_alias)
    jobs = _awaiting(service.jobs)


class AsyncRemoteCollection:
    """A collection of a server, with the methods of `lsr.Collection`, which are awaited."""

    def __init__(self, wire: AsyncWire, target: Target) -> None:
        self._wire, self._asked = wire, target

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._asked.name!r} of {self._wire.connection.url!r})"

    add = _awaiting(bulk.add)
    delete = _awaiting(collections.delete)
    update_fields = _awaiting(collections.update_fields)
    get = _awaiting(collections.get)
    search = _awaiting(collections.search)
    search_many = _awaiting(collections.search_many)
    explain = _awaiting(collections.explain)
    count = _awaiting(collections.count)
    facets = _awaiting(collections.facets)
    describe = _awaiting(collections.describe)
    stats = _awaiting(collections.stats)
    compact = _starting(collections.compact)
    reindex = _starting(collections.reindex)
    go_back = _starting(collections.go_back)
    forget = _awaiting(collections.forget)
    snapshot = _starting(collections.snapshot)
    snapshots = _awaiting(collections.snapshots)
    restore = _starting(collections.restore)
    drop_snapshot = _awaiting(collections.drop_snapshot)

    async def scan(self) -> AsyncIterator[Document]:
        """As `RemoteCollection.scan`."""
        after = None
        while True:
            page = await self._wire.run(collections.scan_page(self._asked, after))
            for document in page.documents:
                yield document
            if page.after is None:
                return
            after = page.after


class AsyncJob:
    """Long work of a server, which goes on without the client.

    Attributes:
        state: what was last known of it.
    """

    def __init__(self, wire: AsyncWire, server: Server, state: JobState) -> None:
        self._wire, self._asked = wire, Watched(server, state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.state.id!r}, {self.state.kind} {self.state.status})"

    @property
    def state(self) -> JobState:
        """See the class."""
        return self._asked.state

    refresh = _awaiting(jobs.refresh)
    wait = _awaiting(jobs.wait)
    cancel = _awaiting(jobs.cancel)
