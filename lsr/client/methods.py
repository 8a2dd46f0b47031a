"""What both clients make methods of steps by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

from lsr.client.asking import Server, Target

P = ParamSpec("P")
T = TypeVar("T")


class Method(Generic[P, T]):
    """The type of a method that is made of steps: it has their parameters. At run time it is a function."""

    @overload
    def __get__(self, instance: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: Any) -> Callable[P, T]: ...
    def __get__(self, instance: object, owner: Any) -> Any:
        """Of the type alone."""


def server_of(asked: Server | Target) -> Server:
    """The server of what a method asks."""
    return asked.server if isinstance(asked, Target) else asked
