"""A plan as flat keywords, as `Retriever.search` takes them and as the command line turns them into flags.

The keywords come from the plan's fields: nothing here knows any of them by name except `mode`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lsr.core.attributes import attribute_docs
from lsr.core.errors import InputError
from lsr.core.options import Option, build, did_you_mean, listed, options_of
from lsr.index.engines.registry import ENGINES, named_engines
from lsr.index.fusion.feedback import FEEDBACK_METHODS
from lsr.index.fusion.methods import METHODS
from lsr.index.fusion.settings import parameters_class
from lsr.search.plan import ON_DEMAND, SearchPlan, retrieve_record

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlatOption:
    """A field of a plan, as a flat keyword.

    Attributes:
        name: the keyword.
        path: where the field is in the plan.
        option: what the field accepts.
        help: its description, in sentences.
        modes: for a parameter of an engine, the modes of the sparse index that accept it; else empty.
    """

    name: str
    path: Path
    option: Option
    help: str
    modes: tuple[str, ...] = ()

    @property
    def stage(self) -> str:
        """The top-level field of the plan that it belongs to."""
        return self.path[0]


def flat_options() -> dict[str, FlatOption]:
    """Every keyword except `mode`, for the engines and methods registered at present."""
    found: dict[str, FlatOption] = {}
    for each in _walk(SearchPlan, ()):
        there = found.get(each.name)
        found[each.name] = each if there is None else FlatOption(**_merged(there, each))
    del found["mode"]
    return found


def plan_of(mode: str = "auto", **flat: Any) -> SearchPlan:
    """Build a plan from flat keywords: `mode`, then any field of a stage by its flat name.

    `plan_of("hybrid", fusion="rrf", feedback="rm3", feedback_documents=5, rerank="late")`. None means the default.
    InputError for an unknown keyword (it suggests the nearest known one), for one that belongs to a stage that is not
    requested, and for a value that does not fit.
    """
    # Types are part of the key since True equals 1.
    given = tuple((name, type(value), value) for name, value in flat.items() if value is not None)
    registered = (*ENGINES.values(), *METHODS, *FEEDBACK_METHODS)
    try:
        return _plan_of(mode, given, registered)
    except TypeError:  # an unhashable value is never valid in a plan: say so
        return _plan_of.__wrapped__(mode, given, registered)


@lru_cache
def _plan_of(mode: str, given: tuple[tuple[str, type, Any], ...], registered: tuple[object, ...]) -> SearchPlan:
    """See `plan_of`. A plan is made again when other engines or methods are `registered`."""
    record: dict[str, Any] = {"retrieve": retrieve_record(mode)}
    values = {name: value for name, _, value in given}
    known = flat_options() if given else {}
    for name, value in values.items():
        if name not in known:
            raise InputError(f"there is no such parameter of a search{did_you_mean(name, known)}", field=name)
        node = record
        *path, last = known[name].path
        for part in path:
            node = node.setdefault(part, {})
        if last in node:
            raise InputError(f"goes with mode hybrid or sparse-first, not {mode!r}", field=name)
        node[last] = value
    for name in values:
        _check_stage(known[name], known, values)
    try:
        return build(SearchPlan, record)
    except InputError as error:
        raise InputError(error.reason, field=_keyword(error.field, known, list(values))) from None


def _check_stage(option: FlatOption, known: Mapping[str, FlatOption], given: Mapping[str, Any]) -> None:
    """Refuse a parameter of a stage without the keyword that requests the stage, if there is one named after it."""
    asks = known.get(option.stage)
    if asks is not None and option.stage in ON_DEMAND and asks.name not in given:
        choices = f", {listed(asks.option.choices)}" if asks.option.choices else ""
        raise InputError(f"needs {asks.name}: its {asks.option.name}{choices}", field=option.name)


def _keyword(path: str | None, known: Mapping[str, FlatOption], given: list[str]) -> str | None:
    """The keyword for a path in the plan, or the first of the given ones beneath it."""
    if path is None:
        return None
    if path in ("retrieve.mode", "retrieve.sparse.mode") and "sparse_mode" not in given:
        return "mode"
    parts = tuple(path.split("."))
    beneath = [name for name in given if known[name].path[: len(parts)] == parts]
    return beneath[0] if beneath else next((each.name for each in known.values() if each.path == parts), path)


def _walk(cls: type, path: Path) -> Iterator[FlatOption]:
    for each in options_of(cls):
        here = (*path, each.name)
        if each.node is not None:
            yield from _walk(each.node, here)
        elif each.kind is not None:
            yield FlatOption(each.flat, here, each, attribute_docs(cls).get(each.name, ""))
        else:
            yield from _parameters(here)


def _parameters(path: Path) -> Iterator[FlatOption]:
    """The parameters of all engines. Those that "auto" accepts are listed under the engine that defines them."""
    for mode in named_engines():
        cls = parameters_class(mode)
        for each in options_of(cls):
            yield FlatOption(each.flat, (*path, each.name), each, attribute_docs(cls).get(each.name, ""), (mode,))


def _merged(first: FlatOption, second: FlatOption) -> dict[str, Any]:
    """Merge a parameter that two engines share."""
    if first.path != second.path or first.option.kind != second.option.kind:
        raise TypeError(f"two fields of a search plan have the keyword {first.name!r}: {first.path}, {second.path}")
    modes = (*first.modes, *second.modes)
    return {"name": first.name, "path": first.path, "option": first.option, "help": first.help, "modes": modes}
