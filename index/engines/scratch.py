"""Working memory of searches, reused by the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from lsr.index.engines.prepared import MOST_NARROW_TERMS
from lsr.index.kernels.scoring import Lookup

if TYPE_CHECKING:
    from lsr.index.engines.together import Together
    from lsr.index.parts.segment import Segment

T = TypeVar("T")

# Places of more terms need more than a byte.
_MOST_SHORT_TERMS = 255
# A place for each term id of two bytes, whether there is such a term or not: see `lsr.index.kernels.scoring`.
_TERMS_OF_TWO_BYTES = 1 << 16
# One for each kind of scratch memory that a query may get.
QUERY_SIZES = (1, MOST_NARROW_TERMS + 1, _MOST_SHORT_TERMS + 1)


class BorrowedScratch:
    """Working memory for one search of a segment, as a context manager; concurrent searches each have their own.

    It is given back unless the search failed, which may have left it in any state. It is entered once per search, so it
    is not written as a generator, which takes 0.5 µs more.

    Args:
        owner: a segment, or several that are searched together: `idle` holds what nobody uses.
    """

    __slots__ = ("_owner", "_scratch")

    def __init__(self, owner: Segment | Together) -> None:
        self._owner = owner

    def __enter__(self) -> Scratch:
        try:
            self._scratch = self._owner.idle.pop()
        except IndexError:
            self._scratch = Scratch(self._owner.members)
        return self._scratch

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._owner.idle.append(self._scratch)


class Scratch:
    """Working memory for one search at a time, allocated on first use and reused.

    It is large enough for each of some segments.

    Attributes:
        terms: the most that a query can have.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        records = [segment.record for segment in segments]
        self._documents = max(len(segment.forward) for segment in segments)
        self.terms = max(record.terms for record in records)
        self._rare = any(record.shared is not None for record in records)
        self._places = max(*(record.dim + 1 for record in records), _TERMS_OF_TWO_BYTES)
        self._generation = 0
        self._kept: dict[str, Any] = {}
        self.counters = np.zeros(4, np.int64)

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """What an engine keeps here under `name`, created by `make` on first use."""
        found = self._kept.get(name)
        if found is None:
            found = self._kept[name] = make()
        return cast("T", found)

    def lookup(self, terms: int) -> Lookup:
        """An empty lookup for a query of so many terms; it must be left empty."""
        return self._lookup if terms <= _MOST_SHORT_TERMS else self._wide_lookup

    @cached_property
    def _lookup(self) -> Lookup:
        return self._new_lookup(np.uint8, _MOST_SHORT_TERMS)

    @cached_property
    def _wide_lookup(self) -> Lookup:
        return self._new_lookup(np.uint32, self.terms)

    def _new_lookup(self, dtype: npt.DTypeLike, terms: int) -> Lookup:
        """One of places of this type, for queries of at most so many terms."""
        rare = 2 + terms * self._rare
        return np.zeros(self._places, dtype), np.zeros(terms + 1, np.float64), np.zeros(rare, np.uint32)

    @cached_property
    def visited(self) -> npt.NDArray[np.uint8]:
        """uint8 [documents]: the generation of the search that last visited each document."""
        return np.zeros(self._documents, np.uint8)

    def next_generation(self) -> np.uint8:
        """A number that does not occur in `visited`."""
        if self._generation == 255:
            self.visited[:] = 0
            self._generation = 0
        self._generation += 1
        return np.uint8(self._generation)
