"""Columns of the segment in memory: a number for each term of the model, and for each word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

# Up to so many terms have a column of the same number; of more, as hashes are, those that occur are numbered.
_MOST_PLAIN = 1 << 20


class Columns:
    """Numbers of terms and words: what is once numbered stays so, and readers of earlier numbers are not disturbed.

    Attributes:
        plain: term ids below this are columns themselves.
        dim: the number of terms of the model.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.plain = dim if dim <= _MOST_PLAIN else 0
        # Names of the columns from `plain` on: a word, or the id of a term.
        self._numbers: dict[str | int, int] = {}
        self._names: list[str | int] = []

    def __len__(self) -> int:
        return self.plain + len(self._names)

    def add(self, terms: npt.NDArray[np.uint32], words: Iterable[str]) -> npt.NDArray[np.uint32]:
        """The columns of a document's terms, then of its words; new ones are numbered."""
        names: list[str | int] = list(words)
        if not self.plain:
            names = [*terms.tolist(), *names]
        if not names:
            return terms
        numbers, known = self._numbers, self._names
        found = np.empty(len(names), np.uint32)
        for place, name in enumerate(names):
            number = numbers.get(name)
            if number is None:
                number = self.plain + len(known)
                known.append(name)
                numbers[name] = number
            found[place] = number
        return np.concatenate([terms, found]) if self.plain else found

    def find(self, terms: npt.NDArray[np.uint32], words: Sequence[str], below: int) -> npt.NDArray[np.int64]:
        """The columns of terms, then of words; -1 for what has none below a number."""
        found = np.full(len(terms) + len(words), -1, np.int64)
        get = self._numbers.get
        if self.plain:
            found[: len(terms)] = np.where(terms < self.plain, terms.astype(np.int64), -1)
        else:
            found[: len(terms)] = [get(term, -1) for term in terms.tolist()]
        if words:
            found[len(terms) :] = [get(word, -1) for word in words]
        found[found >= below] = -1
        return found

    def split(
        self, columns: npt.NDArray[np.uint32]
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_], tuple[str, ...]]:
        """Columns, ascending, as (the terms of the model among them, which of them are terms, the words)."""
        plain = int(np.searchsorted(columns, self.plain))
        is_term = np.zeros(len(columns), np.bool_)
        is_term[:plain] = True
        names = [self._names[number - self.plain] for number in columns[plain:].tolist()]
        if self.plain:
            return columns[:plain], is_term, tuple(map(str, names))
        is_term[:] = [not isinstance(name, str) for name in names]
        terms = np.array([name for name in names if not isinstance(name, str)], np.uint32)
        return terms, is_term, tuple(name for name in names if isinstance(name, str))

    def word(self, column: int) -> str:
        """The word of a column."""
        return str(self._names[column - self.plain])
