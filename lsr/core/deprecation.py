"""Old names keep working after a change, with a DeprecationWarning that gives the new one.

`lsr.core.moved` does the same for modules. docs/stability.md says for how long.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def renamed_keywords(**renamed: str) -> Callable[[F], F]:
    """Let a function or class accept keywords under their old names too: `renamed_keywords(old="new")`.

    TypeError if both are given.
    """

    def decorate(target: F) -> F:
        inner: Callable[..., Any] = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]

        @functools.wraps(inner)
        def call(*arguments: Any, **keywords: Any) -> Any:
            for old, new in renamed.items():
                if old in keywords:
                    if new in keywords:
                        raise TypeError(f"{target.__name__} got {new!r} twice, once under its old name {old!r}")
                    warnings.warn(f"{old} of {target.__name__} is now {new}", DeprecationWarning, stacklevel=2)
                    keywords[new] = keywords.pop(old)
            return inner(*arguments, **keywords)

        if isinstance(target, type):
            target.__init__ = call  # type: ignore[misc]
            return target
        return call  # type: ignore[return-value]

    return decorate


class MovedMember(NamedTuple):
    """Where a member of a class has moved: its new name, and how to get its value from an object of the class."""

    now: str
    get: Callable[[Any], Any]


def moved_member(instance: object, name: str, moved: Mapping[str, MovedMember]) -> Any:
    """What an object's `__getattr__` returns for an old name; AttributeError for a name that it never had."""
    owner = type(instance).__name__
    if name not in moved:
        raise AttributeError(f"{owner!r} object has no attribute {name!r}")
    warnings.warn(f"{owner}.{name} is now {moved[name].now}", DeprecationWarning, stacklevel=3)
    return moved[name].get(instance)


def renamed_names(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a module that used to export these names: old name → "MODULE:NAME", the new place."""

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, new = names[name].partition(":")
        warnings.warn(f"{module}.{name} is now {home}.{new}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(home), new)

    return find


def renamed_method(old: str, new: str) -> Callable[..., Any]:
    """A method under its old name. `old` includes the class, for the warning."""

    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        warnings.warn(f"{old} is now {new}", DeprecationWarning, stacklevel=2)
        return getattr(self, new)(*arguments, **options)

    call.__doc__ = f"Deprecated: use `{new}`."
    return call
