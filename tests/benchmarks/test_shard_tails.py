"""The simulation of many shards, by times that are known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from shard_tails import STALL_MS, hop_times, simulated

NO_HOP = np.zeros(1)


def drawn(times: np.ndarray, count: int, hedge: float | None = None, stalled: float = 0.0) -> dict[str, float]:
    return simulated(times, NO_HOP, count, hedge, stalled, np.random.default_rng(1))


def test_a_query_is_as_slow_as_the_slowest_shard() -> None:
    times = np.arange(1.0, 11.0).reshape(1, 10, 1)
    assert drawn(times, 10)["p50_ms"] == 10
    # Of one shard by chance, the median lies in the middle.
    assert 5 <= drawn(times, 1)["p50_ms"] <= 6


def test_a_hop_is_added() -> None:
    found = simulated(np.ones((1, 2, 1)), np.full(3, 0.5), 2, None, 0.0, np.random.default_rng(1))
    assert found["p50_ms"] == found["p999_ms"] == 1.5


def test_the_share_of_queries_that_meet_a_stall_grows_with_the_shards() -> None:
    times = np.ones((1, 100, 1))
    # 1 - 0.99^100 is 0.63.
    assert drawn(times, 100, stalled=0.01)["p50_ms"] == 1 + STALL_MS
    assert drawn(times, 10, stalled=0.01)["p50_ms"] == 1


def test_hedging_takes_off_what_is_rare_and_asks_a_little_more() -> None:
    times = np.ones((1, 50, 100))
    times[:, :, 0] = 50.0  # one call in a hundred
    plain, hedged = drawn(times, 50), drawn(times, 50, hedge=0.95)
    assert plain["p95_ms"] == 50 and hedged["p95_ms"] == 2
    assert hedged["more_requests"] == pytest.approx(0.01, abs=0.003) and plain["more_requests"] == 0


def test_hedging_does_not_help_against_a_shard_that_is_always_slow() -> None:
    times = np.ones((1, 20, 3))
    times[:, 4] = 50.0
    assert drawn(times, 20, hedge=0.95)["p50_ms"] == 50


def test_a_hop_takes_time() -> None:
    hops = hop_times()
    assert (hops > 0).all()
