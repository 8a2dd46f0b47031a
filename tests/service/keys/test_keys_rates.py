"""Token buckets, by a clock of the test's own."""

from __future__ import annotations

from dataclasses import replace

from lsr.service.keys.key import Key
from lsr.service.keys.rates import Bucket, Failures, KeyRates
from lsr.service.keys.roles import Role


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def key(**given: int) -> Key:
    return replace(Key.create(Role.READ)[1], **given)


def test_a_bucket_fills_in_a_minute_and_no_further() -> None:
    bucket = Bucket(60, 0.0)
    bucket.take(60)
    assert bucket.wait(0.0) == 1.0
    assert bucket.wait(1.0) == 0.0
    bucket.take(31)
    assert bucket.wait(1.0) == 31.0  # what was taken beyond is owed
    assert bucket.wait(1000.0, 60) == 0.0
    assert bucket.wait(2000.0, 61) == 1.0


def test_requests_are_counted_by_key() -> None:
    clock = Clock()
    rates, one, other, free = KeyRates(clock), key(requests_per_minute=3), key(requests_per_minute=3), key()
    assert [rates.request(one) for _ in range(3)] == [(0.0, "")] * 3
    assert rates.request(one) == (20.0, "requests")
    assert rates.request(other) == (0.0, "")
    assert {rates.request(free) for _ in range(1000)} == {(0.0, "")}
    clock.now += 20
    assert rates.request(one) == (0.0, "")
    assert rates.request(one)[1] == "requests"


def test_bytes_are_owed_by_the_next_request() -> None:
    clock = Clock()
    rates, one = KeyRates(clock), key(bytes_per_minute=600)
    assert rates.request(one) == (0.0, "")
    rates.spend(one, 1199)
    seconds, limit = rates.request(one)
    assert (seconds, limit) == (60.0, "bytes")
    clock.now += seconds
    assert rates.request(one) == (0.0, "")


def test_failures_are_counted_by_network_and_few_clients_are_remembered() -> None:
    clock = Clock()
    failures = Failures(a_minute=3, most=5, clock=clock)
    assert [failures.failed("192.0.2.1") for _ in range(4)] == [0.0, 0.0, 0.0, 20.0]
    assert failures.failed("192.0.2.2") == 0.0
    assert failures.failed("::ffff:192.0.2.1") > 0  # the same, as a socket for both kinds of addresses says it
    assert [failures.failed(f"2001:db8:0:1::{number:x}") for number in range(4)][-1] > 0
    assert failures.failed("2001:db8:0:2::1") == 0.0
    for number in range(100):
        failures.failed(f"198.51.100.{number}")
    assert len(failures) == 5
    clock.now += 20
    assert failures.failed("192.0.2.1") == 0.0
