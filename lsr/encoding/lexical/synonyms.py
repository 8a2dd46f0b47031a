"""Synonyms of a collection: what else a query's words are called, looked up when it is asked.

A rule is a line: `car, automobile, motor car` says that each means the others; `tv => television` that the left is also
searched as the right, but not the other way round. What follows a `#` is a remark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lsr.core.errors import InputError

# How much a synonym counts beside the word that was asked for.
SYNONYM_SHARE = 0.5
_MOST_RULES, _LONGEST_LINE = 100_000, 10_000

_Words = tuple[str, ...]


class Synonyms:
    """Rules, in the words that texts are cut into.

    Args:
        rules: lines as above.
        words: cuts a text into words.
        source: named in errors, with the number of the line.

    InputError for a line that is no rule.
    """

    def __init__(self, rules: Iterable[str], words: Callable[[str], list[str]], source: str | None = None) -> None:
        self._others: dict[_Words, list[_Words]] = {}
        for number, line in enumerate(rules, start=1):
            for left, right in _pairs(line, number, source):
                asked, meant = tuple(words(left)), tuple(words(right))
                if asked and meant and asked != meant and meant not in self._others.setdefault(asked, []):
                    self._others[asked].append(meant)
        self._longest = max(map(len, self._others), default=0)

    def __len__(self) -> int:
        return len(self._others)

    def __repr__(self) -> str:
        return f"Synonyms({len(self):,} terms)"

    def counted(self, words: Sequence[str]) -> Counter[str]:
        """How often each word is asked for, its synonyms with a share; of terms that overlap, the longest counts."""
        counts: Counter[str] = Counter(words)
        at = 0
        while at < len(words):
            length = next((n for n in range(self._longest, 0, -1) if tuple(words[at : at + n]) in self._others), 0)
            for meant in self._others.get(tuple(words[at : at + length]), ()) if length else ():
                for word in meant:
                    counts[word] += SYNONYM_SHARE  # type: ignore[assignment]
            at += length or 1
        return counts


def read_synonyms(path: str | Path) -> list[str]:
    """The rules of a file, checked, without remarks and empty lines.

    InputError names the line that is no rule; the OSError of a file that cannot be read stays what it is.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 ({error.reason})", source=str(path)) from None
    if len(lines) > _MOST_RULES:
        raise InputError(f"holds {len(lines):,} lines: {_MOST_RULES:,} rules at most", source=str(path))
    for number, line in enumerate(lines, start=1):
        list(_pairs(line, number, str(path)))
    return [rule for line in lines if (rule := _rule(line))]


def _rule(line: str) -> str:
    return line.partition("#")[0].strip()


def _pairs(line: str, number: int, source: str | None) -> Iterable[tuple[str, str]]:
    """What is asked for, and what it also means."""

    def fail(problem: str) -> InputError:
        return InputError(f"line {number}: {problem}", source=source)

    rule = _rule(line)
    if not rule:
        return
    if len(rule) > _LONGEST_LINE:
        raise fail(f"a rule has {_LONGEST_LINE:,} characters at most")
    left, arrow, right = rule.partition("=>")
    asked = [term.strip() for term in left.split(",")]
    meant = [term.strip() for term in right.split(",")] if arrow else asked
    if not all(asked) or not all(meant):
        raise fail("a term is missing: write car, automobile or tv => television")
    if not arrow and len(asked) < 2:
        raise fail("a rule has two terms or more: write car, automobile or tv => television")
    for term in asked:
        for other in meant:
            if term != other:
                yield term, other
