"""The client that waits: `Client`, its collections and its jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
from lsr.core.errors import InputError

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(steps: Callable[Concatenate[Any, P], Steps[T]]) -> Method[P, T]:
    """A method that does these steps and returns what comes of them."""

    @wraps(steps)
    def method(self: Any, *args: Any, **given: Any) -> T:
        done: T = self._wire.run(steps(self._asked, *args, **given))
        return done

    return cast("Method[P, T]", method)


def _starting(steps: Callable[Concatenate[Any, P], Steps[JobState]]) -> Method[P, Job]:
    """A method that does these steps and returns the job that they begin."""

    @wraps(steps)
    def method(self: Any, *args: Any, **given: Any) -> Job:
        state: JobState = self._wire.run(steps(self._asked, *args, **given))
        return Job(self._wire, server_of(self._asked), state)

    return cast("Method[P, Job]", method)


class Wire:
    """Does steps by httpx."""

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None) -> None:
        self.connection = connection
        self._http = httpx.Client(transport=transport, **connection.settings)

    def run(self, steps: Steps[T]) -> T:
        """Do them, and return what comes of them."""
        came: Any = None
        try:
            while True:
                came = self._do(steps.send(came))
        except StopIteration as done:
            value: T = done.value
            return value
        finally:
            steps.close()

    def _do(self, step: Request | Pause | Take) -> Any:
        if isinstance(step, Request):
            return self._ask(step)
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        if not isinstance(step.items, Iterator):
            raise InputError("what comes asynchronously takes an AsyncClient", field="documents")
        return next(step.items, END)

    def _ask(self, request: Request) -> Reply | Failure:
        try:
            return reply_of(self._http.request(**self.connection.arguments(request)))
        except httpx.HTTPError as error:
            return self.connection.failure(error, request)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class Client:
    """A server of collections. Threads may share it. A context manager, which closes its connections.

    What it is asked for is asked for again, after longer and longer waits, where the server is not reached, or has too
    much to do, and asking twice does no harm; what creates or removes something is asked for once.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        collection: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 6,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            url: as `http://localhost:8080`; from the variable LSR_SERVER, if it is not given.
            key: for a server that asks for one; from LSR_KEY, if it is not given.
            collection: which `collection()` gives.
            timeout: seconds in which an answer has to begin; writes have ten minutes.
            retries: how often a request is sent again.
            transport: httpx's, for tests.
        """
        self._wire = Wire(Connection.of(url, key, timeout), transport)
        self._asked = Server(Retries(most=count(retries, "retries", least=0)))
        self._collection = collection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._wire.connection.url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def collection(self, name: str | None = None) -> RemoteCollection:
        """A collection by its name, or an alias; without one, the client's own or the only one. Nothing is sent."""
        return RemoteCollection(self._wire, Target(self._asked, self._collection if name is None else name))

    def job(self, id: str) -> Job:
        """A job by its id."""
        return Job(self._wire, self._asked, JobState(text_of(id, "the id of a job")))

    collections = _blocking(service.collections)
    create = _blocking(service.create)
    drop = _blocking(service.drop)
    aliases = _blocking(service.aliases)
    alias = _blocking(service.alias)
    drop_alias = _blocking(service.drop_alias)
    jobs = _blocking(service.jobs)


class RemoteCollection:
    """A collection of a server, with the methods of `lsr.Collection`. `Client.collection` gives one."""

    def __init__(self, wire: Wire, target: Target) -> None:
        self._wire, self._asked = wire, target

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._asked.name!r} of {self._wire.connection.url!r})"

    def __len__(self) -> int:
        return self.count()

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and self.get(id) is not None

    # Else Python would take `len`, and ask the server, for whether it is true.
    def __bool__(self) -> bool:
        return True

    add = _blocking(bulk.add)
    delete = _blocking(collections.delete)
    update_fields = _blocking(collections.update_fields)
    get = _blocking(collections.get)
    search = _blocking(collections.search)
    search_many = _blocking(collections.search_many)
    explain = _blocking(collections.explain)
    count = _blocking(collections.count)
    facets = _blocking(collections.facets)
    describe = _blocking(collections.describe)
    stats = _blocking(collections.stats)
    compact = _starting(collections.compact)
    reindex = _starting(collections.reindex)
    go_back = _starting(collections.go_back)
    forget = _blocking(collections.forget)
    snapshot = _starting(collections.snapshot)
    snapshots = _blocking(collections.snapshots)
    restore = _starting(collections.restore)
    drop_snapshot = _blocking(collections.drop_snapshot)

    def scan(self) -> Iterator[Document]:
        """All documents, in the order of their ids, some at a time: what is written meanwhile may be among them."""
        after = None
        while True:
            page = self._wire.run(collections.scan_page(self._asked, after))
            yield from page.documents
            if page.after is None:
                return
            after = page.after


class Job:
    """Long work of a server, which goes on without the client.

    Attributes:
        state: what was last known of it.
    """

    def __init__(self, wire: Wire, server: Server, state: JobState) -> None:
        self._wire, self._asked = wire, Watched(server, state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.state.id!r}, {self.state.kind} {self.state.status})"

    @property
    def state(self) -> JobState:
        """See the class."""
        return self._asked.state

    refresh = _blocking(jobs.refresh)
    wait = _blocking(jobs.wait)
    cancel = _blocking(jobs.cancel)
