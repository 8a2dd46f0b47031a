"""Asking a server: one request, as often as it takes, and what its answer says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from lsr.client.answers import part
from lsr.client.problems import error_of
from lsr.client.retries import Retries
from lsr.client.steps import Failure, Pause, Reply, Request, Steps
from lsr.core.arguments import text_of
from lsr.core.errors import InputError, LsrError, ServerError

# Seconds for what may take a model its time, or wait for a disk: writes, and answers about everything.
SLOW = 600.0


@dataclass(slots=True)
class Server:
    """A server, and how often it is asked; `known` once it was reached."""

    retries: Retries = field(default_factory=Retries)
    known: bool = False

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        media_type: str = "application/json",
        repeatable: bool = True,
        patience: float | None = None,
    ) -> Steps[Any]:
        """The JSON value that the server answers with; None for an empty answer.

        A request that is `repeatable`, because asking twice is as asking once, is sent again where that may help.
        Raises the errors of `error_of`, and ServerError where no answer came.
        """
        if body is not None:
            content = encoded(body)
        given = {name: value for name, value in (params or {}).items() if value is not None}
        request = Request(method, path, given, content, media_type, patience)
        sent = 0
        while True:
            came: Reply | Failure = yield request
            sent += 1
            self.known = self.known or not isinstance(came, Failure) or came.reached
            wait = self.retries.wait(sent, came, known=self.known) if repeatable else None
            if wait is None:
                return _read(came, sent)
            yield Pause(wait)


@dataclass(slots=True)
class Target:
    """A collection of a server. Without a name, the only one that there is, whose name is asked for once."""

    server: Server
    name: str | None = None

    def __post_init__(self) -> None:
        """InputError for a name that is no string."""
        if self.name is not None:
            self.name = text_of(self.name, "the name of a collection") or None

    def path(self, *parts: str) -> Steps[str]:
        """The path of something of the collection. InputError if it has to be named."""
        if self.name is None:
            found = yield from self.server.ask("GET", "/v1/collections")
            names = [str(part(each, "name")) for each in part(found, "collections")]
            if len(names) != 1:
                there = f"there are {', '.join(names)}" if names else "there are none yet"
                raise InputError(f"which collection? The server has a folder of them, and {there}", field="collection")
            self.name = names[0]
        return "/".join(["/v1/collections", *map(quoted, (self.name, *parts))])

    def ask(self, method: str, *parts: str, body: Any = None, **given: Any) -> Steps[Any]:
        """As `Server.ask`, below the path of the collection."""
        path = yield from self.path(*parts)
        answer = yield from self.server.ask(method, path, body, **given)
        return answer


def encoded(value: Any) -> bytes:
    """JSON. InputError for what cannot be written so."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"what is to be sent is not JSON: {error}") from None


def quoted(part: str) -> str:
    """One part of a path; slashes in it are part of it. InputError for half a character, and for no string."""
    text_of(part, "a name, or an id,")
    try:
        # Dots alone would mean another place.
        return quote(part, safe="") if part.strip(".") else "%2E" * len(part)
    except UnicodeEncodeError:
        raise InputError(f"{part!r} is no text: it has half a character in it") from None


def _read(came: Reply | Failure, sent: int) -> Any:
    if isinstance(came, Failure):
        tries = f", {sent} times" if sent > 1 else ""
        raise ServerError(f"{came.reason}{tries}", remedies=["check that the server runs, and its URL"])
    if came.status >= 300:
        raise _after(error_of(came), sent)
    if not came.body:
        return None
    try:
        return json.loads(came.body)
    except ValueError:
        raise ServerError(
            f"the server answered {came.status}, but not in JSON, as a server of lsr does",
            remedies=["check the server's URL"],
        ) from None


def _after(error: LsrError, sent: int) -> LsrError:
    if sent > 1:
        error.add_note(f"asked {sent} times")
    return error
