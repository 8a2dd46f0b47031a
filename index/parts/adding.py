"""Adding a part, such as dense vectors, to an existing index.

Its files go into a folder of their own inside the segment; the manifest, which lists them with sizes and checksums, is
swapped in last.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lsr.core.errors import LsrError, OutputExistsError
from lsr.core.files import name_path
from lsr.core.remedies import REPLACE
from lsr.core.unfinished import is_unfinished
from lsr.index.format.manifest import Manifest, index_identity
from lsr.index.format.output import current_manifest, lock_folder, seal
from lsr.index.format.records import PartRecord


class PartWriter:
    """Writes one part of the index at `path`; a context manager that leaves nothing behind unless `publish` was called.

    Args:
        path: of the index; segment: the one that the part belongs to.
        name: of the part.
        force: replace an existing part of this name, which stays until the new one is published.

    Attributes:
        folder: where the part's files go.

    Raises OutputExistsError if the index already has such a part or another process writes there, IndexFormatError if
    it was replaced on disk.
    """

    def __init__(self, path: Path, segment: str, name: str, *, force: bool = False) -> None:
        self._path, self._segment, self._name = path, segment, name
        self._lock = lock_folder(path)
        try:
            manifest = current_manifest(path, segment)
            parts = manifest.segments[0].parts
            if name in parts and not force and not is_unfinished(path, index_identity):
                raise OutputExistsError(f"{path} has a {name} part already", remedies=[REPLACE])
            self._remove_others({part.folder for part in parts.values()})
            self.folder = path / segment / f"{name}-{secrets.token_hex(4)}"
            self.folder.mkdir()
        except BaseException:
            os.close(self._lock)
            raise
        self._published = False

    def publish(self, record: dict[str, Any], *, keeps_fusion: bool = False) -> Manifest:
        """Seal the files and put the part, with its record (JSON values), into the manifest.

        The tuned weight of the fusion goes with the vectors that it was tuned for, unless the part has none.
        """
        manifest = current_manifest(self._path, self._segment)
        part = PartRecord(self.folder.name, record, seal(self.folder))
        parts = {**manifest.segments[0].parts, self._name: part}
        fusion = manifest.fusion if keeps_fusion else None
        manifest = replace(manifest.with_segment(self._segment, parts=parts), fusion=fusion)
        if manifest.live is not None and self._name == "dense":
            # Documents that are added from now on have such vectors, too.
            manifest = replace(manifest, live=replace(manifest.live, dense=record))
        manifest.write(self._path)
        self._published = True
        self._remove_others({part.folder for part in parts.values()})
        return manifest

    def _is_named(self) -> bool:
        """Whether the manifest names the part, or cannot be read: publishing may fail once it is in its place."""
        try:
            parts = current_manifest(self._path, self._segment).segments[0].parts
        except (LsrError, OSError):
            return True  # a later writer removes it
        return any(part.folder == self.folder.name for part in parts.values())

    def _remove_others(self, keep: set[str]) -> None:
        """Remove what earlier versions of this part, or killed writers, left; open readers can go on reading."""
        for entry in (self._path / self._segment).iterdir():
            if entry.is_dir() and re.fullmatch(rf"{self._name}-[0-9a-f]{{8}}", entry.name) and entry.name not in keep:
                shutil.rmtree(entry, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        name_path(error, self._path)
        if not self._published and not self._is_named():
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)
