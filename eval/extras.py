"""Packages of the `eval` extra, imported on first use."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from lsr.core.errors import MissingDependencyError

_PACKAGES = {"Stemmer": "PyStemmer", "ir_measures": "ir-measures", "pytrec_eval": "pytrec-eval-terrier"}


def require(module: str) -> ModuleType:
    """Import a module. Raises MissingDependencyError if its package is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        package = _PACKAGES.get(module, module)
        raise MissingDependencyError(
            f"evaluation needs {package}, which is not installed: pip install 'lsr-engine[eval]'"
        ) from error
