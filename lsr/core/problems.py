"""Describing errors in a configuration: which field is wrong, and what would be right."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import Tag, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from lsr.core.errors import InputError
from lsr.core.unions import DISCRIMINATOR, OneOf

T = TypeVar("T")


def read_typed(kind: type[T], record: Any, source: str, whole: str) -> T:
    """A dataclass from plain values, as in YAML. InputError names every wrong field, what would be right, and `source`.

    `whole` is the word for what has the outermost fields, such as "a suite".
    """
    try:
        return TypeAdapter(kind).validate_python(record)
    except ValidationError as error:
        words = "; ".join(words for _, words in problems(error, kind, whole))
        raise InputError(words, source=source) from None


def problems(error: ValidationError, root: type, whole: str) -> Iterator[tuple[str, str]]:
    """The dotted name of each field of a `root` that is wrong, and a phrase that begins with it.

    `whole` is the word for what has the outermost fields.
    """
    for each in error.errors():
        names, _ = _follow(root, each["loc"])
        if each["type"] == "unexpected_keyword_argument":
            names = [*_follow(root, each["loc"][:-1])[0], str(each["loc"][-1])]
        yield ".".join(names), "; ".join(_phrases(each, root, whole))


def _phrases(each: ErrorDetails, root: type, whole: str) -> Iterator[str]:
    names, annotation = _follow(root, each["loc"])
    if each["type"] == "unexpected_keyword_argument":
        yield _unknown_field(root, each["loc"], whole)
    elif each["type"] == "dataclass_type":
        fields_there = [name for name in _fields(_settled(annotation)) if name != DISCRIMINATOR]
        yield f"{'.'.join(names)}: must be a mapping of {', '.join(fields_there)}, not {each['input']!r}"
    elif each["type"].startswith("union_tag") and (kinds := _one_of(annotation)) is not None:
        given = each["input"].get(DISCRIMINATOR) if isinstance(each["input"], dict) else None
        known = _known("there are", kinds.kinds, given)
        yield f"{'.'.join([*names, DISCRIMINATOR])}: there is no {kinds.what} {given!r}{known}"
    else:
        given = "" if isinstance(each["input"], dict) else f", not {each['input']!r}"
        yield f"{'.'.join(names)}: {each['msg']}{given}"


def _unknown_field(root: type, location: Sequence[int | str], whole: str) -> str:
    *place, last = location
    names, holder = _follow(root, place)
    known = [name for name in _fields(_settled(holder)) if name != DISCRIMINATOR]
    # A kind is called by its name, anything else by its place in the file.
    kind = bool(place) and _one_of(_follow(root, place[:-1])[1]) is not None
    what = str(place[-1]) if kind else ".".join(names) or whole
    elsewhere = [name for name in _all_names(root) if name.rpartition(".")[2] == str(last)]
    return f"{'.'.join([*names, str(last)])}: {what} has no {last!r}{_known('it has', known, last, elsewhere)}"


def _known(verb: str, names: Collection[str], given: Any, elsewhere: Sequence[str] = ()) -> str:
    """The names that there are, and the nearest; `elsewhere` are places that have just this name."""
    near = elsewhere or get_close_matches(str(given), names, 1)
    return f"; {verb} {', '.join(names)}" + (f"; did you mean {near[0]!r}?" if near else "")


def _all_names(kind: Any, prefix: str = "") -> Iterator[str]:
    """The dotted names of all fields in `kind` that can be reached without a choice or a number."""
    for name, annotation in _fields(kind).items():
        yield prefix + name
        if is_dataclass(inner := _settled(annotation)):
            yield from _all_names(inner, f"{prefix}{name}.")


def _follow(annotation: Any, location: Sequence[int | str]) -> tuple[list[str], Any]:
    """The names on the path to a place, and its annotation. pydantic's paths include the choice of each union."""
    names = []
    for part in location:
        annotation, named = _step(_settled(annotation), part)
        if named:
            names.append(str(part))
    return names, annotation


def _step(annotation: Any, part: int | str) -> tuple[Any, bool]:
    """The annotation of one step of a path, and whether it is named or numbered in the file."""
    if (kinds := _one_of(annotation)) is not None:
        return kinds.kinds.get(str(part)), False
    if get_origin(annotation) is list:
        return get_args(annotation)[0], True
    if is_dataclass(annotation):
        return _fields(annotation).get(str(part)), True
    if get_origin(annotation) in (Union, UnionType):
        return next((each for each in get_args(annotation) if Tag(str(part)) in _notes(each)), None), False
    return None, False


def _settled(annotation: Any) -> Any:
    """The annotation without notes that choose nothing, and without the None of optional fields."""
    if get_origin(annotation) is Annotated and _one_of(annotation) is None:
        return _settled(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        others = [each for each in get_args(annotation) if each is not type(None)]
        return _settled(others[0]) if len(others) == 1 else annotation
    return annotation


def _fields(kind: Any) -> dict[str, Any]:
    """The fields of a dataclass, by their names in files, with their annotations."""
    found = {}
    hints = get_type_hints(kind, include_extras=True)
    for each in fields(kind):
        alias = next((note.alias for note in _notes(hints[each.name]) if isinstance(note, FieldInfo)), None)
        found[alias or each.name] = hints[each.name]
    return found


def _one_of(annotation: Any) -> OneOf | None:
    return next((note for note in _notes(annotation) if isinstance(note, OneOf)), None)


def _notes(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__metadata__", ())
