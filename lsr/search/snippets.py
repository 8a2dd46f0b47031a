"""The passages of a text that best show why it matched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lsr.core.vocabulary import WORD
from lsr.vectors.explanation import TermMatch

_WORD = re.compile(r"\w+")
# Shorter pieces ("a", "##s", "un") occur in nearly every text and would light up everywhere.
_SHORTEST_TERM = 3
# Characters of a text that are looked at, from shortly before the first term that matched: words are slow to cut.
_LOOKED_AT = 1 << 17


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a text; `marks` are (start, stop) offsets in it of words that the query matched."""

    text: str
    marks: list[tuple[int, int]]


class MarkedWord(NamedTuple):
    """A word that the query matched: where it stands in its passage, and what its term gave to the score."""

    start: int
    stop: int
    weight: float


class Passage(NamedTuple):
    """A piece of a text as it is, from its character `start`, with the words that the query matched."""

    start: int
    text: str
    words: list[MarkedWord]


class _Word(NamedTuple):
    start: int
    stop: int
    term: str | None


def make_snippet(text: str, matches: Iterable[TermMatch] = (), width: int = 200) -> Snippet:
    """The window of about `width` characters whose words carry the most of the score, each term counted once.

    A word carries a term if it starts with it, ignoring case: terms are word pieces, and an inflected form still shows
    why. If nothing matches, the beginning of the text.
    """
    gains = _gains(matches)
    length = len(text)
    skipped, text = _looked_at(text, gains, width)
    left_out = skipped + len(text) < length
    text = " ".join(text.split())
    words = _words(text, gains)
    marked = [word for word in words if word.term is not None]
    start, stop = _window(text, words, marked, gains, width)
    before, after = "…" if start or skipped else "", "…" if stop < len(text) or left_out else ""
    shift = len(before) - start
    marks = [(word.start + shift, word.stop + shift) for word in marked if word.start >= start and word.stop <= stop]
    return Snippet(before + text[start:stop] + after, marks)


def best_passages(text: str, matches: Iterable[TermMatch] = (), *, width: int = 200, most: int = 1) -> list[Passage]:
    """At most `most` pieces of a text, of about `width` characters, that carry the most of the score; the best first.

    They do not overlap. Words carry terms as in `make_snippet`; if nothing matches, there is the beginning of the text.
    """
    gains = _gains(matches)
    skipped, text = _looked_at(text, gains, width)
    words = _words(text, gains)
    marked = left = [word for word in words if word.term is not None]
    found: list[tuple[int, int]] = []
    while len(found) < most and (left or not found):
        start, stop = _window(text, words, left, gains, width)
        if left:
            # Room that another passage has taken already.
            first = next(word.start for word in left if word.start >= start)
            start = max([start, *(end for _, end in found if end <= first)])
            stop = min([stop, *(begin for begin, _ in found if begin > first)])
        found.append((start, stop))
        left = [word for word in left if word.stop <= start or word.start >= stop]
    return [
        Passage(
            skipped + start,
            text[start:stop],
            [
                MarkedWord(word.start - start, word.stop - start, gains[word.term])
                for word in marked
                if word.term is not None and word.start >= start and word.stop <= stop
            ],
        )
        for start, stop in found
    ]


def _looked_at(text: str, gains: dict[str, float], width: int) -> tuple[int, str]:
    """The part of a long text in which passages are looked for, and how many characters there are before it."""
    if len(text) <= _LOOKED_AT:
        return 0, text
    terms = "|".join(map(re.escape, gains))
    first = re.search(rf"\b(?:{terms})", text, re.IGNORECASE) if gains else None
    start = 0 if first is None else max(0, first.start() - width)
    return start, text[start : start + _LOOKED_AT]


def _gains(matches: Iterable[TermMatch]) -> dict[str, float]:
    """Contribution of each term that can be found in a text, without the tokenizer's mark of a word's start."""
    gains: dict[str, float] = {}
    for match in matches:
        term = match.term.removeprefix(WORD).lstrip("▁Ġ").lower()
        if len(term) >= _SHORTEST_TERM and _WORD.fullmatch(term):
            gains[term] = max(match.contribution, gains.get(term, 0.0))
    return gains


def _words(text: str, gains: dict[str, float]) -> list[_Word]:
    """The words of a text, each with the longest matched term that it starts with."""

    def term_of(word: str) -> str | None:
        return next((word[:n] for n in range(len(word), _SHORTEST_TERM - 1, -1) if word[:n] in gains), None)

    return [_Word(*match.span(), term_of(match.group().lower())) for match in _WORD.finditer(text)]


def _window(
    text: str, words: Sequence[_Word], marked: Sequence[_Word], gains: dict[str, float], width: int
) -> tuple[int, int]:
    """Where the best window begins and ends."""
    start = _best_start(marked, gains, width) if len(text) > width else 0
    # Show a little of what leads up to the first match, from a word's beginning.
    if start:
        start = next((word.start for word in words if word.start >= start - width // 5), start)
    stop = min(start + width, len(text))
    if stop < len(text):
        stop = max((word.stop for word in words if start < word.stop <= stop), default=stop)
    return start, stop


def _best_start(marked: Sequence[_Word], gains: dict[str, float], width: int) -> int:
    """Start of the marked word from which a window of `width` covers the largest sum of different terms' gains."""
    best, best_gain = 0, 0.0
    reach = width * 4 // 5
    for i, (begin, _, _) in enumerate(marked):
        terms = set()
        for place in range(i, len(marked)):  # no copy of the rest: long texts have many marks
            _, stop, term = marked[place]
            if stop > begin + reach:
                break
            terms.add(term)
        gain = sum(gains[term] for term in terms if term is not None)
        if gain > best_gain:
            best, best_gain = begin, gain
    return best
