"""Who is let in: a key is looked at before the body of its request is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lsr.core.errors import LsrError
from lsr.service.http.problems import ProblemResponse
from lsr.service.http.routes import Route, find_route
from lsr.service.keys.key import Key
from lsr.service.keys.keyring import Keyring
from lsr.service.keys.rates import Failures, KeyRates
from lsr.service.keys.roles import Needs, Role, needs_of

_COLLECTIONS = "/v1/collections/{"
_LOST = Needs(Role.READ, scoped=True)
_CHALLENGE = 'Bearer realm="lsr"'


class Guard:
    """What decides on requests.

    Args:
        keyring: the keys.
        served: the names of the collections that there are.
        anonymous: whether no key is ever asked for.

    Attributes:
        name_of: leads from what stands in a path, which may be an alias, to the name of the collection.
    """

    def __init__(self, keyring: Keyring, served: Callable[[], Sequence[str]], *, anonymous: bool = False) -> None:
        self._keyring = keyring
        self._served = served
        self._anonymous = anonymous
        self._failures = Failures()
        self.rates = KeyRates()
        self.name_of: Callable[[str], str] = lambda name: name

    @property
    def open(self) -> bool:
        """Whether nobody needs a key."""
        return self._anonymous or not self._keyring.asked

    def collection(self, route: Route | None) -> str | None:
        """The collection that a request is about, by its path; the only one where there is one. None for several."""
        if route is None or not route.template.startswith("/v1/"):
            return None
        if route.template.startswith(_COLLECTIONS):
            name = str(next(iter(route.parameters.values())))
            try:
                return self.name_of(name)
            except (LsrError, OSError):
                return name  # aliases that cannot be read: the endpoint meets the same, and says so
        served = self._served()
        return served[0] if len(served) == 1 else None

    def refusal(self, scope: Scope, route: Route | None) -> Refusal | None:
        """Why a request is not let in; None if it is.

        The key that it came with is then in its state, and as `sees` whether a collection is one of the key's.
        """
        needs = _LOST if route is None else needs_of(route.endpoint)
        if needs.role is Role.ANYONE or self.open or (needs.local and _is_local(scope)):
            return None
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1:
            detail = "this server asks for a key: send it as Authorization: Bearer KEY"
            return Refusal(401, detail, "key-missing" if not given else "key-form", {"WWW-Authenticate": _CHALLENGE})
        key, problem, reason = self._keyring.find(given[0].decode("latin-1"))
        if key is None:
            return self._failed(scope, problem, reason)
        if key.role < needs.role:
            detail = f"this key may {_MAY[key.role]}, and this takes a key with the role {needs.role.name.lower()}"
            return _forbidden(detail, "role")
        if not (needs.scoped or self._reached(key, route)):
            return _forbidden("this key is not for this collection", "collection")
        seconds, limit = self.rates.request(key)
        if seconds:
            wait = {"Retry-After": str(math.ceil(seconds))}
            return Refusal(429, f"this key has used its {limit} of this minute", f"rate-{limit}", wait)
        scope["state"].update(key=key, sees=key.reaches)
        return None

    def _reached(self, key: Key, route: Route | None) -> bool:
        collection = self.collection(route)
        return key.reaches_all(self._served()) if collection is None else key.reaches(collection)

    def _failed(self, scope: Scope, problem: str, reason: str) -> Refusal:
        client = scope.get("client")
        seconds = self._failures.failed(client[0] if client else "")
        if seconds:
            wait = {"Retry-After": str(math.ceil(seconds))}
            return Refusal(429, "too many wrong keys from this address", "key-failures", wait)
        return Refusal(401, problem, reason, {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'})


class Refusal(NamedTuple):
    """An answer in place of the one that was asked for; `reason` is one of few words, for counts."""

    status: int
    detail: str
    reason: str
    headers: Mapping[str, str] = {}


_MAY = {Role.READ: "read", Role.WRITE: "read and write", Role.ADMIN: "do all"}


def _forbidden(detail: str, reason: str) -> Refusal:
    return Refusal(403, detail, reason, {"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope"'})


class Access:
    """ASGI middleware: answers 401, 403 or 429 in place of the application, before a body is read.

    Where a key has a limit of bytes, it counts those of the body and of the answer. The connection of a refused request
    that has a body is closed, for what follows would be taken for the next request.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self.app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        route = find_route(scope)
        scope["state"]["collection"] = self._guard.collection(route)
        refusal = self._guard.refusal(scope, route)
        if refusal is not None:
            scope["state"]["refused"] = refusal.reason
            headers = {**refusal.headers, **({"Connection": "close"} if _has_body(scope) else {})}
            await ProblemResponse(scope, refusal.status, refusal.detail, headers=headers)(scope, receive, send)
            return
        key: Key | None = scope["state"].get("key")
        if key is None or key.bytes_per_minute is None:
            await self.app(scope, receive, send)
            return

        async def counted_receive() -> Message:
            message = await receive()
            self._guard.rates.spend(key, len(message.get("body", b"")))
            return message

        async def counted_send(message: Message) -> None:
            self._guard.rates.spend(key, len(message.get("body", b"")))
            await send(message)

        await self.app(scope, counted_receive, counted_send)


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


def _is_local(scope: Scope) -> bool:
    """Whether both ends of the connection are on this machine."""
    return all(end is not None and is_loopback(end[0]) for end in (scope.get("client"), scope.get("server")))


def is_loopback(host: str) -> bool:
    """Whether an address, or the name localhost, is this machine's own."""
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
