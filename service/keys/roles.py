"""What an endpoint asks of the key that it is called with."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class Role(IntEnum):
    """What a key is for; each may do what those below it may."""

    ANYONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


def needs(role: Role) -> Callable[[Endpoint], Endpoint]:
    """Mark an endpoint as open to keys of at least `role`, and, as ANYONE, to who has none."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.role = role  # type: ignore[attr-defined]
        return endpoint

    return mark


def role_of(endpoint: Callable[..., Any]) -> Role:
    """The role that an endpoint needs: the highest, unless it is marked."""
    role: Role = getattr(endpoint, "role", Role.ADMIN)
    return role
