"""Measuring how long one query takes on one thread."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from lsr.core.progress import Stages, silent

_WARM_UPS = 3

_Query = TypeVar("_Query")


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds a query: the mean, and the 50th, 95th and 99th percentile over `queries` queries."""

    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    queries: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """Summarise measured times, at least one."""
        times = np.asarray(seconds) * 1e3
        p50, p95, p99 = np.percentile(times, [50, 95, 99]).tolist()
        return cls(float(times.mean()), p50, p95, p99, len(times))


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch, if it is loaded, to one thread; searches of `lsr.index` and bm25s use one anyway."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def time_each(
    queries: Sequence[_Query],
    once: Callable[[_Query], tuple[float, ...]],
    description: str = "timing",
    stages: Stages = silent,
) -> list[tuple[float, ...]]:
    """Call `once` for each query, after a few to warm up caches; torch computes on one thread meanwhile."""
    with one_thread(), stages(description, len(queries), "queries") as progress:
        for query in queries[:_WARM_UPS]:
            once(query)
        times = []
        for query in queries:
            times.append(once(query))
            progress(1)
    return times
