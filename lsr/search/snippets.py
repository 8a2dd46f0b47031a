"""The passage of a text that best shows why it matched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lsr.core.vocabulary import WORD
from lsr.vectors.explanation import TermMatch

_WORD = re.compile(r"\w+")
# Shorter pieces ("a", "##s", "un") occur in nearly every text and would light up everywhere.
_SHORTEST_TERM = 3


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a text; `marks` are (start, stop) offsets in it of words that the query matched."""

    text: str
    marks: list[tuple[int, int]]


def make_snippet(text: str, matches: Iterable[TermMatch] = (), width: int = 200) -> Snippet:
    """The window of about `width` characters whose words carry the most of the score, each term counted once.

    A word carries a term if it starts with it, ignoring case: terms are word pieces, and an inflected form still shows
    why. If nothing matches, the beginning of the text.
    """
    gains = _gains(matches)
    text = " ".join(text.split())
    words = [(match.start(), match.end(), _term_of(match.group().lower(), gains)) for match in _WORD.finditer(text)]
    marked = [word for word in words if word[2] is not None]
    start = _best_start(marked, gains, width) if len(text) > width else 0
    # Show a little of what leads up to the first match, from a word's beginning.
    if start:
        start = next((begin for begin, _, _ in words if begin >= start - width // 5), start)
    stop = min(start + width, len(text))
    if stop < len(text):
        stop = max((end for _, end, _ in words if start < end <= stop), default=stop)
    before, after = "…" if start else "", "…" if stop < len(text) else ""
    shift = len(before) - start
    marks = [(begin + shift, end + shift) for begin, end, _ in marked if begin >= start and end <= stop]
    return Snippet(before + text[start:stop] + after, marks)


def _gains(matches: Iterable[TermMatch]) -> dict[str, float]:
    """Contribution of each term that can be found in a text, without the tokenizer's mark of a word's start."""
    gains: dict[str, float] = {}
    for match in matches:
        term = match.term.removeprefix(WORD).lstrip("▁Ġ").lower()
        if len(term) >= _SHORTEST_TERM and not term.startswith("##") and _WORD.fullmatch(term):
            gains[term] = max(match.contribution, gains.get(term, 0.0))
    return gains


def _term_of(word: str, gains: dict[str, float]) -> str | None:
    """The longest matched term that the word starts with."""
    return next((word[:n] for n in range(len(word), _SHORTEST_TERM - 1, -1) if word[:n] in gains), None)


def _best_start(marked: list[tuple[int, int, str | None]], gains: dict[str, float], width: int) -> int:
    """Start of the marked word from which a window of `width` covers the largest sum of different terms' gains."""
    best, best_gain = 0, 0.0
    reach = width * 4 // 5
    for i, (begin, _, _) in enumerate(marked):
        terms = set()
        for place in range(i, len(marked)):  # no copy of the rest: long texts have many marks
            _, end, term = marked[place]
            if end > begin + reach:
                break
            terms.add(term)
        gain = sum(gains[term] for term in terms if term is not None)
        if gain > best_gain:
            best, best_gain = begin, gain
    return best
