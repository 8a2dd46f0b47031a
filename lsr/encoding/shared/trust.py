"""What a model folder may do, whoever wrote it: give numbers, tokens and settings. It never runs code.

Weights are read as safetensors, or by torch's unpickler for weights alone, which builds tensors and calls nothing that
a file names. Nothing outside of the folder is read on its word.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from lsr.core.errors import ModelError

# For transformers: no class, and no weights, by way of code in the folder. Said each time, since its default is to ask
# on stdin, where a corpus may be coming in.
NO_CODE: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}

_READ = (".json", ".txt", ".model", ".safetensors", ".bin", ".metadata", ".gguf", ".jinja")
_MOST_ENTRIES = 100_000


def inside(folder: Path, name: Any) -> Path:
    """The path of what a configuration file calls `name`. ModelError if it does not lie in the folder."""
    if isinstance(name, str) and not Path(name).is_absolute() and "\0" not in name:
        path = folder / name
        if path.resolve().is_relative_to(_root(folder)):
            return path
    raise ModelError(f"{folder} names {name!r} as a part of itself, which does not lie in it: nothing else is read")


def check_entries(folder: Path) -> None:
    """ModelError for a link that leads out of the folder, and for a pipe or device with the name of a model's file.

    In the cache of the Hugging Face hub, links lead to the other files of the same repository.
    """
    root = _root(folder)
    for entry in _entries(folder):
        if Path(entry.name).suffix not in _READ or entry.is_dir():
            continue
        path = Path(entry.path)
        if entry.is_symlink() and not path.resolve().is_relative_to(root):
            raise ModelError(
                f"{path} is a link to {path.resolve()}, outside of the model's folder, where lsr reads nothing: put "
                "the file itself in its place"
            )
        if path.exists() and not path.is_file():
            raise ModelError(f"{path} is not a file, but a pipe, a socket or a device")


def _root(folder: Path) -> Path:
    """Where a folder's links may lead."""
    root = folder.resolve()
    return root.parent.parent if root.parent.name == "snapshots" else root


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What lies in the folder and in the folders in it, hidden ones aside; links to folders are not followed."""
    waiting, seen = [folder], 0
    while waiting:
        within = waiting.pop()
        try:
            with os.scandir(within) as listed:
                entries = list(islice(listed, _MOST_ENTRIES - seen + 1))
        except FileNotFoundError:
            continue  # removed meanwhile: nothing is read of it
        except OSError as error:
            raise ModelError(f"{within}: cannot be read: {error.strerror}") from error
        seen += len(entries)
        if seen > _MOST_ENTRIES:
            raise ModelError(f"{folder} holds more than {_MOST_ENTRIES:,} files: it is not a model's folder")
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith("."):
                    waiting.append(Path(entry.path))
            else:
                yield entry
