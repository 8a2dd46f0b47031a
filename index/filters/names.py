"""Names of fields in the other stages: what hits are ordered by, and what is counted of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from lsr.core.errors import InputError
from lsr.core.options import shortened
from lsr.index.filters.places import problem_at
from lsr.index.filters.words import name_text

USUAL_SIZE: Final = 10
MOST_VALUES: Final = 10_000
MOST_NAMES: Final = 16

_ITEM = re.compile(r"\s*(-)?\s*(?:`((?:[^`\\]|\\.)+)`|([^\s,:`]+))(?:\s*:\s*([0-9]{1,9}))?\s*(,|$)")


class SortField(NamedTuple):
    """A field that hits are ordered by."""

    name: str
    descending: bool

    def __str__(self) -> str:
        return "-" * self.descending + name_text(self.name)


class FacetField(NamedTuple):
    """A field whose values are counted, and how many of the commonest are told."""

    name: str
    size: int

    def __str__(self) -> str:
        return name_text(self.name) + ("" if self.size == USUAL_SIZE else f":{self.size}")


def read_sort(given: Any) -> tuple[SortField, ...]:
    """The fields of an order, as "-year, title" or a list of such names; `-` is for descending. InputError."""
    found = []
    for text, at, descending, name, size in _items(given):
        if size is not None:
            raise problem_at("an order has no numbers: FIELD or -FIELD", text, at)
        found.append(SortField(name, descending))
    return tuple(found)


def read_facets(given: Any) -> tuple[FacetField, ...]:
    """The fields to be counted, as "lang, year:20", a list of such names, or sizes by name. InputError."""
    if isinstance(given, Mapping):
        given = [f"{name_text(str(name))}:{size}" for name, size in given.items()]
    found = []
    for text, at, descending, name, size in _items(given):
        if descending:
            raise problem_at("values that are counted have no direction: FIELD or FIELD:SIZE", text, at)
        if size is not None and not 1 <= size <= MOST_VALUES:
            raise problem_at(f"as many as 1 to {MOST_VALUES:,} values are told", text, at)
        found.append(FacetField(name, USUAL_SIZE if size is None else size))
    return tuple(found)


def read_name(given: Any) -> str:
    """The name of one field, in backquotes or as it is. InputError for anything else."""
    names = list(_items(given))
    if len(names) != 1 or names[0][2] or names[0][4] is not None:
        raise InputError(f"must be the name of one field, not {shortened(given)}")
    return names[0][3]


def _items(given: Any) -> Iterator[tuple[str, int, bool, str, int | None]]:
    """The text, and for each name in it: its place, whether `-` stands before it, it, and the number behind it."""
    if isinstance(given, Sequence) and not isinstance(given, str) and all(isinstance(each, str) for each in given):
        given = ", ".join(given)
    if not isinstance(given, str):
        raise InputError(f"must be names of fields, separated by commas, not {shortened(given)}")
    place, names = 0, set()
    while place < len(given.rstrip()):
        found = _ITEM.match(given, place)
        if found is None:
            raise problem_at("expected a field, and a comma before the next", given, place)
        sign, quoted, plain, size, _ = found.groups()
        try:
            name = (
                plain if quoted is None else str(json.loads('"' + quoted.replace('"', '\\"').replace("\\`", "`") + '"'))
            )
        except ValueError:
            raise problem_at("cannot read this name", given, place) from None
        if name in names:
            raise problem_at(f"{name!r} stands here twice", given, place)
        names.add(name)
        if len(names) > MOST_NAMES:
            raise InputError(f"at most {MOST_NAMES} fields")
        yield given, place, sign is not None, name, None if size is None else int(size)
        place = found.end()
