"""Terms of a collection that are one word, whatever they are written with: `.NET`, `New York`, `vitamin C`."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import regex

from lsr.core.errors import InputError
from lsr.core.values import is_text
from lsr.encoding.lexical.lines import read_lines

_MOST_TERMS, _LONGEST_TERM = 10_000, 64
# Neither letter, mark, number nor underscore may go on where a term begins or ends.
_BEFORE, _AFTER = r"(?<![\p{L}\p{M}\p{N}_])", r"(?![\p{L}\p{M}\p{N}_])"


class NeverSplit:
    """Finds terms in texts, whatever their letters' case; of terms that overlap, the first, and of these the longest.

    Args:
        terms: as they are written; blanks stand for any.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        # Of alternatives, the first that fits is taken.
        longest_first = sorted(map(_normal, terms), key=len, reverse=True)
        written = "|".join(r"\s+".join(map(regex.escape, term.split())) for term in longest_first)
        self._terms = regex.compile(f"{_BEFORE}(?:{written}){_AFTER}", regex.IGNORECASE)

    def split(self, text: str) -> list[tuple[str, str | None]]:
        """The text before each term, and the term as a word; at last the text behind all, and None.

        `text`: in Unicode's form NFKC.
        """
        found: list[tuple[str, str | None]] = []
        end = 0
        for match in self._terms.finditer(text):
            found.append((text[end : match.start()], _normal(match[0])))
            end = match.end()
        return [*found, (text[end:], None)]


def check_terms(terms: Sequence[str]) -> None:
    """InputError for a term that cannot be one, or for too many."""
    if len(terms) > _MOST_TERMS:
        raise InputError(f"{len(terms):,} terms: {_MOST_TERMS:,} at most", field="never_split")
    for term in terms:
        if not isinstance(term, str) or not term.strip() or len(term) > _LONGEST_TERM or not is_text(term):
            problem = f"a term has 1 to {_LONGEST_TERM} characters, and is not {term!r}"
            raise InputError(problem, field="never_split")


def read_never_split(path: str | Path) -> tuple[str, ...]:
    """The terms of a file, one a line; what follows `# ` at the beginning of a line is a remark.

    InputError names the line of a term that cannot be one; the OSError of a file that cannot be read stays what it is.
    """
    terms = []
    for number, line in enumerate(read_lines(path, 10 * _MOST_TERMS, "terms"), start=1):
        term = line.strip()
        if not term or term.startswith("# "):
            continue
        try:
            check_terms([term])
        except InputError as error:
            raise InputError(f"line {number}: {error.reason}", source=str(path)) from None
        terms.append(term)
    check_terms(terms)
    return tuple(dict.fromkeys(terms))


def _normal(term: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", term).lower().split())
