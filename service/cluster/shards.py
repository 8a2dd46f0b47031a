"""The shards of a collection as an index searches them: elsewhere."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.index.engines.choose import Choice
from lsr.index.engines.hits import Found
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.filters.allowed import AllowedRows
from lsr.index.parts.dense.vectors import DenseHits
from lsr.service.cluster.scatter import ShardCaller, scatter, settled
from lsr.service.cluster.wire import Answer, DenseAsked, ShardAsked, SparseAsked
from lsr.service.http.asked import ASKED, Asked


class RemoteShards:
    """Searches the segments of a snapshot where their shards are: an `lsr.index.live.elsewhere.Elsewhere`.

    Called by threads; what it asks goes out on one event loop.

    Args:
        callers: of the shards that have documents, in the order of the segments.
        folders: of these shards: which build of them is asked.
        loop: on which they are called.
        seconds: that there are where no request says otherwise.
    """

    def __init__(
        self,
        callers: Sequence[ShardCaller],
        folders: Sequence[str],
        loop: Callable[[], asyncio.AbstractEventLoop],
        seconds: float,
    ) -> None:
        self._callers, self._folders, self._loop, self._seconds = callers, folders, loop, seconds

    def sparse(
        self, queries: Sequence[PreparedQueries], k: int, choice: Choice, allowed: Sequence[AllowedRows]
    ) -> list[list[Found]]:
        """See `Elsewhere`."""
        asked = [SparseAsked.of(own, k, choice, rows) for own, rows in zip(queries, allowed, strict=True)]
        return [answer.sparse() for answer in self._ask(asked)]

    def dense(
        self,
        queries: npt.NDArray[np.float32],
        k: int,
        modes: Sequence[str],
        effort: int | None,
        allowed: Sequence[npt.NDArray[np.uint8] | None],
    ) -> list[list[DenseHits]]:
        """See `Elsewhere`."""
        asked = [DenseAsked(queries, k, mode, effort, rows) for mode, rows in zip(modes, allowed, strict=True)]
        return [answer.dense() for answer in self._ask(asked)]

    def _ask(self, asked: Sequence[ShardAsked]) -> list[Answer]:
        """What each shard answers to its own."""
        who = ASKED.get() or Asked(time.monotonic() + self._seconds)
        batch: _Batch | None = getattr(_RUNNING, "batch", None)
        if batch is not None:
            return batch.ask(self, asked, who)
        return [answers[0] for answers in self.ask_all([[each] for each in asked], [who])]

    def ask_all(self, asked: Sequence[list[ShardAsked]], who: Sequence[Asked]) -> list[list[Answer]]:
        """What each shard answers to all that is asked of it, in one call a shard. Raises as `settled`."""
        deadline = min(each.deadline for each in who)
        loop = self._loop()
        found = asyncio.run_coroutine_threadsafe(scatter(self._callers, self._folders, asked, deadline), loop).result()
        return settled(found, asked, [caller.number for caller in self._callers], who)


_RUNNING = threading.local()


class _Batch:
    """Searches that run in threads of their own, and ask together: as soon as each that runs has something to ask."""

    def __init__(self, running: int) -> None:
        self._running = running
        self._lock = threading.Lock()
        self._waiting: list[tuple[RemoteShards, Sequence[ShardAsked], Asked, Future[list[Answer]]]] = []

    def ask(self, shards: RemoteShards, asked: Sequence[ShardAsked], who: Asked) -> list[Answer]:
        """What each shard answers to its own."""
        answer: Future[list[Answer]] = Future()
        with self._lock:
            self._waiting.append((shards, asked, who, answer))
            due = self._due()
        self._send(due)
        return answer.result()

    def leave(self) -> None:
        """Say that a search has ended."""
        with self._lock:
            self._running -= 1
            due = self._due()
        self._send(due)

    def _due(self) -> list[Any]:
        if not self._waiting or len(self._waiting) < self._running:
            return []
        due, self._waiting = self._waiting, []
        return due

    def _send(self, due: list[Any]) -> None:
        # A newer snapshot may have come between two of them: each asks its own.
        for shards in dict.fromkeys(each[0] for each in due):
            own = [each for each in due if each[0] is shards]
            asked = [list(of_shard) for of_shard in zip(*(each[1] for each in own), strict=True)]
            try:
                found = shards.ask_all(asked, [each[2] for each in own])
            except BaseException as error:
                for *_, answer in own:
                    answer.set_exception(error)
                continue
            for place, (*_, answer) in enumerate(own):
                answer.set_result([answers[place] for answers in found])


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What calls return, each of which searches: run side by side, so that a shard is called once for all of them."""
    batch, asked = _Batch(len(calls)), ASKED.get()

    def run(call: Callable[[], Any]) -> Any:
        if asked is not None:
            ASKED.set(Asked(asked.deadline, asked.partial))
        _RUNNING.batch = batch
        try:
            return call()
        finally:
            _RUNNING.batch = None
            batch.leave()

    # As many threads as searches: each waits for the others before a shard is asked.
    with ThreadPoolExecutor(len(calls), thread_name_prefix="lsr-batch") as threads:
        running = [threads.submit(copy_context().run, run, call) for call in calls]
        return [each.result() for each in running]
