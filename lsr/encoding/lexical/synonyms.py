"""Synonyms of a collection: what else a query's words are called, looked up when it is asked.

A rule is a line: `car, automobile, motor car` says that each means the others; `tv => television` that the left is also
searched as the right, but not the other way round. What follows a `#` is a remark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lsr.core.counted import counted
from lsr.core.errors import InputError
from lsr.encoding.lexical.lines import read_lines

# How much a synonym counts beside the word that was asked for.
SYNONYM_SHARE = 0.5
# A query of a term is searched for all that it means.
_MOST_RULES, _MOST_TERMS, _LONGEST_LINE = 100_000, 100, 10_000

_Words = tuple[str, ...]


class Synonyms:
    """Rules, in the words that texts are cut into. Takes time and memory that grow with the rules' length.

    Args:
        rules: lines as above.
        words: cuts a text into words.
        source: named in errors, with the number of the line.

    InputError for a line that is no rule.
    """

    def __init__(self, rules: Iterable[str], words: Callable[[str], list[str]], source: str | None = None) -> None:
        # All terms of a rule share what they mean, themselves among it.
        self._meanings: dict[_Words, list[list[_Words]]] = {}
        for number, line in enumerate(rules, start=1):
            asked, meant = _sides(line, number, source)
            meaning = [cut for term in meant if (cut := tuple(words(term)))]
            for cut in dict.fromkeys(tuple(words(term)) for term in asked):
                if cut:
                    self._meanings.setdefault(cut, []).append(meaning)
        self._longest = max(map(len, self._meanings), default=0)

    def __len__(self) -> int:
        return len(self._meanings)

    def __repr__(self) -> str:
        return f"Synonyms({counted(len(self), 'terms')})"

    def counted(self, words: Sequence[str]) -> Counter[str]:
        """How often each word is asked for, its synonyms with a share; of terms that overlap, the longest counts."""
        counts: Counter[str] = Counter(words)
        at = 0
        while at < len(words) and self._meanings:
            length = next((n for n in range(self._longest, 0, -1) if tuple(words[at : at + n]) in self._meanings), 0)
            asked = tuple(words[at : at + length])
            others = {meant: None for meaning in self._meanings.get(asked, ()) for meant in meaning if meant != asked}
            for meant in others:
                for word in meant:
                    counts[word] += SYNONYM_SHARE  # type: ignore[assignment]
            at += length or 1
        return counts


def read_synonyms(path: str | Path) -> list[str]:
    """The rules of a file, checked, without remarks and empty lines.

    InputError names the line that is no rule; the OSError of a file that cannot be read stays what it is.
    """
    lines = read_lines(path, _MOST_RULES, "rules")
    for number, line in enumerate(lines, start=1):
        _sides(line, number, str(path))
    return [rule for line in lines if (rule := _rule(line))]


def _rule(line: str) -> str:
    return line.partition("#")[0].strip()


def _sides(line: str, number: int, source: str | None) -> tuple[list[str], list[str]]:
    """What is asked for, and what it means; nothing for a line without a rule."""

    def fail(problem: str) -> InputError:
        return InputError(f"line {number}: {problem}", source=source)

    rule = _rule(line)
    if not rule:
        return [], []
    if len(rule) > _LONGEST_LINE:
        raise fail(f"a rule has {_LONGEST_LINE:,} characters at most")
    left, arrow, right = rule.partition("=>")
    asked = [term.strip() for term in left.split(",")]
    meant = [term.strip() for term in right.split(",")] if arrow else asked
    if not all(asked) or not all(meant):
        raise fail("a term is missing: write car, automobile or tv => television")
    if not arrow and len(asked) < 2:
        raise fail("a rule has two terms or more: write car, automobile or tv => television")
    if max(len(asked), len(meant)) > _MOST_TERMS:
        raise fail(f"a rule has {_MOST_TERMS} terms at most on either side")
    return asked, meant
