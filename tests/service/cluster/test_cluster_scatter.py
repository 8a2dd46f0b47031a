"""One shard that is asked: it may be slow, fail, or have too much to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lsr.service.cluster.scatter import ShardCaller, Shed, scatter, settled
from lsr.service.cluster.wire import Answer, DenseAsked
from lsr.service.http.asked import Asked
from lsr.service.http.errors import OverloadedError, TimedOutError

ASKED: list[Any] = [DenseAsked(np.zeros((1, 2), np.float32), 3, "exact", None, None)]
ANSWER = [Answer.of([(np.array([7]), np.array([1.0], np.float32), ("exact", "flat", 1, False))])]
LONG = 60.0


def caller(behave: Callable[[int], Any]) -> tuple[ShardCaller, list[int]]:
    """A shard whose calls, counted from 1, do this before they answer."""
    calls: list[int] = []

    async def call(folder: str, asked: Any) -> list[Answer]:
        calls.append(len(calls) + 1)
        done = behave(calls[-1])
        if isinstance(done, BaseException):
            raise done
        if done is not None:
            await done
        return ANSWER

    return ShardCaller(3, call), calls


def ask(shard: ShardCaller, seconds: float = LONG) -> Any:
    """What it answers."""

    async def run() -> Any:
        return await shard.ask("folder", ASKED, time.monotonic() + seconds)

    return asyncio.run(run())


def never() -> Any:
    return asyncio.Event().wait()


def test_a_shard_that_answers() -> None:
    shard, calls = caller(lambda call: None)
    assert ask(shard) is ANSWER and calls == [1]


def test_one_that_fails_is_asked_again_at_once() -> None:
    shard, calls = caller(lambda call: OSError("gone") if call < 3 else None)
    assert ask(shard) is ANSWER and calls == [1, 2, 3]


def test_one_that_fails_each_time_is_given_up() -> None:
    shard, calls = caller(lambda call: OSError("gone"))
    assert isinstance(ask(shard), OSError) and calls == [1, 2, 3]


def test_one_with_too_much_to_do_is_not_asked_again() -> None:
    shard, calls = caller(lambda call: Shed("full"))
    assert isinstance(ask(shard), Shed) and calls == [1]


def test_one_that_never_answers_is_waited_for_until_the_deadline() -> None:
    shard, calls = caller(lambda call: never())
    assert isinstance(ask(shard, 0.05), TimeoutError) and calls == [1]


def test_a_second_try_beside_a_slow_one() -> None:
    shard, calls = caller(lambda call: never() if call == 31 else None)
    for _ in range(30):
        assert ask(shard) is ANSWER
    assert shard.patience() is not None
    # The 31st call would never end; the 32nd answers.
    assert ask(shard) is ANSWER and calls[-1] == 32 and shard.hedged >= 1


def test_patience_is_the_95th_percentile() -> None:
    shard, _ = caller(lambda call: None)
    shard._times.extend([0.01] * 19)
    assert shard.patience() is None
    shard._times.extend([0.01] * 75 + [0.2] * 6)
    assert shard.patience() == pytest.approx(0.2)
    shard._times.clear()
    shard._times.extend([0.0001] * 100)
    assert shard.patience() == 0.005


def gathered(*shards: ShardCaller, seconds: float = 0.05) -> Any:
    async def run() -> Any:
        deadline = time.monotonic() + seconds
        return await scatter(shards, ["folder"] * len(shards), [ASKED] * len(shards), deadline)

    return asyncio.run(run())


def test_what_is_missing_is_named_or_fails() -> None:
    found = gathered(caller(lambda call: None)[0], caller(lambda call: never())[0], seconds=0.2)
    agrees, refuses = Asked(LONG, partial=True), Asked(LONG)
    answers = settled(found, [ASKED, ASKED], [3, 5], [agrees])
    assert agrees.told() == {"partial": True, "missing": [5]}
    assert answers[0] is ANSWER and answers[1][0].lengths == (0,)
    with pytest.raises(TimedOutError, match="shard 5 did not answer in time"):
        settled(found, [ASKED, ASKED], [3, 5], [agrees, refuses])
    with pytest.raises(TimedOutError, match="shards 3, 5"):
        settled([TimeoutError(), TimeoutError()], [ASKED, ASKED], [3, 5], [agrees])
    with pytest.raises(OverloadedError, match="shard 5"):
        settled([ANSWER, Shed("full")], [ASKED, ASKED], [3, 5], [refuses])
    with pytest.raises(TimedOutError, match="could not be asked"):
        settled([ANSWER, OSError("gone")], [ASKED, ASKED], [3, 5], [refuses])


def test_arrays_there_and_back() -> None:
    found = [
        (np.array([4, 1]), np.array([2.0, 1.0], np.float32), ("exact", "flat", 9, False)),
        (np.array([], np.int64), np.array([], np.float32), ("exact", "flat", 0, True)),
    ]
    first, second = Answer.of(found).dense()
    assert first.rows.tolist() == [4, 1] and first.scores.tolist() == [2.0, 1.0] and first.stats.scored == 9
    assert len(second.rows) == 0 and second.stats.direct
