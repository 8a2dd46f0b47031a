"""What a request says of the time that it has, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Asked:
    """One request, or one search of a batch.

    Attributes:
        deadline: by `time.monotonic`, when shards must have answered.
        partial: whether an answer without those that have not is one.
        missing: the numbers of these.
        together: runs searches of a batch so that each shard is called once for all; None for one after another.
    """

    deadline: float
    partial: bool = False
    missing: set[int] = field(default_factory=set)
    together: Callable[[Sequence[Callable[[], Any]]], list[Any]] | None = None

    @property
    def left(self) -> float:
        """Seconds that are left; not below 0."""
        return max(0.0, self.deadline - time.monotonic())

    def told(self) -> dict[str, Any]:
        """What an answer says of it: nothing if every shard answered."""
        return {"partial": True, "missing": sorted(self.missing)} if self.missing else {}


ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)
"""That of the request that is worked on; None where there are no shards to ask."""


def all_of(calls: Sequence[Callable[[], T]]) -> list[T]:
    """What calls return, one after another, or together where the request's shards are asked together."""
    asked = ASKED.get()
    if asked is None or asked.together is None or len(calls) < 2:
        return [call() for call in calls]
    return asked.together(calls)


def told_of_shards() -> dict[str, Any]:
    """What the answer of the search that was just made says of shards; nothing where there are none."""
    asked = ASKED.get()
    return {} if asked is None else asked.told()
