"""The plan of machines: its formulas, by values worked out by hand."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from lsr.build import capacity
from lsr.build.capacity import GIB, Need, interpolated, plan
from lsr.core.errors import InputError

MEASURED = {
    "sizes": [
        {
            "documents": documents,
            "index_bytes": documents * 1000,
            "build_seconds": documents / 10_000,
            "search": {
                "0.9": {"mean_us": 500.0 * times, "p50_us": 500.0 * times, "p99_us": 500.0 * times, "recall": 0.9},
                "exact": {"mean_us": 2000.0 * times, "p50_us": 2000.0 * times, "p99_us": 4000.0 * times, "recall": 1.0},
            },
        }
        for documents, times in ((1_000_000, 1), (4_000_000, 2))
    ],
    "terms_a_document": 100.0,
    "build_threads": 2,
    "scale": {"date": "2026-01-01", "cpus": 2},
    "hop": {"date": "2026-01-01", "machine": "one", "latency_ms": 1.0, "cpu_ms": 0.5},
    "encoding": {"machine": "one", "model": "tiny", "threads": 2, "documents_a_second": 100.0},
}


@pytest.fixture(autouse=True)
def round_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search time grows with the square root of the documents, all else in proportion."""
    monkeypatch.setattr(capacity, "measured", lambda: MEASURED)


def test_between_two_sizes_values_lie_on_a_line_of_logarithms() -> None:
    sizes, values = [1.0, 4.0, 16.0], [10.0, 20.0, 80.0]
    assert interpolated(sizes, values, 2) == pytest.approx(10 * math.sqrt(2))
    assert interpolated(sizes, values, 8) == pytest.approx(40)
    assert [interpolated(sizes, values, size) for size in sizes] == pytest.approx(values)
    assert interpolated(sizes, values, 0.5) == 5 and interpolated(sizes, values, 32) == 160


def test_one_machine_is_enough_for_what_fits() -> None:
    found = plan(Need(documents=4_000_000, qps=100, recall=0.9, cores=4, memory_gib=8, text_bytes=0))
    assert (found.machines, found.shards, found.copies, found.bound) == (1, 1, 1, "memory")
    # 1 ms of search, and 1 ms of one hop; the p99 is the median, for the measured one does not spread.
    assert (found.p50_ms, found.p99_ms) == (2.0, 2.0)
    # 4 processors, of which 0.6 search, at 1 ms + 0.5 ms a query.
    assert found.qps == pytest.approx(4 * 0.6 * 1000 / 1.5)
    assert found.memory_gib == round(4e9 / GIB, 1) and found.disk_gib == round(8e9 / GIB, 1)
    # 400 s on 2 threads, 200 s on 4; 40,000 s of encoding on 2 threads.
    assert (found.build_hours, found.encode_hours) == (round(200 / 3600, 2), round(20_000 / 3600, 2))


def test_memory_asks_for_machines() -> None:
    # 12.8 GiB of each 16 hold 3 shards of 4 million documents, of 3.7 GiB each.
    found = plan(Need(documents=40_000_000, qps=1, recall=0.9, cores=4, memory_gib=16))
    assert found.shards * found.shard_documents >= 40_000_000
    assert found.memory_gib <= 16 * 0.8 and found.bound == "memory"
    assert found.machines >= math.ceil(found.index_gib / (16 * 0.8))


def test_queries_ask_for_copies() -> None:
    need = Need(documents=4_000_000, qps=10_000, recall=0.9, cores=4, memory_gib=8)
    found = plan(need)
    # 1.5 ms a query are 15 busy processors, of 0.6 × 4 a machine: 6.25 machines.
    assert (found.machines, found.copies, found.bound) == (7, 7, "queries")
    assert found.qps >= need.qps


def test_copies_that_are_asked_for_are_there() -> None:
    assert plan(Need(documents=1000, copies=3)).machines == 3


def test_more_recall_than_was_measured_is_exact_search() -> None:
    found = plan(Need(documents=1_000_000, recall=0.91, cores=4, memory_gib=8))
    assert (found.p50_ms, found.p99_ms) == (3.0, 5.0)


def test_the_slowest_of_many_shards() -> None:
    one, hundred = (capacity._slowest(2.0, 4.0, shards) for shards in (1, 100))
    assert one(0.5) == pytest.approx(2.0) and one(0.99) == pytest.approx(4.0)
    # Half of the queries are slower than the 100th root of a half of one shard's, the 0.9931st.
    place = NormalDist().inv_cdf(0.5 ** (1 / 100)) / NormalDist().inv_cdf(0.99)
    assert hundred(0.5) == pytest.approx(2 * 2**place) and hundred(0.5) > one(0.99)


def test_what_cannot_be_reached_is_said() -> None:
    assert plan(Need(documents=10**9, p99_ms=0.01)).slow
    assert not plan(Need(documents=1000)).slow


@pytest.mark.parametrize(
    ("field", "value"), [("documents", 0), ("qps", -1), ("recall", 1.5), ("memory_gib", math.nan), ("terms", 0)]
)
def test_what_makes_no_sense_is_refused(field: str, value: float) -> None:
    with pytest.raises(InputError) as caught:
        Need(**{"documents": 1000, field: value})  # type: ignore[arg-type]
    assert caught.value.field == field


def test_more_of_anything_never_takes_fewer_machines() -> None:
    machines = [plan(Need(documents=documents)).machines for documents in (10**5, 10**6, 10**7, 10**8, 10**9)]
    assert machines == sorted(machines)
    machines = [plan(Need(documents=10**7, qps=qps)).machines for qps in (1, 100, 10_000, 10**6)]
    assert machines == sorted(machines)
