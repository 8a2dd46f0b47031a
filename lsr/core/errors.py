"""The errors that a user can cause, in one tree, and what would mend them.

Each says what is wrong and where, and carries what would mend it as data: `str(error)` words that for Python, the
command line words it with its flags and commands (`lsr.cli.remedies`) and exits with code 2, the HTTP service words it
plainly and answers with the status in `http_status`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way to mend an error. `lsr.core.remedies` has them all.

    Attributes:
        name: which remedy it is; the command line has its own words for it under this name.
        words: what to do, a verb phrase that holds however lsr is used.
        python: the argument or function that does it in Python, or "" if the words say all.
        values: what those who word it otherwise may need to know, as the path of an index.
    """

    name: str
    words: str
    python: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def in_plain_words(remedy: Remedy) -> str:
    """What to do, for a reader of whom nothing is known."""
    return remedy.words


def in_python(remedy: Remedy) -> str:
    """What to do, for a reader who calls functions."""
    return f"{remedy.words} ({remedy.python})" if remedy.python else remedy.words


class LsrError(Exception):
    """Base of every error a user can cause and mend.

    Args:
        problem: what is wrong, and where.
        remedies: the ways to mend it, of which one is enough; a string is one that everybody words alike.

    `http_status` is the status that the HTTP service gives it.
    """

    http_status = 400

    def __init__(self, problem: str = "", *, remedies: Sequence[Remedy | str] = ()) -> None:
        super().__init__(problem)
        self.problem, self.remedies = problem, tuple(remedies)

    def message(self, wording: Callable[[Remedy], str] = in_plain_words) -> str:
        """The problem, and the remedies in the words that `wording` has for each."""
        ways = [way if isinstance(way, str) else wording(way) for way in self.remedies]
        if not ways:
            return self.problem
        *others, last = ways
        return f"{self.problem}; {', '.join([*others, f'or {last}' if others else last])}"

    def __str__(self) -> str:
        return self.message(in_python)


class InputError(LsrError):
    """A malformed document, query or vector: names the file, the line and the field."""

    http_status = 422

    def __init__(
        self,
        problem: str,
        *,
        source: str | None = None,
        line: int | None = None,
        field: str | None = None,
        remedies: Sequence[Remedy | str] = (),
    ) -> None:
        self.reason, self.source, self.line, self.field = problem, source, line, field
        where = ":".join(str(part) for part in (source, line) if part is not None)
        if field is not None:
            problem = f"field {field!r}: {problem}"
        super().__init__(f"{where}: {problem}" if where else problem, remedies=remedies)


class MissingInputError(InputError):
    """A file or folder to read that is not there."""


class ModelError(LsrError):
    """A model that is unknown, incomplete or of a kind that cannot do what was asked."""


class IndexFormatError(LsrError):
    """An index on disk that is missing, damaged or of another format version."""

    http_status = 500


class OutputExistsError(LsrError):
    """An output that is there already and was not asked to be replaced."""

    http_status = 409


class MissingDependencyError(LsrError):
    """An optional package that is not installed: names the extra to install."""

    http_status = 501


class NotFoundError(LsrError):
    """A document that the index does not hold."""

    http_status = 404
