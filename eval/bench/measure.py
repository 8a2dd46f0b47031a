"""Timing searches.

What is timed is what a user waits for: a call, with the query in the engine's own form. A configuration is run in
several rounds, in turn with all others, and each query counts with the best of its times, so that a disturbance of the
machine, which lasts longer than a query, affects none or all.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.eval.bench.engines.contract import Configuration, OpenIndex, Queries
from lsr.eval.bench.truth import Answers

_WARM_UPS = 50

# A configuration that takes longer than this is run once, and not as a batch: its noise is small relative to its time.
_SLOW_SECONDS = 10.0


@dataclass(slots=True)
class Sample:
    """The measurements of one configuration.

    Attributes:
        seconds: float64 [queries], the best time of each.
        recalls: float64 [queries]; NaN for a query that matches nothing.
        batch_seconds: (part, threads) → best time of the batch call.
        slow: whether one round is enough, without batches.
    """

    seconds: npt.NDArray[np.float64]
    recalls: npt.NDArray[np.float64]
    batch_seconds: dict[tuple[int, int], float] = field(default_factory=dict)
    slow: bool = False

    @classmethod
    def of(cls, queries: int) -> Sample:
        """A sample with nothing measured yet."""
        return cls(np.full(queries, np.inf), np.full(queries, np.nan))


def measure_round(
    index: OpenIndex,
    queries: Queries,
    k: int,
    configuration: Configuration,
    sample: Sample,
    answers: Answers,
    batch_threads: tuple[int, ...] = (),
) -> None:
    """Run one more round of a configuration: each query by itself, then, unless that was slow, each part as a batch."""
    search = index.searcher(k, configuration)
    count = len(queries.vectors)
    first_round = not np.isfinite(sample.seconds[0])
    started = perf_counter()
    with _quiet():
        for query in range(min(_WARM_UPS, count)):
            search(query)
        seconds, found = _time_calls(search, count)
    np.minimum(sample.seconds, seconds, out=sample.seconds)
    if first_round:
        sample.recalls[:] = [answers.recall(i, index.rows(answer)[:k]) for i, answer in enumerate(found)]
    del found
    sample.slow = perf_counter() - started > _SLOW_SECONDS
    if sample.slow:
        return
    for threads in batch_threads:
        for part in range(len(queries.parts)):
            batch = index.batch(k, configuration, part, threads)
            if batch is not None:
                with _quiet():
                    seconds_of_batch = _time(batch)
                best = sample.batch_seconds.get((part, threads), np.inf)
                sample.batch_seconds[part, threads] = min(best, seconds_of_batch)


def _time_calls(search: Callable[[int], Any], count: int) -> tuple[npt.NDArray[np.float64], list[Any]]:
    seconds = np.empty(count)
    found = []
    for query in range(count):
        started = perf_counter()
        answer = search(query)
        seconds[query] = perf_counter() - started
        found.append(answer)
    return seconds, found


def _time(call: Callable[[], object]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started


@contextmanager
def _quiet() -> Iterator[None]:
    """A context without garbage collection."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
