"""The term ids of a snapshot, and what its segments call the same terms.

A model's terms have the same ids everywhere. Words are numbered by each segment for itself, so that it needs no other
to be read. A snapshot's ids for them follow the model's terms, one segment's words after another's; a word that several
segments hold is known by its number in the first of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate as running_totals
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt

from lsr.index.engines.prepared import PreparedQueries

Ids = npt.NDArray[np.int64]
# Words whose numbers are remembered, of those that queries asked for.
_MOST_KNOWN = 1 << 17


class SegmentWords(Protocol):
    """The words of one segment, numbered from 0."""

    def __len__(self) -> int: ...

    def name(self, number: int) -> str: ...

    def find(self, name: str) -> int | None: ...


class TermNumbers:
    """From the term ids of a snapshot to those of its segments, and back.

    Args:
        model: the number of a model's terms.
        words: those of each segment; None for a segment that holds none.
    """

    def __init__(self, model: int, words: Sequence[SegmentWords | None]) -> None:
        self.model = model
        self._words = words
        lengths = [0 if each is None else len(each) for each in words]
        self._starts = list(running_totals(lengths, initial=model))
        self._known: dict[int, Ids] = {}

    @property
    def dim(self) -> int:
        """The number of term ids."""
        return self._starts[-1]

    @property
    def one(self) -> bool:
        """Whether there is one segment, whose ids are the snapshot's."""
        return len(self._words) == 1

    def find(self, word: str) -> int | None:
        """The term id of a word; None if no segment holds it."""
        for start, words in zip(self._starts, self._words, strict=False):
            number = None if words is None else words.find(word)
            if number is not None:
                return start + number
        return None

    def word(self, id: int) -> str:
        """The word of a term id; IndexError if it is none of a word."""
        if not self.model <= id < self.dim:
            raise IndexError(f"term {id} is not a word: words are {self.model} … {self.dim - 1}")
        segment = bisect_right(self._starts, id) - 1
        words = self._words[segment]
        assert words is not None
        return words.name(id - self._starts[segment])

    def numbers(self, id: int) -> Ids:
        """What each segment numbers a word of this term id, after the model's terms; -1 where it does not hold it.

        int64 [segments]. Of an id that is no word's, or that of a word known by another, -1 in all.
        """
        known = self._known.get(id)
        if known is None:
            word = self.word(id)
            # By two ids, a query would hold the word twice, and more terms than a segment has.
            asked = self._words if self.find(word) == id else [None] * len(self._words)
            found = (None if words is None else words.find(word) for words in asked)
            known = np.array([-1 if number is None else self.model + number for number in found], np.int64)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[id] = known
        return known

    def in_segment(self, segment: int, queries: PreparedQueries) -> PreparedQueries:
        """The queries by the term ids of a segment, without the words that it does not hold."""
        terms = queries.terms
        if self.one or not len(terms) or self.dim == self.model:
            return queries
        words = np.flatnonzero(terms >= self.model)
        if not len(words):
            return queries
        own = terms.astype(np.int64)
        own[words] = [self.numbers(id)[segment] for id in terms[words].tolist()]
        owners = np.repeat(np.arange(len(queries)), np.diff(queries.indptr))
        order = np.lexsort((own, owners))
        order = order[own[order] >= 0]
        indptr = np.searchsorted(owners[order], np.arange(len(queries) + 1)).astype(np.int64)
        return PreparedQueries(indptr, own[order].astype(np.uint32), queries.weights[order])

    def of_segment(self, segment: int, ids: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
        """The snapshot's term ids of term ids of a segment."""
        if segment == 0 or self.dim == self.model:
            return ids.astype(np.uint32)
        found = ids.astype(np.int64)
        words = found >= self.model
        if words.any():
            distinct, places = np.unique(found[words], return_inverse=True)
            named = self._words[segment]
            assert named is not None
            known = [self.find(named.name(id - self.model)) for id in distinct.tolist()]
            found[words] = np.array(known, np.int64)[places]
        return found.astype(np.uint32)


class SnapshotWords(Sequence[str]):
    """The words of a snapshot of several segments. Those that more than one holds occur once for each of them.

    Attributes:
        first: the term id of the first word.
    """

    def __init__(self, numbers: TermNumbers) -> None:
        self._numbers = numbers
        self.first = numbers.model

    def __repr__(self) -> str:
        return f"SnapshotWords({len(self):,} words from term {self.first:,} on)"

    def __len__(self) -> int:
        return self._numbers.dim - self.first

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> list[str]: ...
    def __getitem__(self, number: int | slice) -> str | list[str]:
        """The word of a number, counted from 0; IndexError if there are not so many."""
        if isinstance(number, slice):
            return [self.word(self.first + each) for each in range(len(self))[number]]
        return self.word(self.first + range(len(self))[number])

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.find(word) is not None

    def __iter__(self) -> Iterator[str]:
        return (self.word(id) for id in range(self.first, self._numbers.dim))

    def find(self, word: str) -> int | None:
        """The term id of a word; None if it is not one of them."""
        return self._numbers.find(word)

    def word(self, id: int) -> str:
        """The word of a term id; IndexError if it is none of a word."""
        return self._numbers.word(id)
