"""Words: the names of the last terms of an index, of which there may be very many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from lsr.core.arguments import place_in, text_of
from lsr.core.errors import InputError
from lsr.core.vocabulary import WORD, Vocabulary
from lsr.index.format.records import SegmentRecord
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.names import NameFiles, NameTable, NameWriter
from lsr.index.parts.part import OpenSegment, WrittenPart

FILES = NameFiles("word_bytes.npy", "word_indptr.npy", "word_hashes.npy", "word_numbers.npy", "word number", "word")
_AT_A_TIME = 1 << 16


class Words(Sequence[str]):
    """The words of an index, in the order of their term ids. Nothing is read before it is asked for.

    Attributes:
        first: the term id of the first word.
        table: of the words, numbered from 0.
    """

    def __init__(self, table: NameTable, first: int) -> None:
        self.table = table
        self.first = first

    def __repr__(self) -> str:
        return f"Words({len(self):,} words from term {self.first:,} on)"

    def __len__(self) -> int:
        return len(self.table.numbers)

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> list[str]: ...
    def __getitem__(self, number: int | slice) -> str | list[str]:
        """The word of a number, counted from 0; IndexError if there are not so many."""
        if isinstance(number, slice):
            return [self.table.name(each) for each in range(len(self))[number]]
        return self.table.name(range(len(self))[number])

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.table.find(word) is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Words):
            return NotImplemented
        mine, its = self.table, other.table
        alike = self.first == other.first and np.array_equal(mine.indptr, its.indptr)
        return alike and np.array_equal(mine.bytes, its.bytes)

    __hash__ = None  # type: ignore[assignment]

    def find(self, word: str) -> int | None:
        """The term id of a word; None if it is not one of them."""
        number = self.table.find(word)
        return None if number is None else self.first + number

    def word(self, id: int) -> str:
        """The word of a term id; InputError if it is none of a word."""
        if not self.first <= id < self.first + len(self):
            raise InputError(f"term {id} is not a word: words are {self.first} … {self.first + len(self) - 1}")
        return self.table.name(id - self.first)


class WordVocabulary(Vocabulary):
    """A vocabulary whose last terms are words, which are read as they are asked for. Nothing can be added to it.

    A word is called `WORD` + word in it.
    """

    __slots__ = ("tokens", "words")

    def __init__(self, tokens: Vocabulary, words: Words) -> None:
        self.tokens, self.words = tokens, words

    def __len__(self) -> int:
        return len(self.tokens) + len(self.words)

    def __iter__(self) -> Iterator[str]:
        yield from self.tokens
        for word in self.words:
            yield WORD + word

    def __repr__(self) -> str:
        return f"WordVocabulary({len(self.tokens):,} tokens, {len(self.words):,} words)"

    def __contains__(self, term: object) -> bool:
        return isinstance(term, str) and self.id(term) is not None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, WordVocabulary):
            return self.tokens == other.tokens and self.words == other.words
        if not isinstance(other, Vocabulary) or len(self) != len(other):
            return False
        return all(mine == its for mine, its in zip(self, other, strict=True))

    __hash__ = None

    def __reduce__(self) -> tuple[Any, ...]:
        """As a vocabulary in memory: a file that is mapped here may not be there."""
        return Vocabulary, (list(self),)

    def term(self, id: int) -> str:
        """The term with this id."""
        id = place_in(id, len(self), "term")
        return self.tokens.term(id) if id < len(self.tokens) else WORD + self.words.word(id)

    def id(self, term: str) -> int | None:
        """The term's id, or None if it is not in the vocabulary."""
        found = self.tokens.id(text_of(term, "a term"))
        return self.words.find(term[len(WORD) :]) if found is None and term.startswith(WORD) else found

    def add(self, term: str) -> int:
        """Raise TypeError: an index does not change."""
        raise TypeError("nothing can be added to the vocabulary of an index")


def check_words(words: Sequence[str], vocabulary: Vocabulary | None) -> None:
    """InputError for a word that is no text, or not valid Unicode, or twice there, or named as a token is."""
    numbers: dict[str, int] = {}
    for number, word in enumerate(words):
        if not isinstance(word, str):
            raise InputError(f"word {number:,} must be a text, not {type(word).__name__}")
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"word {number:,}, {word!r}, is not valid Unicode ({error.reason})") from error
        first = numbers.setdefault(word, number)
        if first != number:
            raise InputError(f"the word {word!r} is there twice: as word {first:,} and as word {number:,}")
    for token in vocabulary or ():
        if token.startswith(WORD) and token[len(WORD) :] in numbers:
            raise InputError(f"the vocabulary's term {token!r} is named as the word {token[len(WORD) :]!r} would be")


class WordsPart(WrittenPart):
    """See `Words`."""

    name = "words"
    title = "the words of the last terms"
    files = FILES[:4]
    rare = True

    def is_in(self, record: SegmentRecord) -> bool:
        """Whether some of its terms are words."""
        return record.words > 0

    def open(self, folder: Path, record: SegmentRecord) -> Words:
        """See `Part.open`."""
        return Words(NameTable(folder, FILES, record.words), record.terms - record.words)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        words: Words = segment.part(self.name)
        yield from words.table.problems()

    def wanted(self, draft: SegmentDraft) -> bool:
        """See `WrittenPart.wanted`."""
        return draft.words is not None

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """See `WrittenPart.write`."""
        assert draft.words is not None
        writer = NameWriter(draft.folder, FILES, compact=draft.compact)
        for start in range(0, len(draft.words), _AT_A_TIME):
            writer.append(draft.words[start : start + _AT_A_TIME])
        writer.finish()
