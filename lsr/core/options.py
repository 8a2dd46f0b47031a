"""Settings whose fields declare what they accept: one source for checks, command-line flags and the HTTP schema.

A field declared by `option` carries its choices and bounds; `check_options`, called from `__post_init__`, checks the
values against them. Other fields are checked for their type only.
"""

from __future__ import annotations

import math
import reprlib
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from lsr.core.errors import InputError

T = TypeVar("T")
# A callable reads the names from a registry, which may grow after the class is made.
Choices = Collection[str] | Callable[[], Collection[str]]

# Longest part of a wrong value that messages and suggestions use.
_LONGEST = 64
_KINDS: dict[type, tuple[type, str]] = {
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "a text"),
    bool: (bool, "true or false"),
}
_BEYOND = 2**63
_BOUNDS: dict[str, tuple[str, Callable[[Any, float], bool]]] = {
    "ge": ("at least {}", lambda value, bound: value >= bound),
    "gt": ("above {}", lambda value, bound: value > bound),
    "le": ("at most {}", lambda value, bound: value <= bound),
    "lt": ("below {}", lambda value, bound: value < bound),
}


def option(
    default: T,
    *,
    flat: str | None = None,
    choices: Choices | None = None,
    shown: bool = False,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
) -> T:
    """Declare a field of a settings dataclass.

    Args:
        default: the field's default; None makes it optional.
        flat: its name among flat keywords and flags; the field's own name if not given.
        choices: the names that it accepts; for a mapping, its keys, whose values describe them: a text, or an object
            with a `title`.
        shown: whether a command's help shows it as a flag of its own.
        ge, gt, le, lt: bounds of a number, named as in pydantic.
    """
    given = {"flat": flat, "choices": choices, "shown": shown or None, "ge": ge, "gt": gt, "le": le, "lt": lt}
    made: Any = field(default=default, metadata={key: value for key, value in given.items() if value is not None})
    return made


@dataclass(frozen=True, slots=True)
class Option:
    """What one field accepts.

    Attributes:
        name: the field's name; flat: the keyword or flag that stands for it.
        kind: int, float, str or bool; None for a field of nested settings.
        node: the dataclass of the nested settings, if there is one.
        optional: whether it may be None.
        default: the field's.
        bounds: bounds of a number, by "ge", "gt", "le" and "lt".
        shown: whether a command's help shows it as a flag of its own.
    """

    name: str
    flat: str
    kind: type | None
    node: type | None
    optional: bool
    default: Any
    bounds: Mapping[str, float]
    shown: bool
    source: Choices | None

    @property
    def choices(self) -> tuple[str, ...] | None:
        """The names that it accepts at present; None if it is not a choice."""
        return None if self.source is None else tuple(self.source() if callable(self.source) else self.source)

    @property
    def titles(self) -> str:
        """What each choice does, as "tmm: scales …; rrf: adds …"; empty if the choices have no descriptions."""
        source = self.source() if callable(self.source) else self.source
        if not isinstance(source, Mapping):
            return ""
        return "; ".join(f"{name}: {getattr(what, 'title', what)}" for name, what in source.items())

    def check(self, value: Any) -> None:
        """Raise InputError, naming the field, for a value that it does not accept."""
        if value is None and self.optional:
            return
        if self.kind is None:
            if self.node is not None and not isinstance(value, self.node):
                raise InputError(f"must be a {self.node.__name__}, not {shortened(value)}", field=self.name)
            return
        wanted_type, words = _KINDS[self.kind]
        if not isinstance(value, wanted_type) or (isinstance(value, bool) and self.kind is not bool):
            raise InputError(f"must be {words}, not {shortened(value)}", field=self.name)
        if self.kind in (int, float) and not _is_reasonable(value):
            raise InputError(f"must be a number of reasonable size, not {value}", field=self.name)
        if not all(_BOUNDS[key][1](value, bound) for key, bound in self.bounds.items()):
            wanted = " and ".join(_BOUNDS[key][0].format(f"{bound:g}") for key, bound in self.bounds.items())
            raise InputError(f"must be {wanted}, not {value}", field=self.name)
        if self.source is not None and value not in (known := self.choices or ()):
            raise InputError(
                f"must be {listed(known)}, not {shortened(value)}{did_you_mean(value, known)}", field=self.name
            )


def _is_reasonable(value: Any) -> bool:
    """Whether a number is finite and, if it is whole, fits the 64 bits that kernels count in."""
    return abs(int(value)) < _BEYOND if isinstance(value, Integral) else math.isfinite(value)


@lru_cache
def options_of(cls: Any) -> tuple[Option, ...]:
    """The fields that a dataclass is constructed from, in order."""
    hints = get_type_hints(cls)
    found = []
    for each in fields(cls):
        if not each.init:
            continue
        members = [hints[each.name]]
        if get_origin(members[0]) in (Union, types.UnionType):
            members = list(get_args(members[0]))
        kinds = [member for member in members if member in _KINDS]
        bounds = {key: each.metadata[key] for key in _BOUNDS if key in each.metadata}
        found.append(
            Option(
                name=each.name,
                flat=each.metadata.get("flat", each.name),
                kind=kinds[0] if kinds else None,
                node=next((member for member in members if isinstance(member, type) and is_dataclass(member)), None),
                optional=type(None) in members,
                default=None if each.default is MISSING else each.default,
                bounds=types.MappingProxyType(bounds),
                shown=each.metadata.get("shown", False),
                source=each.metadata.get("choices"),
            )
        )
    return tuple(found)


def check_options(node: Any) -> None:
    """Check every field of a dataclass against what it accepts. InputError names the first that is wrong."""
    cls: Any = type(node)
    for each in options_of(cls):
        each.check(getattr(node, each.name))


def build(cls: type[T], values: Mapping[str, Any]) -> T:
    """Build a settings dataclass from plain JSON values; mappings become nested settings.

    InputError for an unknown field (it suggests the nearest known one), for a value that does not fit and for a missing
    field. Its `field` is the dotted path to the wrong field.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"must be an object with fields, not {shortened(values)}")
    made: Any = cls
    known = {each.name: each for each in options_of(made)}
    given = {}
    for name, value in values.items():
        if name not in known:
            raise InputError(f"there is no such field{did_you_mean(name, known)}", field=str(name))
        node = known[name].node
        if node is not None and value is not None and not isinstance(value, node):
            if not isinstance(value, Mapping):
                raise InputError(f"must be an object with fields, not {shortened(value)}", field=name)
            with beneath(name):
                value = build(node, value)
        given[name] = value
    for each in fields(made):
        if each.init and each.name not in given and each.default is MISSING and each.default_factory is MISSING:
            raise InputError("is missing", field=each.name)
    return cls(**given)


@contextmanager
def beneath(name: str) -> Iterator[None]:
    """Prefix a name to the field path of InputErrors raised in the block."""
    try:
        yield
    except InputError as error:
        raise InputError(error.reason, field=name if error.field is None else f"{name}.{error.field}") from None


def listed(names: Collection[str]) -> str:
    """The names, as "a, b or c"."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def did_you_mean(name: object, known: Collection[str]) -> str:
    """A suggestion of the nearest known name, as "; did you mean NAME?", or "" if none is near."""
    nearest = get_close_matches(str(name)[:_LONGEST], known, 1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def shortened(value: object) -> str:
    """The `repr` of a value, shortened if it is long or deeply nested."""
    return reprlib.repr(value)
