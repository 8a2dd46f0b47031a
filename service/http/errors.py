"""The errors that only a server has."""

from __future__ import annotations

from lsr.core.errors import LsrError


class UnavailableError(LsrError):
    """The service cannot take the request now; the answer says when to try again."""

    http_status = 503


class NotReadyError(UnavailableError):
    """The index or the encoder is still warming up, or failed to."""


class TimedOutError(UnavailableError):
    """The request was not done in the time it is given."""


class OverloadedError(UnavailableError):
    """Every worker is busy and the queue is full."""

    http_status = 429


class ClientGoneError(LsrError):
    """The client hung up before the answer. The status, nginx's, is seen in the log only."""

    http_status = 499
