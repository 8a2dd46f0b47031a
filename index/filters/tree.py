"""A filter as a tree of conditions on the fields of documents.

Made of these classes and `&`, `|`, `~`, of JSON (`lsr.index.filters.records`) or of a string
(`lsr.index.filters.language`); `str` gives the string that it is parsed from. A condition on a field of several values
holds if one of them fulfils it, and on one that a document lacks it does not hold; `Not` then does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final

from lsr.core.annotated import as_annotated
from lsr.core.arguments import kind_of, list_of
from lsr.core.errors import InputError
from lsr.index.filters.words import Value, name_text, value_text, values_text

# Beyond, a tree is no filter that anybody wrote.
DEEPEST: Final = 64
MOST_CONDITIONS: Final = 10_000

# How strongly operators bind.
_OR, _AND, _NOT = 1, 2, 3


class Filter:
    """What all nodes of a filter have."""

    __slots__ = ()

    def __and__(self, other: Filter) -> Filter:
        return every([self, other])

    def __or__(self, other: Filter) -> Filter:
        return either([self, other])

    def __invert__(self) -> Filter:
        return negated(self)

    def __str__(self) -> str:
        return self._text(0)

    def _text(self, within: int) -> str:
        """The string, as it stands within an operator of this strength."""
        raise NotImplementedError

    def _denied(self) -> str | None:
        """The string of its opposite, if that is more than `not` before it."""
        return None

    def conditions(self) -> Iterator[Condition]:
        """All conditions in it, in order."""
        waiting: list[Filter] = [self]
        while waiting:
            node = waiting.pop()
            if isinstance(node, Condition):
                yield node
            elif isinstance(node, Not):
                waiting.append(node.part)
            elif isinstance(node, And | Or):
                waiting += reversed(node.parts)


@dataclass(frozen=True)
class Condition(Filter):
    """What one field must be.

    Attributes:
        field: its name, or "_id" for the document's id.
        at: where the field stands in the text that the filter was parsed from; -1 if it was not.
    """

    field: str
    at: int = dataclasses.field(default=-1, compare=False, repr=False, kw_only=True)

    name: ClassVar[str]

    def __post_init__(self) -> None:
        if not isinstance(self.field, str) or not self.field:
            raise InputError("a condition is about a field, which it names")

    @property
    def values(self) -> tuple[Value, ...]:
        """The values that it compares with."""
        return ()

    @property
    def _name(self) -> str:
        return name_text(self.field)


@dataclass(frozen=True)
class Eq(Condition):
    """The field is this value."""

    value: Value
    name = "eq"

    def __post_init__(self) -> None:
        Condition.__post_init__(self)
        _check(self.value)

    @property
    def values(self) -> tuple[Value, ...]:
        """See `Condition`."""
        return (self.value,)

    def _text(self, within: int) -> str:
        return self._name if self.value is True else f"{self._name} = {value_text(self.value)}"

    def _denied(self) -> str | None:
        return None if self.value is True else f"{self._name} != {value_text(self.value)}"


@dataclass(frozen=True)
class In(Condition):
    """The field is one of these values, of which there is at least one."""

    of: tuple[Value, ...]
    name = "in"

    def __post_init__(self) -> None:
        Condition.__post_init__(self)
        object.__setattr__(self, "of", tuple(list_of(self.of, "values to be one of")))
        for each in self.of:
            _check(each)
        if not self.of:
            raise InputError("needs at least one value to be one of")

    @property
    def values(self) -> tuple[Value, ...]:
        """See `Condition`."""
        return self.of

    def _text(self, within: int) -> str:
        return f"{self._name} in {values_text(self.of)}"

    def _denied(self) -> str | None:
        return f"{self._name} not in {values_text(self.of)}"


@dataclass(frozen=True)
class Range(Condition):
    """The field is above `gt`, or at least `gte`, and below `lt`, or at most `lte`; texts by their code points."""

    gt: Value | None = None
    gte: Value | None = None
    lt: Value | None = None
    lte: Value | None = None
    name = "range"

    def __post_init__(self) -> None:
        Condition.__post_init__(self)
        for each in self.values:
            _check(each)
        if not self.values:
            raise InputError("a range needs gt, gte, lt or lte")
        for one, other in (("gt", "gte"), ("lt", "lte")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise InputError(f"give only one of {one} and {other}")

    @property
    def values(self) -> tuple[Value, ...]:
        """See `Condition`."""
        return tuple(each for each in (self.gt, self.gte, self.lt, self.lte) if each is not None)

    def _text(self, within: int) -> str:
        least, most = (_bound(self.gt, ">", self.gte), _bound(self.lt, "<", self.lte))
        if least is not None and most is not None:
            return f"{least[1]} {least[0].replace('>', '<')} {self._name} {most[0]} {most[1]}"
        sign, value = least or most or ("", "")
        return f"{self._name} {sign} {value}"


@dataclass(frozen=True)
class Exists(Condition):
    """The document has a value for the field."""

    name = "exists"

    def _text(self, within: int) -> str:
        return f"exists({self._name})"


@dataclass(frozen=True)
class Prefix(Condition):
    """The field, a text, begins with this."""

    prefix: str
    name = "prefix"

    def __post_init__(self) -> None:
        Condition.__post_init__(self)
        if not isinstance(self.prefix, str):
            raise InputError("a prefix is a text")
        _check(self.prefix)

    @property
    def values(self) -> tuple[Value, ...]:
        """See `Condition`."""
        return (self.prefix,)

    def _text(self, within: int) -> str:
        return f"{self._name} ^= {value_text(self.prefix)}"


@dataclass(frozen=True)
class And(Filter):
    """All of two or more parts hold. `every` makes it."""

    parts: tuple[Filter, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)

    def _text(self, within: int) -> str:
        return _between(self.parts, " and ", _AND, within)


@dataclass(frozen=True)
class Or(Filter):
    """At least one of two or more parts holds. `either` makes it."""

    parts: tuple[Filter, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)

    def _text(self, within: int) -> str:
        return _between(self.parts, " or ", _OR, within)


@dataclass(frozen=True)
class Not(Filter):
    """The part does not hold. `negated` makes it."""

    part: Filter

    def __post_init__(self) -> None:
        _check_part(self.part)

    def _text(self, within: int) -> str:
        return self.part._denied() or f"not {self.part._text(_NOT)}"


@as_annotated
def every(parts: Iterable[Filter]) -> Filter:
    """All of at least one part; what is already all of some is taken apart."""
    return _joined(And, parts)


@as_annotated
def either(parts: Iterable[Filter]) -> Filter:
    """At least one of at least one part."""
    return _joined(Or, parts)


@as_annotated
def negated(part: Filter) -> Filter:
    """The opposite; of an opposite, what that is of."""
    return part.part if isinstance(part, Not) else Not(part)


def _joined(kind: type[And] | type[Or], parts: Iterable[Filter]) -> Filter:
    flat: list[Filter] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) else [part]
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def _check_parts(parts: tuple[Filter, ...]) -> None:
    if not isinstance(parts, tuple):
        raise InputError(f"conditions to combine are a tuple, not {kind_of(parts)}")
    if len(parts) < 2:
        raise InputError("conditions are combined where there are two or more of them")
    for part in parts:
        _check_part(part)


def _check_part(part: Any) -> None:
    if not isinstance(part, Filter):
        raise InputError(f"a filter is made of conditions, not {type(part).__name__}")


@as_annotated
def check_size(tree: Filter) -> None:
    """InputError for a filter that is nested too deeply or has too many conditions to be one."""
    level, depth, count = [tree], 0, 0
    while level:
        depth += 1
        below: list[Filter] = []
        for node in level:
            if isinstance(node, And | Or):
                below += node.parts
            elif isinstance(node, Not):
                below.append(node.part)
            else:
                count += 1
        if depth > DEEPEST or count > MOST_CONDITIONS:
            raise InputError(
                f"a filter has at most {DEEPEST} levels and {MOST_CONDITIONS:,} conditions; for one of many values, "
                "use `in`"
            )
        level = below


@as_annotated
def same(first: Filter, second: Filter) -> bool:
    """Whether two filters are the same, to the types of their values: to `==`, true is 1 and 1 is 1.0."""
    return first == second and str(first) == str(second)


def bounds(condition: Range) -> dict[str, Value]:
    """The bounds that a range has, by their names."""
    found = ((each.name, getattr(condition, each.name)) for each in fields(condition))
    return {name: value for name, value in found if name in ("gt", "gte", "lt", "lte") and value is not None}


def _bound(open_: Value | None, sign: str, closed: Value | None) -> tuple[str, str] | None:
    """One end of a range: its sign and its value."""
    if open_ is not None:
        return sign, value_text(open_)
    return None if closed is None else (f"{sign}=", value_text(closed))


def _between(parts: tuple[Filter, ...], word: str, strength: int, within: int) -> str:
    text = word.join(part._text(strength) for part in parts)
    return f"({text})" if within >= strength else text


def _check(value: Any) -> None:
    """InputError for what no field can hold."""
    if not isinstance(value, str | int | float):
        what = "null: ask with exists whether there is a value" if value is None else type(value).__name__
        raise InputError(f"a field is compared with a text, a number, or true or false, not {what}")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError("a text to compare with is not valid Unicode") from None
    elif not -1e308 <= value <= 1e308:
        raise InputError("a number to compare with must be finite, and within ±1e308")
