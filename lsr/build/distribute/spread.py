"""An encoder that is spread over a cluster: what is computed batch by batch, computed by actors, in the same order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from types import ModuleType
from typing import Any

from lsr.build.distribute.sources import LoadEncoder
from lsr.core.arguments import texts_of
from lsr.core.chunks import chunks
from lsr.core.ray import actor_resources, connected, own_errors
from lsr.encoding.shared.spread import Item, Progress, Work
from lsr.encoding.shared.tokens import characters

Spread = Callable[[Any, LoadEncoder], Any]

# Items of each actor at a time: one that it works on, and one that waits, so that it need not.
_AHEAD = 2
# How often an actor whose process or machine has died begins again, and a piece of work is tried again.
_TRIES = 4
# As many texts, and characters of them, as encoders sort by length together: others would be computed in other batches.
_TEXTS, _CHARACTERS = 1024, 1 << 23


def in_one_process(encoder: Any, load: LoadEncoder) -> Any:
    """The encoder, not spread."""
    return encoder


@contextmanager
def spread_on_ray(
    address: str | None = None, *, workers: int | None = None, gpus: bool | None = None
) -> Iterator[Spread]:
    """A context that spreads encoders over a cluster of Ray: give it one, and what loads it elsewhere.

    `address` is of the cluster; None for one on this machine. `workers`: how many actors there are at most (default: as
    many as the cluster has CPUs, or GPUs); `gpus`: whether each has a GPU to itself (default: if there are any).
    """
    with connected("data", address) as ray, own_errors():
        count, resources = actor_resources(ray, gpus)
        yield partial(SpreadEncoder, ray=ray, workers=workers or count, resources=resources)


class SpreadEncoder:
    """An encoder of which only documents are encoded elsewhere; queries, and all else, are this one's own business.

    Vectors and scores are those of the encoder on as many threads as an actor has: what it computes together is made
    together there. On another number of threads, products may round otherwise in the last bits.
    """

    def __init__(
        self, encoder: Any, load: LoadEncoder, *, ray: ModuleType, workers: int, resources: dict[str, float]
    ) -> None:
        """Of `encoder`, which `load` gives wherever it is called: `workers` actors that have these resources."""
        self._encoder, self._load, self._ray, self._workers = encoder, load, ray, workers
        self._resources = resources

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def spread_work(self, work: Work, items: Iterable[Item], progress: Progress = None) -> Iterator[tuple[Item, Any]]:
        """As `lsr.encoding.shared.spread.worked`: actors do it, a few items at once, of which no more are read."""
        # What is one piece of work is done sooner here than an encoder is loaded elsewhere.
        items = iter(items)
        first = list(islice(items, 2))
        if len(first) < 2:
            yield from ((item, work(self._encoder, item, progress=progress)) for item in first)
            return
        actor = self._ray.remote(_Worker).options(
            **self._resources, max_restarts=_TRIES, max_task_retries=_TRIES, max_concurrency=1
        )
        workers: list[Any] = []
        waiting: deque[tuple[Item, Any]] = deque()
        try:
            for number, item in enumerate(chain(first, items)):
                if number < self._workers:
                    workers.append(actor.remote(self._load))
                if len(waiting) == _AHEAD * self._workers:
                    yield self._done(*waiting.popleft(), progress)
                waiting.append((item, workers[number % self._workers].do.remote(work, item)))
            while waiting:
                yield self._done(*waiting.popleft(), progress)
        finally:
            for worker in workers:
                self._ray.kill(worker)

    def stream_documents(self, texts: Iterable[str], *, progress: Progress = None) -> Iterator[Any]:
        """As a `DenseEncoder` and a `TokenEncoder` do."""
        most = getattr(self._encoder, "texts_at_once", _TEXTS)
        for _, parts in self.spread_work(_streamed, chunks(texts_of(texts), most, _CHARACTERS, characters), progress):
            yield from parts

    def _done(self, item: Item, found: Any, progress: Progress) -> tuple[Item, Any]:
        made, read = self._ray.get(found)
        if read is not None:
            self._encoder.tally.join(read)
        if progress is not None:
            progress(len(item))
        return item, made


class _Worker:
    """An actor: an encoder of its own."""

    def __init__(self, load: LoadEncoder) -> None:
        self._encoder = load()

    def do(self, work: Work, item: Any) -> tuple[Any, Any]:
        """What is made of an item, and what was read for it."""
        made, tally = work(self._encoder, item), getattr(self._encoder, "tally", None)
        return made, None if tally is None else tally.take()


def _streamed(encoder: Any, texts: list[str], /, progress: Progress = None) -> list[Any]:
    return list(encoder.stream_documents(texts, progress=progress))
