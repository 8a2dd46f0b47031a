"""Configurations as older versions of lsr recorded them in the folder of a run.

In these, every loss had the parameters of all losses, and every penalty those of all penalties; those of another kind
had no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lsr.training.losses.registry import OBJECTIVES
from lsr.training.penalties.registry import PENALTIES

_LOSS = frozenset({"name", "weight", "temperature", "in_batch"})
_PENALTY = frozenset({"name", "strength", "ramp", "shape", "threshold", "alpha", "beta"})


def without_leaks(record: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with only the parameters of its own kind in each loss and penalty of the old form.

    A hand-written configuration never has all of those fields, so it stays as it is and is checked for unknown ones.
    """
    changed = dict(record)
    if isinstance(record.get("losses"), list):
        changed["losses"] = [_without_null(_own(each, _LOSS, OBJECTIVES)) for each in record["losses"]]
    for side in ("document_regularisers", "query_regularisers"):
        if isinstance(record.get(side), list):
            changed[side] = [_own(each, _PENALTY, PENALTIES) for each in record[side]]
    return changed


def _own(entry: Any, form: frozenset[str], kinds: Mapping[str, type]) -> Any:
    if not isinstance(entry, dict) or set(entry) != form or entry["name"] not in kinds:
        return entry
    known = {each.name for each in fields(kinds[entry["name"]])}
    return {name: value for name, value in entry.items() if name in known}


def _without_null(entry: Any) -> Any:
    """Drop `in_batch: null`, which meant what is now the default of each kind of loss."""
    if isinstance(entry, dict) and entry.get("in_batch", True) is None:
        return {name: value for name, value in entry.items() if name != "in_batch"}
    return entry
