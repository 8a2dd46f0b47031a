"""Packages of other tools, each the extra of its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lsr.core.errors import MissingDependencyError


@contextmanager
def needed(package: str, module: str, extra: str) -> Iterator[None]:
    """Import a package's modules within it. MissingDependencyError, which names the extra, if it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module:
            raise
        raise MissingDependencyError(
            f"this needs {package}, which is not installed: pip install 'lsr-engine[{extra}]'"
        ) from error
