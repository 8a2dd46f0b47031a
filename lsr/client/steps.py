"""What a call of the client does, as steps that say what is to be sent and take what came: no input or output here.

A call is a generator. It yields a `Request`, a `Pause` or a `Take` and is sent what became of it; what it returns is
the answer. `lsr.client.blocking` and `lsr.client.asynchronous` do the steps, each in its way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")

END: Final = object()
"""What a `Take` gives when there is nothing left."""


@dataclass(frozen=True, slots=True)
class Request:
    """Ask the server; gives a `Reply` or a `Failure`.

    Attributes:
        path: below the server's URL, percent-encoded.
        patience: seconds in which an answer has to begin; None for those of the client.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    content: bytes | None = None
    media_type: str = "application/json"
    patience: float | None = None


class Pause(NamedTuple):
    """Wait; gives None."""

    seconds: float


class Take(NamedTuple):
    """Give the next of these, or END."""

    items: Iterator[Any] | AsyncIterator[Any]


class Reply(NamedTuple):
    """An answer. Names of headers are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Failure(NamedTuple):
    """No answer came.

    Attributes:
        reason: why, in words.
        again: whether the next try may go better: the connection was refused or lost, and not given up.
        reached: whether there was a connection, or may have been.
    """

    reason: str
    again: bool
    reached: bool = True


Steps: TypeAlias = Generator[Request | Pause | Take, Any, T]
