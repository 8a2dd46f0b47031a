"""The errors that a user can cause, in one tree, and their remedies.

Each says what is wrong and where, and carries its remedies as data: `str(error)` words them for Python; the command
line words them with its flags and commands (`lsr.cli.remedies`) and exits with code 2; the HTTP service words them
plainly and answers with the status in `http_status`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way to fix an error. All are in `lsr.core.remedies`.

    Attributes:
        name: which remedy it is; the command line has its own words for it under this name.
        words: what to do, a verb phrase that is true however lsr is used.
        python: the argument or function that does it in Python, or "" if the words say all.
        values: details for other wordings, such as the path of an index.
    """

    name: str
    words: str
    python: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def in_plain_words(remedy: Remedy) -> str:
    """What to do, worded for any reader."""
    return remedy.words


def in_python(remedy: Remedy) -> str:
    """What to do, worded for a caller of the Python API."""
    return f"{remedy.words} ({remedy.python})" if remedy.python else remedy.words


class LsrError(Exception):
    """Base of every error that a user can cause and fix.

    Args:
        problem: what is wrong, and where.
        remedies: ways to fix it, any one of which is enough; a plain string is worded the same everywhere.

    `http_status` is the status with which the HTTP service answers; `request_id` is by what a server knows the request
    that it answered with this error, or None.
    """

    http_status = 400
    request_id: str | None = None

    def __init__(self, problem: str = "", *, remedies: Sequence[Remedy | str] = ()) -> None:
        super().__init__(problem)
        self.problem, self.remedies = problem, tuple(remedies)

    def message(self, wording: Callable[[Remedy], str] = in_plain_words) -> str:
        """The problem, followed by the remedies, each worded by `wording`."""
        ways = [way if isinstance(way, str) else wording(way) for way in self.remedies]
        if not ways:
            return self.problem
        *others, last = ways
        return f"{self.problem}; {', '.join([*others, f'or {last}' if others else last])}"

    def __str__(self) -> str:
        return self.message(in_python)


class InputError(LsrError):
    """A malformed document, query, vector or setting: names the file, the line and the field."""

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
    """An input file or folder that does not exist."""


class ModelError(LsrError):
    """A model that is unknown, incomplete or of a kind that cannot do what was asked."""


class IndexFormatError(LsrError):
    """An index on disk that is missing, damaged or of another format version."""

    http_status = 500


class OutputExistsError(LsrError):
    """An output that already exists and was not to be replaced."""

    http_status = 409


class ConflictError(OutputExistsError):
    """What a server was asked for does not go with what is there, or with what another request or process does."""


class AccessError(LsrError):
    """A server that asks for a key, or for another one."""

    http_status = 403


class ServerError(LsrError):
    """A server that cannot be reached, or cannot do now what it was asked for."""

    http_status = 502


class MissingDependencyError(LsrError):
    """An optional package that is not installed: names the extra to install."""

    http_status = 501


class NotFoundError(LsrError):
    """A document that is not in the index."""

    http_status = 404


class LogStoppedError(LsrError):
    """A collection whose log could not be written: nothing more is taken until it is opened again."""

    http_status = 503


class LogMovedError(LsrError):
    """A log of which a reader has seen what is there no longer: it has to open the collection again."""

    http_status = 503
