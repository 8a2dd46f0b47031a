"""Optional parts of an index beside the sparse one, as dense vectors.

A part lies in a folder of its own inside the segment and is added to an index that is there already: the manifest, in
which its files stand with sizes and checksums, is swapped in last. An index whose part is damaged still answers what
does not need it.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lsr.core.errors import IndexFormatError, InputError, OutputExistsError
from lsr.core.files import crc32
from lsr.core.remedies import REPLACE, add_part, add_part_again
from lsr.index.format.manifest import Manifest, Part
from lsr.index.format.output import lock_folder, seal


def change_manifest(
    path: Path, segment: str, change: Callable[[Manifest], Manifest], *, versions: Sequence[int] | None = None
) -> Manifest:
    """Publish a changed manifest of the index at `path`, in the current format; return it. `versions` as in its `read`.

    IndexFormatError if the index was replaced on disk and no longer consists of `segment`; OutputExistsError while
    another process writes there.
    """
    lock = lock_folder(path)
    try:
        manifest = change(_current(path, segment, versions))
        manifest.write(path)
        return manifest
    finally:
        os.close(lock)


def _current(path: Path, segment: str, versions: Sequence[int] | None = None) -> Manifest:
    manifest = Manifest.read(path, versions=versions)
    if manifest.segment != segment:
        raise IndexFormatError(f"{path}: the index was replaced since it was opened; open it again")
    return manifest


class PartWriter:
    """Writes one part of the index at `path`; a context manager that leaves nothing behind unless `publish` was called.

    Args:
        path: of the index; segment: the one that the part belongs to.
        name: of the part.
        force: replace a part of this name, which stays until the new one is published.

    Attributes:
        folder: where the part's files go.

    Raises OutputExistsError if the index has such a part or another process writes there, IndexFormatError if it was
    replaced on disk.
    """

    def __init__(self, path: Path, segment: str, name: str, *, force: bool = False) -> None:
        self._path, self._segment, self._name = path, segment, name
        self._lock = lock_folder(path)
        try:
            manifest = _current(path, segment)
            if name in manifest.parts and not force:
                raise OutputExistsError(f"{path} has a {name} part already", remedies=[REPLACE])
            self._remove_others({part.folder for part in manifest.parts.values()})
            self.folder = path / segment / f"{name}-{secrets.token_hex(4)}"
            self.folder.mkdir()
        except BaseException:
            os.close(self._lock)
            raise
        self._published = False

    def publish(self, record: dict[str, Any]) -> Manifest:
        """Seal the files and put the part, with its record (JSON values), into the manifest."""
        manifest = _current(self._path, self._segment)
        part = Part(self.folder.name, record, seal(self.folder))
        # A weight was tuned for the vectors that there were.
        manifest = replace(manifest, parts={**manifest.parts, self._name: part}, fusion=None)
        manifest.write(self._path)
        self._published = True
        self._remove_others({part.folder for part in manifest.parts.values()})
        return manifest

    def _remove_others(self, keep: set[str]) -> None:
        """Remove what this part's predecessors, or killed writers, left. Who has them open can read on."""
        for entry in (self._path / self._segment).iterdir():
            if entry.is_dir() and re.fullmatch(rf"{self._name}-[0-9a-f]{{8}}", entry.name) and entry.name not in keep:
                shutil.rmtree(entry, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._published:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def part_folder(path: Path, manifest: Manifest, name: str) -> Path:
    """The folder of a part. InputError if the index has none of this name, IndexFormatError if a file is damaged."""
    part = manifest.parts.get(name)
    if part is None:
        raise InputError(f"the index at {path} has no {name} part", remedies=[add_part(name, path)])
    for problem in part_problems(path, manifest, name):
        raise IndexFormatError(problem, remedies=[add_part_again(name, path)])
    return path / manifest.segment / part.folder


@contextmanager
def opening(name: str, path: Path) -> Iterator[None]:
    """What is found damaged within the block is mended by adding the part again, the rest of the index being whole."""
    try:
        yield
    except IndexFormatError as error:
        raise IndexFormatError(error.problem, remedies=[add_part_again(name, path)]) from error


def part_problems(path: Path, manifest: Manifest, name: str, *, contents: bool = False) -> list[str]:
    """Every file of a part that is missing or not of the recorded size or, if asked, of another checksum."""
    problems = []
    for file, record in manifest.parts[name].files.items():
        place = path / manifest.segment / manifest.parts[name].folder / file
        try:
            size = place.stat().st_size
        except OSError:
            problems.append(f"{place}: missing")
            continue
        if size != record.bytes:
            problems.append(f"{place}: expected {record.bytes:,} bytes, found {size:,}")
        elif contents and (found := crc32(place)) != record.crc32:
            problems.append(f"{place}: expected CRC-32 {record.crc32:08x}, found {found:08x}")
    return problems
