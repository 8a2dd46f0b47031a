"""Where repairs of an index keep what they set aside: a folder each, `damaged/1` and so on, in the index's own.

It is whole before the manifest of the repaired index is published, and says which that will be: so a repair that was
killed in between is known by the next, which undoes and begins again.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from zlib import crc32

from lsr.core.errors import IndexFormatError
from lsr.core.files import sync
from lsr.core.regular import read_regular
from lsr.index.collection.repair.report import REPORT_NAME, Repair
from lsr.index.format.manifest import index_identity

FOLDER = "damaged"
_STAGED = ".unfinished"


class Aside:
    """The folder of one repair; `folder` is where it is made."""

    def __init__(self, path: Path) -> None:
        self._home = path / FOLDER
        self._path = path
        self.number = max(_numbers(self._home), default=0) + 1
        self.folder = self._home / _STAGED
        self.folder.mkdir(parents=True)

    @property
    def name(self) -> str:
        """As it will be called, from the index's folder on."""
        return f"{FOLDER}/{self.number}"

    def publish(self, repair: Repair, manifest: bytes | None) -> None:
        """Write what was found, and give the folder its name; `manifest`: of the repaired index, or None."""
        said = {
            "repair": repair.to_record(),
            "before": index_identity(self._path),
            "after": None if manifest is None else [crc32(manifest)],
        }
        (self.folder / REPORT_NAME).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        for each in [*self.folder.rglob("*"), self.folder]:
            # A link leads out of the folder, and a pipe would be waited for.
            if not each.is_symlink() and (each.is_dir() or each.is_file()):
                sync(each)
        self.folder.rename(self._home / str(self.number))
        sync(self._home)
        sync(self._path)


def clear_unfinished(path: Path) -> Repair | None:
    """Remove what a repair left that was killed before it published; what the last one said that did publish.

    IndexFormatError if the folder is not one, or not readable.
    """
    home = path / FOLDER
    if home.is_symlink() or (home.exists() and not home.is_dir()):
        raise IndexFormatError(f"{home}: not a folder, where repairs keep what they set aside; move it away")
    if not home.exists():
        return None
    shutil.rmtree(home / _STAGED, ignore_errors=True)
    last = max(_numbers(home), default=0)
    said = _read(home / str(last) / REPORT_NAME) if last else None
    if said is None:
        return None
    now = index_identity(path)
    if said.get("after") == now:
        return Repair.from_record(said["repair"])
    if said.get("before") == now:
        shutil.rmtree(home / str(last))
        sync(home)
    return None


def leave(path: Path) -> None:
    """Remove the folder of all repairs if nothing is in it."""
    home = path / FOLDER
    if home.is_dir() and not any(home.iterdir()):
        home.rmdir()


def _numbers(home: Path) -> list[int]:
    if not home.is_dir():
        return []
    return [int(each.name) for each in home.iterdir() if each.name.isascii() and each.name.isdigit()]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        said = json.loads(read_regular(path))
    except (OSError, ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and isinstance(said.get("repair"), dict) else None
