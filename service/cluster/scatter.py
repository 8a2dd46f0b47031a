"""Asking every shard: side by side, with a deadline, and again where one is slow or has gone."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from lsr.service.cluster.wire import Answer, ShardAsked, nothing
from lsr.service.http.asked import Asked
from lsr.service.http.errors import OverloadedError, TimedOutError

Call = Callable[[str, list[ShardAsked]], Awaitable[list[Answer]]]
"""Asks one shard: the name of its folder, and what it is asked; it may go to another replica each time."""

# Of so many answers' times, a second try is due after the 95th percentile: one request in twenty is asked twice.
_REMEMBERED, _FEWEST, _PERCENTILE = 256, 20, 95
# Not before: what takes less is not worth asking twice for.
_SOONEST = 0.005
# How often one shard is asked in all.
_TRIES = 3


class Shed(Exception):
    """A shard has as many requests waiting as it may."""


class ShardCaller:
    """One shard, and how long its answers take. For one event loop.

    Attributes:
        number: of the shard; hedged: how many second tries there were for slowness.
    """

    def __init__(self, number: int, call: Call) -> None:
        self.number, self._call = number, call
        self._times: deque[float] = deque(maxlen=_REMEMBERED)
        self.hedged = 0

    def patience(self) -> float | None:
        """Seconds after which a second try is due; None as long as too little is known."""
        if len(self._times) < _FEWEST:
            return None
        return max(_SOONEST, float(np.percentile(self._times, _PERCENTILE)))

    async def ask(self, folder: str, asked: list[ShardAsked], deadline: float) -> list[Answer] | BaseException:
        """The answers; or the last error, or TimeoutError once the deadline has passed.

        A failure is followed by another try at once; slowness by a second one beside the first, the sooner of which
        counts.
        """
        begun = time.monotonic()
        running = {self._begin(folder, asked)}
        tries, failure, hedge = 1, None, self.patience()
        try:
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    return failure or TimeoutError()
                wait = left
                if hedge is not None and tries < _TRIES:
                    wait = min(left, max(0.0, begun + hedge - time.monotonic()))
                done, running = await asyncio.wait(running, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    if hedge is not None and tries < _TRIES and time.monotonic() - begun >= hedge:
                        running.add(self._begin(folder, asked))
                        tries, hedge = tries + 1, None
                        self.hedged += 1
                    continue
                for task in done:
                    error = task.exception()
                    if error is None:
                        self._times.append(time.monotonic() - begun)
                        return task.result()
                    failure = error
                if not running:
                    if tries == _TRIES or isinstance(failure, Shed):
                        return failure or TimeoutError()
                    running = {self._begin(folder, asked)}
                    tries += 1
        finally:
            for task in running:
                task.cancel()

    def _begin(self, folder: str, asked: list[ShardAsked]) -> asyncio.Task[list[Answer]]:
        async def run() -> list[Answer]:
            return await self._call(folder, asked)

        return asyncio.get_running_loop().create_task(run())


async def scatter(
    callers: Sequence[ShardCaller], folders: Sequence[str], asked: Sequence[list[ShardAsked]], deadline: float
) -> list[list[Answer] | BaseException]:
    """Ask each shard its own; what it answered, or why it did not."""
    calls = (caller.ask(folder, each, deadline) for caller, folder, each in zip(callers, folders, asked, strict=True))
    return await asyncio.gather(*calls)


def settled(
    found: Sequence[list[Answer] | BaseException],
    asked: Sequence[list[ShardAsked]],
    numbers: Sequence[int],
    who: Sequence[Asked],
) -> list[list[Answer]]:
    """The answers of each shard, in which those that are missing give nothing, if all who asked agree to that.

    `who` asked the things that are asked of each shard, one after another. TimedOutError, or OverloadedError, names the
    shards that are missing if somebody does not agree, or if all are.
    """
    missing = [number for number, each in zip(numbers, found, strict=True) if isinstance(each, BaseException)]
    if missing:
        for one in who:
            one.missing.update(missing)
        if len(missing) == len(numbers) or not all(one.partial for one in who):
            raise _problem(missing, [each for each in found if isinstance(each, BaseException)])
    return [
        [nothing(one) for one in each_asked] if isinstance(each, BaseException) else each
        for each, each_asked in zip(found, asked, strict=True)
    ]


def _problem(missing: Sequence[int], errors: Sequence[BaseException]) -> Exception:
    named = ", ".join(map(str, missing))
    of = f"shard{'s' if len(missing) > 1 else ''} {named}"
    if any(isinstance(each, Shed) for each in errors):
        return OverloadedError(f"{of} had too many requests waiting: try again in a moment")
    if all(isinstance(each, TimeoutError) for each in errors):
        return TimedOutError(f"{of} did not answer in time: try again, or take an answer without")
    return TimedOutError(f"{of} could not be asked: try again, or take an answer without")
