"""Loading models one after another, in whatever threads.

transformers keeps what it is doing while it imports and loads in variables of the process: two loads at once leave
weights out, then and in every later load.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

LOADING = RLock()
"""Held by the thread that loads with transformers."""


def one_at_a_time(load: Callable[P, R]) -> Callable[P, R]:
    """The same function, which waits while another thread is in one of these."""

    @wraps(load)
    def alone(*arguments: P.args, **options: P.kwargs) -> R:
        with LOADING:
            return load(*arguments, **options)

    return alone
