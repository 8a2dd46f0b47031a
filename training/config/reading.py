"""Reading a recipe's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lsr.core.errors import InputError
from lsr.core.structured import read_settings
from lsr.training.config.recipe import TrainingConfig


def read_config(
    path: str | Path, changes: dict[str, Any] | None = None, *, changed_by: str | None = None
) -> TrainingConfig:
    """Read a YAML file; `changes` are values by dotted names, such as {"run.steps": 100}, that replace the file's.

    Members of lists go by their numbers: {"losses.0.weight": 2}. Raises InputError that names the field, and the file;
    or `changed_by`, where the changes are wrong.
    """
    content = read_settings(path, yaml=True)
    if not isinstance(content, dict):
        raise InputError(f"{path} has no fields: a recipe is a mapping with `data`, `model`, …")
    for name, value in (changes or {}).items():
        set_field(content, name, value)
    if "data" in (changes or {}) and isinstance(about := content.get("about"), dict):
        about.pop("data", None)  # may name values that were replaced
    return TrainingConfig.from_record(content, str(path), changed=list(changes or ()), changed_by=changed_by)


def set_field(content: dict[str, Any], name: str, value: Any) -> None:
    """Set a field of plain values by its dotted name. InputError if there is no such place in the recipe."""
    *path, last = name.split(".")
    holder: Any = content
    for part in path:
        if isinstance(holder, list):
            holder = holder[_number(name, part, holder)]
        else:
            if holder.get(part) is None:
                holder[part] = {}
            holder = holder[part]
        if not isinstance(holder, dict | list):
            raise InputError(f"{name}: {part} is {holder!r} in the recipe, so there is nothing in it to set")
    holder[_number(name, last, holder) if isinstance(holder, list) else last] = value


def _number(name: str, part: str, holder: list[Any]) -> int:
    if not part.isdecimal() or int(part) >= len(holder):
        there = f"0 to {len(holder) - 1}" if holder else "none"
        raise InputError(f"{name}: {part} is not the number of a member of that list; there are {there}")
    return int(part)
