"""Reading a recipe's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lsr.core.errors import InputError
from lsr.training.config.recipe import TrainingConfig


def read_config(path: str | Path, changes: dict[str, Any] | None = None) -> TrainingConfig:
    """Read a YAML file; `changes` are values by dotted names, such as {"run.steps": 100}, that replace the file's.

    Raises InputError that names the file and the field.
    """
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} has no fields: a recipe is a mapping with `data`, `model`, …")
    for name, value in (changes or {}).items():
        set_field(content, name, value)
    if "data" in (changes or {}) and isinstance(about := content.get("about"), dict):
        about.pop("data", None)  # may name values that were replaced
    return TrainingConfig.from_record(content, str(path))


def set_field(content: dict[str, Any], name: str, value: Any) -> None:
    """Set a field of plain values by its dotted name. InputError if something other than a mapping is on the path."""
    *path, last = name.split(".")
    for part in path:
        inner = content.setdefault(part, {})
        if not isinstance(inner, dict):
            raise InputError(f"{name}: {part} is {inner!r} in the recipe, not a mapping")
        content = inner
    content[last] = value
