"""Suites that come with lsr: each a YAML file beside this one, read as a `SuiteConfig`."""

from __future__ import annotations

from pathlib import Path

from lsr.core.errors import InputError
from lsr.core.options import did_you_mean

_FOLDER = Path(__file__).parent


def suites() -> dict[str, Path]:
    """The file of every suite by its name, in order of names."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"))}


def suite_path(name_or_path: str | Path) -> Path:
    """The file of a suite, or the given path if it is one. InputError for neither."""
    found, path = suites(), Path(name_or_path)
    if str(name_or_path) in found:
        return found[str(name_or_path)]
    if path.is_file():
        return path
    meant = did_you_mean(name_or_path, found)
    raise InputError(
        f"{name_or_path} is neither a YAML file nor a suite that comes with lsr ({', '.join(found)}){meant}"
    )
