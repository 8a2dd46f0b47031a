"""Columns that rare terms share, so that a term takes two bytes whatever the number of terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError

# What two bytes can tell apart.
COLUMNS = 1 << 16
# Of these, those that several terms share. More make the bounds of rare terms closer: of 120,000 documents with 470,000
# different words, a search for four rare ones scored 2,000 with 4,096, 1,100 with 8,192 and 600 with 16,384. Beyond,
# words that are not so rare would share columns too.
SHARED = 1 << 14
# Which of the terms of a column it is takes two bytes too.
_MOST_TURNS = 1 << 16


class Arranged(NamedTuple):
    """The rare terms of some rows in the order of their columns.

    Attributes:
        places: where rare terms stand.
        sources: where the one stood that now stands there.
        columns, turns: its column and its turn.
    """

    places: npt.NDArray[np.int64]
    sources: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    turns: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SharedColumns:
    """Which columns stand for which terms, where the last terms, which are rare, share the last columns.

    Terms below `first` have a column of their own, of the same number. The others go round the shared columns in turns:
    `column = first + (term - first) % shared`, `turn = (term - first) // shared`. In the order of an index, a row goes
    by column, and by turn within a column.

    Attributes:
        terms: the number of terms.
        columns: the number of columns.
        first: the first shared column, and the first rare term.
    """

    terms: int
    columns: int
    first: int

    @classmethod
    def of(cls, terms: int) -> SharedColumns | None:
        """Those for so many terms, of which the last are the rarest; None if each can have a column of its own.

        InputError for more terms than can be told apart.
        """
        if terms <= COLUMNS:
            return None
        made = cls(terms, COLUMNS, COLUMNS - SHARED)
        if made.most_turns > _MOST_TURNS:
            raise InputError(f"rare terms share columns among at most {made.first + SHARED * _MOST_TURNS:,} terms")
        return made

    @property
    def shared(self) -> int:
        """How many columns are shared."""
        return self.columns - self.first

    @property
    def most_turns(self) -> int:
        """How many terms the first of them stands for, and none more."""
        return -(-(self.terms - self.first) // self.shared)

    def arrange(self, indptr: npt.NDArray[np.int64], ids: npt.NDArray[Any]) -> Arranged:
        """Where the rare ones of these term ids, ascending within rows that begin at the offsets `indptr`, go."""
        places = np.flatnonzero(ids >= self.first)
        turns, columns = np.divmod(ids[places].astype(np.int64) - self.first, self.shared)
        order = np.lexsort((turns, columns, np.searchsorted(indptr, places, side="right")))
        return Arranged(places, places[order], self.first + columns[order], turns[order])

    def term_ids(self, columns: npt.NDArray[Any], turns: npt.NDArray[Any]) -> npt.NDArray[np.uint32] | None:
        """The term ids of columns, of which the shared ones have these turns, in order; None if these are not as many.

        uint32 [as many as columns].
        """
        ids = columns.astype(np.uint32)
        rare = columns >= self.first
        if np.count_nonzero(rare) != len(turns):
            return None
        ids[rare] += turns.astype(np.uint32) * np.uint32(self.shared)
        return ids

    def by_id(self, indptr: npt.NDArray[np.int64], ids: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.int64], ...]:
        """(places, sources) that put term ids in the order of columns back into ascending order within each row."""
        places = np.flatnonzero(ids >= self.first)
        order = np.lexsort((ids[places], np.searchsorted(indptr, places, side="right")))
        return places, places[order]
