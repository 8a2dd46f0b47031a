"""Where the files of a run are kept that are not its output: beside the output, or in it where they must be."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lsr.core.arguments import path_of

_INSIDE = re.compile(r"\.(encoding|dense|late|command)(\.lock|\.tmp)?")


def beside(path: str | Path, suffix: str) -> Path:
    """`PATH.suffix`; `PATH/.suffix` where PATH is a folder that can be written and the one above it is not.

    Such a folder is the root of a mounted volume, or of a file system. What is written there has a name by which
    `is_kept_inside` knows it.
    """
    path = named(path)
    if path.is_dir() and (not path.name or (os.access(path, os.W_OK) and not os.access(path.parent, os.W_OK))):
        return path / f".{suffix}"
    return path.with_name(f"{path.name}.{suffix}")


def everywhere(name: str) -> str:
    """The absolute path of what is here, for processes that run in other folders; else the name, as of a model."""
    path = Path(name)
    return str(path.absolute()) if path.exists() else name


def is_kept_inside(name: str) -> bool:
    """Whether a file or folder of this name, in an output, is one that `beside` put there."""
    return _INSIDE.fullmatch(name) is not None


def named(path: str | Path) -> Path:
    """The same path with a name at its end, which `.` and `..` lack. InputError for what is none."""
    path = path_of(path, "an output")
    return path if path.name and path.name != ".." else path.resolve()
