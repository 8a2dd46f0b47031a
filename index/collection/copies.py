"""Copies of collections: consistent ones of what is written to, and back."""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path

from lsr.core.arguments import path_of
from lsr.core.errors import IndexFormatError, OutputExistsError
from lsr.core.files import atomic_folder, crc32, sync
from lsr.core.unfinished import file_identity, is_unfinished
from lsr.index.format.files import RESTORE
from lsr.index.format.manifest import MANIFEST_NAME, Manifest, has_manifest, index_identity
from lsr.index.format.output import check_apart
from lsr.index.format.records import FileRecord
from lsr.index.live.log.frames import log_numbers, log_path, open_log
from lsr.index.live.log.reader import LogReader
from lsr.index.live.vocabulary import vocabulary_path

# A writer that publishes faster than a copy is made would keep it from ever ending.
_MOST_TRIES = 20


def copy_collection(
    path: str | Path, output: str | Path, *, progress: Callable[[int], None] | None = None
) -> dict[str, int]:
    """Copy the collection, or index, at `path` to a new folder, as it is at one moment; return its files' sizes.

    Its writer may go on: what it had acknowledged when this was called is in the copy. Every file is compared with its
    checksum, so that damage is not handed on. `progress` is called with the number of bytes just copied. The copy is
    there as a whole or not at all. It may take the place of an empty folder, or of what this same command made before
    it was killed.

    OutputExistsError if there is something else at `output`, or it lies inside an index; IndexFormatError for a damaged
    file, as a log that cannot be read to its end.
    """
    path, output = path_of(path, "the path of a collection"), path_of(output, "an output")
    check_apart(output)
    is_empty = output.is_dir() and not output.is_symlink() and not any(output.iterdir())
    if os.path.lexists(output) and not is_empty and not is_unfinished(output, file_identity):
        raise OutputExistsError(f"{output} already exists and is not empty: choose another folder")
    for tried in range(1, _MOST_TRIES + 1):
        before = index_identity(path) if has_manifest(path) else None
        manifest = Manifest.read(path)
        try:
            with atomic_folder(output, force=is_empty) as made:
                return _copy(path, manifest, made, progress or (lambda count: None))
        except (IndexFormatError, FileNotFoundError):
            # What was published since may have removed what was to be copied.
            if tried == _MOST_TRIES or index_identity(path) == before:
                raise
    raise AssertionError("the last try returns or raises")


def _copy(path: Path, manifest: Manifest, output: Path, progress: Callable[[int], None]) -> dict[str, int]:
    sizes: dict[str, int] = {}

    def copy(source: Path, record: FileRecord) -> None:
        target = output / source.relative_to(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target, follow_symlinks=False)
        if target.is_symlink() or target.stat().st_size != record.bytes or crc32(target) != record.crc32:
            raise IndexFormatError(f"{source}: not as its checksum says", remedies=[RESTORE])
        sync(target)
        sizes[str(source.relative_to(path))] = record.bytes
        progress(record.bytes)

    for segment in manifest.segments:
        folder = path / segment.name
        for name, record in segment.files.items():
            copy(folder / name, record)
        for part in segment.parts.values():
            for name, record in part.files.items():
                copy(folder / part.folder / name, record)
    for shard in () if manifest.shards is None else manifest.shards.records:
        if shard is not None:
            made = Manifest.read(path / shard.name).to_bytes()
            (output / shard.name / MANIFEST_NAME).write_bytes(made)
            sync(output / shard.name / MANIFEST_NAME)
    live = manifest.live
    if live is not None:
        if live.vocabulary is not None:
            copy(vocabulary_path(path, live.vocabulary), live.vocabulary)
        # Appended to meanwhile: what is not whole at the end is cut off when the copy is opened.
        numbers = log_numbers(path)
        if live.log not in numbers:
            raise IndexFormatError(f"{log_path(path, live.log)}: missing", remedies=[RESTORE])
        deque(LogReader(path, bytes.fromhex(live.identity), first=live.log, after=live.sequence), 0)  # or its damage
        for number in numbers:
            if number >= live.log:
                source = log_path(path, number)
                with open_log(source) as log, (output / source.name).open("xb") as file:
                    shutil.copyfileobj(log, file)
                sync(output / source.name)
                sizes[source.name] = (output / source.name).stat().st_size
                progress(sizes[source.name])
    for folder in {target.parent for target in output.rglob("*")}:
        sync(folder)
    manifest.write(output)
    return sizes
