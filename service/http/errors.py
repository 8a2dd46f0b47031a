"""The errors that only occur in the server."""

from __future__ import annotations

from lsr.core.errors import LsrError


class UnavailableError(LsrError):
    """The service cannot handle the request now; the answer says when to try again."""

    http_status = 503


class NotReadyError(UnavailableError):
    """The index or the encoder is still warming up, or failed to."""


class TimedOutError(UnavailableError):
    """The request was not finished within the time limit."""


class OverloadedError(UnavailableError):
    """Every worker is busy and the queue is full."""

    http_status = 429


class PreconditionError(LsrError):
    """What was to be changed is not as the request says."""

    http_status = 412


class MalformedBodyError(LsrError):
    """A body of many documents that is no JSON."""


class ClientGoneError(LsrError):
    """The client disconnected before the answer. The status, which is nginx's, appears only in the log."""

    http_status = 499
