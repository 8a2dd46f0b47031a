"""Recipes that come with lsr: each a YAML file beside this one, read as a `TrainingConfig`."""

from __future__ import annotations

from pathlib import Path

from lsr.core.errors import InputError
from lsr.core.options import did_you_mean

_FOLDER = Path(__file__).parent


def recipes() -> dict[str, Path]:
    """The file of every recipe by its name, in order of names."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"))}


def recipe_path(name_or_path: str) -> Path:
    """The file of a recipe, or the given path if it is one. InputError for neither."""
    found = recipes()
    if name_or_path in found:
        return found[name_or_path]
    path = Path(name_or_path)
    if path.is_file():
        return path
    meant = did_you_mean(name_or_path, found)
    raise InputError(
        f"{name_or_path} is not a recipe ({', '.join(found)}), a YAML file or the folder of a training run{meant}"
    )
