"""How to search, as a request says it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from lsr.core.arguments import kind_of
from lsr.core.errors import InputError
from lsr.search.flat import plan_of
from lsr.search.plan import SearchPlan


def plan_record(plan: SearchPlan | None, mode: str, flat: dict[str, Any]) -> dict[str, Any]:
    """A plan's part of a request: what differs from the defaults, which are the server's. InputError as `plan_of`.

    The model that re-ranks is the server's, and is left out.
    """
    if plan is None:
        plan = plan_of(mode, **flat)
    elif not isinstance(plan, SearchPlan):
        raise InputError(f"plan must be a SearchPlan, not {kind_of(plan)}")
    elif mode != "auto" or any(value is not None for value in flat.values()):
        raise InputError("the plan already says how to search: leave out mode and other keywords")
    record = _changes(plan, SearchPlan())
    record.get("rerank", {}).pop("model", None)
    return record


def _changes(node: Any, usual: Any) -> dict[str, Any]:
    """What of settings is not as usual, as JSON values; stages that are usually not run are there, if only empty."""
    usual = type(node)() if not isinstance(usual, type(node)) else usual
    changed: dict[str, Any] = {}
    for each in fields(node):
        value, known = getattr(node, each.name), getattr(usual, each.name)
        if not each.init or value is None:
            continue
        if is_dataclass(value):
            within = _changes(value, known)
            if within or known is None:
                changed[each.name] = within
        elif value != known:
            changed[each.name] = value
    return changed
