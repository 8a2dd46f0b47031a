"""A bounded pool of threads: searching and encoding never run on the event loop, and excess work is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import BoundedSemaphore, Lock
from typing import Any, TypeVar

from lsr.service.http.errors import ClientGoneError, NotReadyError, OverloadedError, TimedOutError

T = TypeVar("T")


class WorkPool:
    """A pool of `workers` threads, with room for `queue` more pieces of work to wait."""

    def __init__(self, workers: int, queue: int) -> None:
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="lsr-work")
        self._places = BoundedSemaphore(workers + queue)
        self._counting = Lock()
        self._held = self._working = 0

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for a thread."""
        with self._counting:
            return self._held - self._working

    @property
    def working(self) -> int:
        """How many threads are at work."""
        with self._counting:
            return self._working

    async def run(self, work: Callable[[], T], *, timeout: float | None, gone: Coroutine[Any, Any, None]) -> T:
        """Call `work` in a thread and return its result.

        Raises OverloadedError at once if every place is taken, NotReadyError once the pool is closed, TimedOutError
        after `timeout` seconds (None: never), and ClientGoneError if `gone` (a coroutine that ends when the client
        disconnects) ends first. In the last two cases, work that is still waiting is dropped; work that has begun
        cannot be stopped and keeps its place until done.
        """
        if not self._places.acquire(blocking=False):
            gone.close()
            raise OverloadedError("every worker is busy and the queue is full: try again in a moment")
        self._count(held=1)
        try:
            future = self._executor.submit(copy_context().run, self._counted, work)
        except RuntimeError:
            self._leave(None)
            gone.close()
            raise NotReadyError("the server is stopping: try again in a moment") from None
        future.add_done_callback(self._leave)
        answer = asyncio.wrap_future(future)
        watch = asyncio.create_task(gone)
        try:
            either: list[asyncio.Future[Any]] = [answer, watch]
            await asyncio.wait(either, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            if watch.done():
                watch.result()
                raise ClientGoneError("the client disconnected")
            raise TimedOutError(f"not finished after {timeout:g} s: try again later, or ask for less at once")
        finally:
            watch.cancel()
            future.cancel()
            answer.cancel()

    def _counted(self, work: Callable[[], T]) -> T:
        self._count(working=1)
        try:
            return work()
        finally:
            self._count(working=-1)

    def _leave(self, _: object) -> None:
        self._count(held=-1)
        self._places.release()

    def _count(self, *, held: int = 0, working: int = 0) -> None:
        with self._counting:
            self._held += held
            self._working += working

    def close(self) -> None:
        """Wait until all accepted work is done."""
        self._executor.shutdown(wait=True)
