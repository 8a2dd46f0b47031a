"""When a request is sent again, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lsr.client.steps import Failure, Reply

# Too many requests; no gateway, no service, no answer of either in time.
_AGAIN = (429, 502, 503, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Exponential back-off with jitter: each wait is drawn from the upper half of a span that doubles.

    Attributes:
        most: how often a request is sent again.
        unknown: how often at most where nothing was ever reached: the address is likely wrong.
        first, longest: seconds of the first span, and of the longest.
        patience: the most seconds that are waited because a server says so (`Retry-After`).
        draw: a random number from 0 to 1.
    """

    most: int = 6
    unknown: int = 2
    first: float = 0.25
    longest: float = 8.0
    patience: float = 60.0
    draw: Callable[[], float] = random.random

    def wait(self, sent: int, came: Reply | Failure, *, known: bool = True) -> float | None:
        """Seconds until a request is sent again that was sent so often and got this; None to leave it at that.

        known: whether the server has been reached before.
        """
        lost = isinstance(came, Failure) and not came.reached and not known
        if sent > (min(self.most, self.unknown) if lost else self.most):
            return None
        if not (came.again if isinstance(came, Failure) else came.status in _AGAIN):
            return None
        span = min(self.longest, self.first * 2 ** (sent - 1))
        seconds = span * (1 + self.draw()) / 2
        asked = retry_after(came) if isinstance(came, Reply) else None
        if asked is None:
            return seconds
        return None if asked > self.patience else max(seconds, asked)


def retry_after(reply: Reply) -> float | None:
    """The seconds of `Retry-After`, which is a number or a date; None without, or where it is neither."""
    said = reply.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said)
    with suppress(ValueError):
        moment = parsedate_to_datetime(said)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return None
