"""The vocabulary: term strings and their ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lsr.core.arguments import kind_of, place_in, text_of
from lsr.core.counted import counted
from lsr.core.errors import InputError

WORD = "word:"
"""Before a word, in the names of an index's terms; a model's have none."""


class Vocabulary:
    """Terms numbered from 0 in the order given.

    A term's id never changes; `add` appends. Gaps in a tokenizer's numbering are filled with "[unused:ID]".
    """

    __slots__ = ("_ids", "_terms")

    def __init__(self, terms: Iterable[str] = ()) -> None:
        self._terms: list[str] = [text_of(term, "a term") for term in _iterable(terms)]
        self._ids: dict[str, int] = {term: id for id, term in enumerate(self._terms)}
        if len(self._ids) != len(self._terms):
            seen: set[str] = set()
            twice = next(term for term in self._terms if term in seen or seen.add(term))  # type: ignore[func-returns-value]
            raise ValueError(f"the term {twice!r} appears twice in the vocabulary")

    def __len__(self) -> int:
        return len(self._terms)

    def __iter__(self) -> Iterator[str]:
        return iter(self._terms)

    def __repr__(self) -> str:
        first = ", ".join(map(repr, self._terms[:3]))
        return f"Vocabulary({counted(len(self), 'terms')}: {first}{', …' if len(self) > 3 else ''})"

    def __contains__(self, term: object) -> bool:
        return isinstance(term, str) and term in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._terms == other._terms

    __hash__ = None  # type: ignore[assignment]

    def term(self, id: int) -> str:
        """The term with this id. InputError if there is none."""
        return self._terms[place_in(id, len(self._terms), "term")]

    def id(self, term: str) -> int | None:
        """The term's id, or None if it is not in the vocabulary."""
        return self._ids.get(text_of(term, "a term"))

    def add(self, term: str) -> int:
        """The term's id, appended if it is new."""
        id = self._ids.setdefault(text_of(term, "a term"), len(self._terms))
        if id == len(self._terms):
            self._terms.append(term)
        return id


def _iterable(terms: Any) -> Iterable[str]:
    if isinstance(terms, str | bytes) or not isinstance(terms, Iterable):
        raise InputError(f"terms must be a list, not {kind_of(terms)}")
    return terms
