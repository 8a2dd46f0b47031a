"""Memory that searches work in, used again by the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from lsr.index.engines.prepared import MOST_NARROW_TERMS
from lsr.index.kernels.scoring import Lookup

if TYPE_CHECKING:
    from lsr.index.parts.segment import Segment

T = TypeVar("T")

# Places of more terms need more than a byte.
_MOST_SHORT_TERMS = 255
# One for each kind of scratch memory that a query may get.
QUERY_SIZES = (1, MOST_NARROW_TERMS + 1, _MOST_SHORT_TERMS + 1)


@contextmanager
def borrowed_scratch(segment: Segment) -> Iterator[Scratch]:
    """Memory for one search of a segment: there is some for each search that runs at the same time.

    It is given back unless the search failed, which may have left it in any state.
    """
    try:
        scratch = segment.idle.pop()
    except IndexError:
        scratch = Scratch(segment)
    yield scratch
    segment.idle.append(scratch)


class Scratch:
    """Memory that one search at a time works in, made when it is first needed and used again."""

    def __init__(self, segment: Segment) -> None:
        self._documents = len(segment.forward)
        self._dim = segment.record.dim
        self._generation = 0
        self._kept: dict[str, Any] = {}
        self.counters = np.zeros(4, np.int64)

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """What an engine keeps here under a name of its own, made by `make` on first use."""
        found = self._kept.get(name)
        if found is None:
            found = self._kept[name] = make()
        return cast("T", found)

    def lookup(self, terms: int) -> Lookup:
        """An empty lookup for a query of so many terms; to be left empty."""
        return self._lookup if terms <= _MOST_SHORT_TERMS else self._wide_lookup

    @cached_property
    def _lookup(self) -> Lookup:
        return np.zeros(self._dim, np.uint8), np.zeros(_MOST_SHORT_TERMS + 1, np.float32)

    @cached_property
    def _wide_lookup(self) -> Lookup:
        return np.zeros(self._dim, np.uint32), np.zeros(self._dim + 1, np.float32)

    @cached_property
    def visited(self) -> npt.NDArray[np.uint8]:
        """uint8 [documents]: the generation of the search that last visited each document."""
        return np.zeros(self._documents, np.uint8)

    def next_generation(self) -> np.uint8:
        """A number that stands nowhere in `visited`."""
        if self._generation == 255:
            self.visited[:] = 0
            self._generation = 0
        self._generation += 1
        return np.uint8(self._generation)
