"""One piece of work after another for an encoder: done here, or by processes that it is spread over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item", bound=Sized)
Done = TypeVar("Done")
Progress = Callable[[int], None] | None


class Work(Protocol):
    """What is done to an item: a function of a module, or a `partial` of one, so that it can go to other processes."""

    def __call__(self, encoder: Any, item: Any, /, progress: Progress = None) -> Any: ...


def worked(encoder: Any, work: Work, items: Iterable[Item], progress: Progress = None) -> Iterator[tuple[Item, Any]]:
    """Each item, and what the work makes of it with the encoder, in order.

    Work is done here, item after item, unless the encoder is a `lsr.build.distribute.spread.SpreadEncoder`.
    `progress` is called with how many members of an item are done.
    """
    spread = getattr(encoder, "spread_work", None)
    if spread is not None:
        yield from spread(work, items, progress)
        return
    for item in items:
        yield item, work(encoder, item, progress=progress)
