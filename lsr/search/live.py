"""Searching an index as it is now, whoever writes to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Self

from lsr.core.annotated import as_annotated
from lsr.search.retriever import Retriever

if TYPE_CHECKING:
    from lsr.index import Index
    from lsr.search.response import SearchResponse

FOLLOWED_EVERY = 0.2
"""Seconds for which nobody looks whether an index that is followed has changed."""


class LiveRetriever:
    """Searches an index, or a collection, as it is now: gives a `Retriever` of the newest snapshot.

    Models stay loaded as long as they are those that made the index. Safe to use from several threads.

    Attributes:
        latest: the retriever of the snapshot that was the newest when it was asked for last.
    """

    @as_annotated
    def __init__(self, snapshot: Callable[[], Index], *, known: Retriever | None = None, **options: Any) -> None:
        """`snapshot` gives the newest one, the same object as long as nothing changes; `options` of `Retriever`.

        `known` is a retriever of the same index, whose models and options are taken over.
        """
        self._snapshot = snapshot
        self._renewing = RLock()
        self.latest = Retriever(snapshot(), **options) if known is None else known.renewed(snapshot())

    @classmethod
    @as_annotated
    def follow(cls, path: str | Path, *, every: float = FOLLOWED_EVERY, **options: Any) -> Self:
        """Follow the index at `path`, which other processes may write to, or replace.

        `every`: seconds for which nobody looks whether it has changed; `options` as for `Retriever.open`. Raises
        IndexFormatError.
        """
        from lsr.index.live.reader import CollectionReader

        return cls(CollectionReader(path, every=every).snapshot, **options)

    def __repr__(self) -> str:
        return f"LiveRetriever({self.latest!r})"

    @property
    def now(self) -> Retriever:
        """Searches what is there now; what it sees never changes. Raises what opening the index raises."""
        # Before the lock: who makes it may need what is searched here.
        snapshot = self._snapshot()
        with self._renewing:
            if self.latest.index is not snapshot:
                self.latest = self.latest.renewed(snapshot)
            return self.latest

    def search(self, text: Any = None, k: int = 10, plan: Any = None, **given: Any) -> Any:
        """The `k` best documents for a text: see `lsr.search.retriever.Retriever.search`."""
        answer: SearchResponse | list[SearchResponse] = self.now.search(text, k, plan, **given)
        return answer
