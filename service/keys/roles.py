"""What an endpoint asks of the key that it is called with."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class Role(IntEnum):
    """What a key is for; each may do what those below it may."""

    ANYONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


class Needs(NamedTuple):
    """What an endpoint needs.

    Attributes:
        role: the least role of a key; ANYONE may be without one.
        scoped: whether the endpoint itself looks at which collections the key reaches. One that does not, and whose
            path names no collection, is for keys that reach all that is served.
        local: whether clients on the same machine need no key.
    """

    role: Role = Role.ADMIN
    scoped: bool = False
    local: bool = False


def needs(role: Role, *, scoped: bool = False, local: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Mark an endpoint: see `Needs`."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.needs = Needs(role, scoped, local)  # type: ignore[attr-defined]
        return endpoint

    return mark


def needs_of(endpoint: Callable[..., Any]) -> Needs:
    """What an endpoint needs: the highest role, unless it is marked."""
    found: Needs = getattr(endpoint, "needs", Needs())
    return found


def role_of(endpoint: Callable[..., Any]) -> Role:
    """The role that an endpoint needs."""
    return needs_of(endpoint).role
