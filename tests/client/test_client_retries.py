"""When a request is sent again: in steps, without a network, and without waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from lsr.client.asking import Server
from lsr.client.retries import Retries, retry_after
from lsr.client.steps import Failure, Pause, Reply, Request
from lsr.core.errors import NotFoundError, ServerError

LOST = Failure("the connection was lost", again=True)
FINE = Reply(200, {"content-type": "application/json"}, b'{"a": 1}')


def turned_away(status: int, **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


def asked(*came: Reply | Failure, repeatable: bool = True, **settings: Any) -> tuple[Any, list[float], int]:
    """What comes of asking a server from which this comes; the pauses, and how often it was asked."""
    steps = Server(Retries(draw=lambda: 1.0, **settings)).ask("GET", "/v1/x", repeatable=repeatable)
    waiting, pauses, count = list(came), [], 0
    given: Any = None
    try:
        while True:
            step = steps.send(given)
            given = None
            if isinstance(step, Pause):
                pauses.append(step.seconds)
            else:
                assert isinstance(step, Request)
                given, count = waiting.pop(0), count + 1
    except StopIteration as done:
        return done.value, pauses, count


def test_an_answer_is_asked_for_once() -> None:
    assert asked(FINE) == ({"a": 1}, [], 1)


@pytest.mark.parametrize("came", [LOST, *(turned_away(status) for status in (429, 502, 503, 504))])
def test_what_may_pass_is_asked_for_again_after_longer_and_longer_waits(came: Reply | Failure) -> None:
    value, pauses, count = asked(came, came, came, FINE, first=0.5, longest=1.5)
    assert (value, pauses, count) == ({"a": 1}, [0.5, 1.0, 1.5], 4)


def test_waits_are_drawn() -> None:
    retries = [Retries(draw=lambda at=at: at, first=1.0).wait(1, LOST) for at in (0.0, 0.5, 1.0)]  # type: ignore[misc]
    assert retries == [0.5, 0.75, 1.0]


def test_it_is_given_up_at_last() -> None:
    with pytest.raises(ServerError, match="the connection was lost, 3 times; check that"):
        asked(LOST, LOST, LOST, most=2)


def test_a_server_that_was_never_reached_is_given_up_soon() -> None:
    nobody = Failure("cannot reach it", again=True, reached=False)
    with pytest.raises(ServerError, match="cannot reach it, 3 times; check that"):
        asked(nobody, nobody, nobody, most=8)
    with pytest.raises(ServerError, match="cannot reach it, 2 times"):
        asked(nobody, nobody, most=1)
    # It may be starting anew where it answered before, or something before it does.
    value, pauses, count = asked(turned_away(503), *[nobody] * 7, FINE, most=8, first=0.5, longest=0.5)
    assert (value, len(pauses), count) == ({"a": 1}, 8, 9)
    assert asked(nobody, LOST, *[nobody] * 5, FINE, most=8)[2] == 8


@pytest.mark.parametrize("came", [LOST, turned_away(503), turned_away(429)])
def test_what_is_not_to_be_done_twice_is_asked_for_once(came: Reply | Failure) -> None:
    with pytest.raises(ServerError):
        asked(came, repeatable=False)


def test_what_will_not_pass_is_not_asked_for_again() -> None:
    problem = b'{"type": "urn:problem-type:lsr:not-found", "detail": "no such thing"}'
    with pytest.raises(NotFoundError, match=r"^no such thing$"):
        asked(Reply(404, {"content-type": "application/problem+json"}, problem))
    with pytest.raises(ServerError, match="500"):
        asked(turned_away(500))
    with pytest.raises(ServerError, match="within 30 s"):
        asked(Failure("it did not answer within 30 s", again=False))


def test_the_server_says_when() -> None:
    value, pauses, _ = asked(turned_away(429, retry_after="7"), turned_away(503, retry_after="0"), FINE, first=0.5)
    assert (value, pauses) == ({"a": 1}, [7.0, 1.0])
    # An hour is no wait but an answer.
    with pytest.raises(ServerError, match="429"):
        asked(turned_away(429, retry_after="3600"))


def test_when_may_be_a_date() -> None:
    later = datetime.now(UTC) + timedelta(minutes=5)
    seconds = retry_after(turned_away(503, retry_after=format_datetime(later, usegmt=True)))
    assert seconds is not None and 0 < seconds <= 300
    assert retry_after(turned_away(503, retry_after=format_datetime(later - timedelta(days=1)))) == 0
    assert [retry_after(turned_away(503, retry_after=each)) for each in ("soon", "", "-1", "1.5")] == [None] * 4
