"""The errors that a user can cause, in one tree.

Each message says what was wrong, where, and what to do. The command line prints it and exits with code 2; the HTTP
service answers with the status in `http_status`.
"""

from __future__ import annotations


class LsrError(Exception):
    """Base of every error a user can cause and mend.

    `http_status` is the status that the HTTP service gives it.
    """

    http_status = 400


class InputError(LsrError):
    """A malformed document, query or vector: names the file, the line and the field."""

    http_status = 422

    def __init__(
        self, message: str, *, source: str | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        self.reason, self.source, self.line, self.field = message, source, line, field
        where = ":".join(str(part) for part in (source, line) if part is not None)
        if field is not None:
            message = f"field {field!r}: {message}"
        super().__init__(f"{where}: {message}" if where else message)


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
