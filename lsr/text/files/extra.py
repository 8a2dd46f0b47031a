"""The libraries that read PDF, Office and HTML files, which are installed as an extra."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lsr.core.errors import MissingDependencyError

INSTALL = "pip install 'lsr-engine[files]'"


def is_installed(library: str) -> bool:
    """Whether a library is there; it is not loaded."""
    try:
        return find_spec(library) is not None
    except ValueError:  # taken out by a test
        return False


def load(library: str, path: Path) -> Any:
    """The library that reads this file. MissingDependencyError if it is not installed."""
    try:
        return import_module(library)
    except ImportError as error:
        message = f"{path}: reading {path.suffix.lower()} files needs {library}, which is not installed: {INSTALL}"
        raise MissingDependencyError(message) from error
