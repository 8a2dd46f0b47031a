"""The folder that an index is written to: who may write there, and cleaning up."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from lsr.core.annotated import as_annotated
from lsr.core.errors import IndexFormatError, OutputExistsError
from lsr.core.files import check_folder, crc32, remove, sync
from lsr.core.obstacles import check_way, kind
from lsr.core.places import is_kept_inside
from lsr.core.remedies import REPLACE
from lsr.core.unfinished import is_unfinished
from lsr.index.format.manifest import Manifest, index_identity, is_index
from lsr.index.format.records import SEGMENT_NAME, FileRecord
from lsr.index.format.shards import SHARD_NAME, SHARDS_NAME

WRITER_LOCK = "writer.lock"
"""The file that the writer of a collection locks (`lsr.index.live.lock`)."""


@as_annotated
def check_index_output(path: str | Path, *, force: bool = False) -> None:
    """OutputExistsError if an index must not be written to `path`.

    It may be written to a new path, into an empty folder, over the leftovers of a killed build and, with `force`, over
    an lsr index. Any other folder or file is never replaced. An index that this same command published before it was
    killed counts as not there.
    """
    path = Path(path)
    check_apart(path)
    check_way(path)
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_dir():
        raise OutputExistsError(f"{path} is {kind(path)}, not a folder: choose another output")
    check_folder(path)
    if is_index(path):
        if not force and not is_unfinished(path, index_identity):
            raise OutputExistsError(f"{path} already holds an index", remedies=["choose another output", REPLACE])
    elif not is_vacant(path):
        raise OutputExistsError(f"{path} is a folder with other files and will not be replaced: choose another output")


def check_apart(path: Path) -> None:
    """OutputExistsError for a folder inside an index, where only the index's own are: it would go with them."""
    for parent in path.resolve().parents:
        if is_index(parent):
            raise OutputExistsError(f"{path} would lie inside the index {parent}: choose a folder outside of it")


def is_vacant(path: Path) -> bool:
    """Whether nothing is at `path`, or an empty folder, or what a killed build left of an index never published.

    A creation that failed leaves the lock of its writer.
    """
    if not path.is_dir():
        return not path.exists()
    names = (each.name for each in path.iterdir())
    return all(
        SEGMENT_NAME.fullmatch(name) or SHARD_NAME.fullmatch(name) or is_kept_inside(name) or name == WRITER_LOCK
        for name in names
    )


def lock_folder(path: Path) -> int:
    """Lock out other builders until the returned descriptor is closed or this process dies."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise OutputExistsError(
            f"{path}: another process is building an index here, or writing to it; wait for it to end"
        ) from None
    except OSError:
        pass  # a file system without locks: two builders would still publish whole indexes there
    return descriptor


def new_segment(path: Path) -> Path:
    """The path of a segment folder that does not exist yet."""
    return path / f"segment-{secrets.token_hex(8)}"


def remove_segments(path: Path, keep: Collection[str]) -> None:
    """Remove every segment folder in `path` but those of these names."""
    for entry in path.iterdir():
        if entry.name not in keep and SEGMENT_NAME.fullmatch(entry.name):
            shutil.rmtree(entry, ignore_errors=True)


def remove_shards(path: Path, keep: Collection[str] = ()) -> None:
    """Remove every shard in `path` but those of these names; what named them goes first, if none is kept."""
    if not keep:
        (path / SHARDS_NAME).unlink(missing_ok=True)
    for entry in path.iterdir():
        if entry.name not in keep and SHARD_NAME.fullmatch(entry.name):
            remove(entry)


def seal(folder: Path) -> dict[str, FileRecord]:
    """Flush every file of a segment, or of a part of it, to the disk; return sizes and checksums by name."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            continue  # an added part, which has its own seal
        sync(path)
        files[path.name] = FileRecord(path.stat().st_size, crc32(path))
    sync(folder)
    return files


def change_manifest(
    path: Path, segment: str | None, change: Callable[[Manifest], Manifest], *, versions: Sequence[int] | None = None
) -> Manifest:
    """Publish a changed manifest of the index at `path`, in the current format; return it.

    `versions` as in `Manifest.read`. IndexFormatError if the index was replaced on disk and no longer consists of
    `segment`; OutputExistsError while another process writes there.
    """
    lock = lock_folder(path)
    try:
        manifest = change(current_manifest(path, segment, versions))
        manifest.write(path)
        return manifest
    finally:
        os.close(lock)


def current_manifest(path: Path, segment: str | None, versions: Sequence[int] | None = None) -> Manifest:
    """The manifest of the index at `path`. IndexFormatError if it no longer consists of `segment`."""
    manifest = Manifest.read(path, versions=versions)
    if manifest.segment != segment:
        raise IndexFormatError(f"{path}: the index was replaced since it was opened; open it again")
    return manifest
