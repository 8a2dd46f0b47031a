"""A limit on how often a log says the same."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

_MOST_KINDS = 256


class LogLimit(logging.Filter):
    """Lets `burst` records of one kind through in `seconds`; the next that passes says how many did not.

    A kind is a logger and a message without its values, so that a thousand clients who do the same are one kind. The
    log of requests, which has one line for each, is let through as it is.
    """

    def __init__(self, burst: int = 10, seconds: float = 10.0, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._burst = burst
        self._seconds = seconds
        self._clock = clock
        # The start of the interval, how many have passed in it, and how many not.
        self._kinds: dict[tuple[str, str], tuple[float, int, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "lsr.service.requests":
            return True
        # What was put together beforehand begins alike.
        kind = (record.name, str(record.msg)[:40])
        now = self._clock()
        begun, passed, held = self._kinds.pop(kind, (now, 0, 0))
        if now - begun >= self._seconds:
            begun, passed = now, 0
        passes = passed < self._burst
        if passes and held:
            record.msg = f"{record.getMessage()} ({held:,} more like it were not logged)"
            record.args = ()
        if len(self._kinds) >= _MOST_KINDS:
            self._kinds.pop(next(iter(self._kinds)))
        self._kinds[kind] = (begun, passed + passes, 0 if passes else held + 1)
        return passes
