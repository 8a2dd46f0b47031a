"""The versions of a collection: the one that is searched, one before it that was kept, and one that is being made.

    COLLECTION/
        manifest.json, segment-*, log-*, vocabulary-*.jsonl    the one that is searched
        .previous/manifest.json                                of the one that was kept; its segments are beside it
        .previous/next/manifest.json                           of the one to be kept, until another is published
        .reindex/                                              the one that is being made: a collection of its own

A version is known by the time at which it was begun, to the microsecond: `Manifest.created`.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from pathlib import Path

from lsr.core.errors import IndexFormatError
from lsr.core.files import remove, sync
from lsr.index.format.files import folder_problem
from lsr.index.format.manifest import MANIFEST_NAME, Manifest
from lsr.index.live.log.frames import log_numbers, log_path
from lsr.index.live.vocabulary import remove_vocabularies

PREVIOUS, COMING = ".previous", ".reindex"
BACK = "back"
"""A file in `COMING` that says that the version was kept before."""
_NEXT = "next"


def kept_version(path: Path) -> Manifest | None:
    """The manifest of the version that was kept of the collection at `path`; None if there is none.

    IndexFormatError for one that is damaged.
    """
    _check_kept(path)
    for folder in (path / PREVIOUS / _NEXT, path / PREVIOUS):
        if (folder / MANIFEST_NAME).exists():
            kept = Manifest.read(folder)
            # One that is the same was to be kept by a run that did not come to publish another.
            if kept.created != Manifest.read(path).created:
                return kept
    return None


def stage_kept(path: Path, manifest: Manifest | None) -> None:
    """Prepare to keep the version of this manifest, or none, once another is published: until then nothing changes."""
    previous = path / PREVIOUS
    _check_kept(path)
    remove_version(previous / _NEXT)
    if manifest is not None:
        (previous / _NEXT).mkdir(parents=True, exist_ok=True)
        manifest.write(previous / _NEXT)
        sync(previous)


def settle_kept(path: Path, manifest: Manifest) -> None:
    """Let the version that was prepared be the one that is kept, or forget that if none was published after it."""
    previous, coming = path / PREVIOUS, path / PREVIOUS / _NEXT
    if not previous.is_dir():
        return
    with suppress(IndexFormatError):  # what is damaged is told, and stays
        _check_kept(path)
        if (coming / MANIFEST_NAME).exists() and Manifest.read(coming).created != manifest.created:
            (coming / MANIFEST_NAME).replace(previous / MANIFEST_NAME)
        remove_version(coming)
        (previous / f".{MANIFEST_NAME}").unlink(missing_ok=True)
        if not any(previous.iterdir()):
            previous.rmdir()


def versions(path: Path, manifest: Manifest) -> list[Manifest] | None:
    """This manifest, of the collection at `path`, and that of the version that was kept of it, if one was.

    None if that one is damaged: then there is no telling what of the collection's files is of it.
    """
    try:
        kept = kept_version(path)
    except IndexFormatError:
        return None
    return [manifest] if kept is None else [manifest, kept]


def is_published(path: Path) -> bool:
    """Whether the version that was made in `COMING` is the one that is searched: what lies there is of no more use."""
    with suppress(IndexFormatError):
        return (
            folder_problem(path / COMING) is None
            and Manifest.read(path / COMING).created == Manifest.read(path).created
        )
    return False


def clear_published(path: Path) -> None:
    """Remove what lies in `COMING` once it is published, but for what says which version it was, if its run goes on.

    For who opens the collection: nobody makes a version then.
    """
    coming = path / COMING
    if folder_problem(coming) is not None:
        return
    if is_published(path):
        for entry in coming.iterdir():
            if entry.name not in (MANIFEST_NAME, BACK):
                remove(entry)
    elif not any(coming.iterdir()):
        coming.rmdir()


def version_identity(manifest_path: Path) -> list[int]:
    """What a version of a collection is known by, of the path of its manifest: see `lsr.core.unfinished`."""
    return [zlib.crc32(Manifest.read(manifest_path.parent).created.encode())]


def remove_version(folder: Path) -> None:
    """Remove a folder with a version; its manifest goes last, so that until then it can be seen what it was.

    What stands in its place and is no folder goes as well: of a link, which a stranger's collection may have, nothing
    of what it leads to.
    """
    if folder_problem(folder) is not None:
        folder.unlink(missing_ok=True)
        return
    for entry in folder.iterdir():
        if entry.name != MANIFEST_NAME:
            remove(entry)
    (folder / MANIFEST_NAME).unlink(missing_ok=True)
    folder.rmdir()


def _check_kept(path: Path) -> None:
    """IndexFormatError where a kept version, or one to be kept, is no folder: what a link leads to is not touched."""
    for folder in (path / PREVIOUS, path / PREVIOUS / _NEXT):
        problem = folder_problem(folder) if os.path.lexists(folder) else None
        if problem is not None:
            raise IndexFormatError(problem, remedies=["remove it, and with it the version that was kept"])


def remove_collection(path: Path) -> None:
    """Remove what a collection had beside its segments, where another index has taken its place."""
    for number in log_numbers(path):
        log_path(path, number).unlink(missing_ok=True)
    remove_vocabularies(path, keep=())
    for name in (PREVIOUS, COMING):
        remove_version(path / name)
