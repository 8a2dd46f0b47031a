"""Arguments held to what a function's annotations say of them: what cannot be is an InputError that names it."""

from __future__ import annotations

import collections.abc
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from operator import index
from typing import Any, NamedTuple, TypeVar, get_origin

from lsr.core.arguments import kind_of, path_of
from lsr.core.errors import InputError
from lsr.core.options import listed

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C")


class _Kind(NamedTuple):
    """One of what an annotation allows: its name, and what a list holds, if the annotation says that."""

    name: str
    members: tuple[_Kind, ...] = ()


def as_annotated(function: F) -> F:
    """Hold the arguments of a function, or of a method beneath `classmethod`, to its annotations before it begins.

    It looks at kinds: whether a number is in its range is for the function. An object fits a class that is called as in
    the annotation, so that nothing has to be imported for it. Not for what is called for each query.
    """
    parameters = list(inspect.signature(function).parameters.values())
    kinds = {each.name: _kinds(each.annotation) for each in parameters if each.kind is not each.VAR_KEYWORD}
    kinds = {name: wanted for name, wanted in kinds.items() if wanted}
    places = [each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    names = function.__globals__

    @functools.wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        for name, value in (*zip(places, args, strict=False), *given.items()):
            if name in kinds:
                _hold(name, value, kinds[name], names)
        return function(*args, **given)

    return call  # type: ignore[return-value]


def methods_as_annotated(*names: str) -> Callable[[type[C]], type[C]]:
    """The same of methods of a class, by their names."""

    def hold(kind: type[C]) -> type[C]:
        for name in names:
            method = kind.__dict__[name]
            wrapped = as_annotated(method.__func__) if isinstance(method, classmethod) else as_annotated(method)
            setattr(kind, name, classmethod(wrapped) if isinstance(method, classmethod) else wrapped)
        return kind

    return hold


def _hold(name: str, value: Any, wanted: tuple[_Kind, ...], names: Mapping[str, Any]) -> None:
    fitting = next((kind for kind in wanted if _fits(value, kind.name, names)), None)
    if fitting is None:
        raise InputError(f"{name} must be {_words(wanted)}, not {kind_of(value)}")
    if fitting.name == "str" and any(kind.name == "Path" for kind in wanted):
        path_of(value, name)
    if fitting.members and isinstance(value, list | tuple):
        for each in value:
            if not any(_fits(each, kind.name, names) for kind in fitting.members):
                raise InputError(f"{name} must hold {_words(fitting.members)} each, not {kind_of(each)}")


def _fits(value: Any, kind: str, names: Mapping[str, Any]) -> bool:
    if kind in _KINDS:
        return _KINDS[kind][0](value)
    if any(each.__name__ == kind for each in type(value).__mro__):
        return True
    found = names.get(kind)
    if get_origin(found) is collections.abc.Callable:
        return callable(value)
    if isinstance(found, type) and not getattr(found, "_is_protocol", False):
        return isinstance(value, found)
    return found is not None  # else it is imported for type checkers alone


def _words(kinds: tuple[_Kind, ...]) -> str:
    words = [_KINDS[kind.name][1] if kind.name in _KINDS else _an(kind.name) for kind in kinds if kind.name != "None"]
    return listed(list(dict.fromkeys(words)))


def _an(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


# -- annotations -------------------------------------------------------------------------------------------------------


def _kinds(annotation: Any) -> tuple[_Kind, ...]:
    """What an annotation allows; nothing if it allows what cannot be told."""
    kinds = []
    for part in _parts(annotation, "|") if isinstance(annotation, str) else []:
        name, _, within = part.removesuffix("]").partition("[")
        if name in _OPEN or "." in name or not (name in _KINDS or name[:1].isupper()):
            return ()
        members = _parts(within, ",") if name in _LISTS else []
        kinds.append(_Kind(name, _kinds(members[0]) if len(members) == 1 else ()))
    return tuple(kinds)


def _parts(annotation: str, sign: str) -> list[str]:
    """An annotation cut at a sign, where it is in no brackets."""
    parts, depth = [""], 0
    for letter in annotation:
        depth += (letter == "[") - (letter == "]")
        if letter == sign and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


# -- kinds --------------------------------------------------------------------------------------------------------


def _is_whole(value: Any) -> bool:
    try:
        index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    if isinstance(value, str | bytes | Mapping | type):
        return False
    return isinstance(value, Iterable) or hasattr(value, "__getitem__")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_flag(value: Any) -> bool:
    return value is None or isinstance(value, Integral) or type(value).__name__ in ("bool", "bool_")


# What names in annotations stand for: whether a value is that, and the words for it. Another with a capital is a class.
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "str": (lambda value: isinstance(value, str), "a string"),
    "int": (_is_whole, "a whole number"),
    "float": (_is_number, "a number"),
    "bool": (_is_flag, "true or false"),
    "None": (lambda value: value is None, "None"),
    "Path": (lambda value: hasattr(value, "__fspath__") and not isinstance(value, type), "a path"),
    "dict": (lambda value: isinstance(value, Mapping), "a dict"),
    "Mapping": (lambda value: isinstance(value, Mapping), "a dict"),
    "Sequence": (_is_list, "a list"),
    "Iterable": (_is_list, "a list"),
    "list": (_is_list, "a list"),
    "tuple": (_is_list, "a list"),
    "Sized": (lambda value: hasattr(value, "__len__") and not isinstance(value, type), "something with a length"),
    "Callable": (callable, "a function"),
}
_LISTS = ("Sequence", "Iterable", "list")
# What is looked at by the function itself.
_OPEN = ("Any", "object", "Literal")
