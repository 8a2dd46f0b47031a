"""Executors: the same results in the same order, whoever does the work."""

from __future__ import annotations

import threading
import time

import pytest
from patience import PATIENCE

from lsr.core.executor import executor


@pytest.mark.parametrize("threads", [None, 1, 2, 5])
@pytest.mark.parametrize("ahead", [None, 0, 3])
def test_results_come_in_the_order_of_the_items(threads: int | None, ahead: int | None) -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3 == 0))  # work that takes time
        return item * item

    with executor(threads) as workers:
        assert threads is None or workers.workers == threads
        assert list(workers.map(work, iter(range(20)), ahead=ahead)) == [item * item for item in range(20)]
        assert list(workers.map(work, [], ahead=ahead)) == []


def test_one_thread_is_the_caller_s() -> None:
    with executor(1) as workers:
        assert set(workers.map(lambda _: threading.current_thread(), range(5))) == {threading.current_thread()}
    with executor(2) as workers:
        assert threading.current_thread() not in set(workers.map(lambda _: threading.current_thread(), range(5)))


@pytest.mark.parametrize(("threads", "ahead", "most"), [(1, 0, 1), (2, 0, 2), (2, 1, 3), (3, 2, 5)])
def test_pieces_that_were_begun_wait_within_bounds(threads: int, ahead: int, most: int) -> None:
    taken, begun, counting = 0, 0, threading.Lock()

    def work(item: int) -> int:
        nonlocal begun
        with counting:
            begun += 1
            return begun - taken

    with executor(threads) as workers:
        for further in workers.map(work, range(30), ahead=ahead):
            assert further <= most
            taken += 1
            time.sleep(0.001)
    assert taken == begun == 30


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("ahead", [None, 0])
def test_an_error_comes_in_its_turn_and_ends_the_work(threads: int, ahead: int | None) -> None:
    done = []

    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        time.sleep(0.01)  # work that takes time
        done.append(item)
        return item

    taken = []
    with executor(threads) as workers, pytest.raises(ValueError, match="three"):
        for result in workers.map(work, range(1000), ahead=ahead):
            taken.append(result)
    assert taken == [0, 1, 2] and len(done) < 100


def test_pieces_run_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=PATIENCE)
    with executor(2) as workers:
        assert sorted(workers.map(lambda _: meeting.wait(), range(2), ahead=0)) == [0, 1]
