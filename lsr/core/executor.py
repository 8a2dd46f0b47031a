"""Run independent pieces of work, either one by one or in parallel on threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

from lsr.core.arguments import count
from lsr.core.cpus import allowed_cpus

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Runs independent pieces of work.

    Attributes:
        workers: how many pieces run in parallel.
    """

    workers: int

    def map(self, work: Callable[[T], R], items: Iterable[T], *, ahead: int | None = None) -> Iterator[R]:
        """The result of `work` for each item, in the order of the items.

        Args:
            ahead: how many pieces, besides one for each worker, may be started before their turn comes, which
                bounds the results that wait in memory; None for all of them.

        An error in a piece is raised when its turn comes; pieces that have not started are then dropped.
        """
        ...


class Serial:
    """Runs each piece when its result is requested, on the calling thread."""

    workers = 1

    def map(self, work: Callable[[T], R], items: Iterable[T], *, ahead: int | None = None) -> Iterator[R]:
        """See `Executor.map`."""
        return map(work, items)


SERIAL = Serial()


class Threads:
    """Pieces run on a pool of threads."""

    def __init__(self, pool: ThreadPoolExecutor, workers: int) -> None:
        self._pool, self.workers = pool, workers

    def map(self, work: Callable[[T], R], items: Iterable[T], *, ahead: int | None = None) -> Iterator[R]:
        """See `Executor.map`."""
        if ahead is None:
            return self._pool.map(work, items)
        return self._bounded(work, items, self.workers + ahead)

    def _bounded(self, work: Callable[[T], R], items: Iterable[T], most: int) -> Iterator[R]:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                if len(waiting) == most:
                    yield waiting.popleft().result()
                waiting.append(self._pool.submit(work, item))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def executor(threads: int | None = None) -> Iterator[Executor]:
    """An executor with this many threads (default: one for each CPU), for the duration of the block."""
    threads = allowed_cpus() if not threads else count(threads, "threads")
    if threads == 1:
        yield SERIAL
        return
    with ThreadPoolExecutor(threads) as pool:
        yield Threads(pool, threads)
