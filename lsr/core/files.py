"""Outputs that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsr.core.errors import OutputExistsError
from lsr.core.remedies import REPLACE

_CHUNK = 1 << 20


def check_output(path: str | Path, *, force: bool = False) -> Path:
    """Return `path` as a Path, or raise OutputExistsError if it exists and `force` is not set."""
    path = Path(path)
    if not force and (path.exists() or path.is_symlink()):
        raise OutputExistsError(f"{path} already exists", remedies=["choose another output", REPLACE])
    return path


def check_file(path: str | Path, *, force: bool = False) -> Path:
    """As `check_output`, for a file that is written at the end of long work: its folder is made, and must be writable.

    Raises OutputExistsError also for a folder in its place, and the OSError that writing would meet.
    """
    path = check_output(path, force=force)
    if path.is_dir():
        raise OutputExistsError(f"{path} is a folder: name a file")
    check_folder(path.parent)
    return path


def check_folder(path: str | Path) -> Path:
    """Make a folder for outputs, and return it as a Path; raise the OSError that writing into it would meet."""
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    probe = path / f".{_token()}.tmp"
    probe.touch()
    probe.unlink()
    return path


@contextmanager
def atomic_file(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` if the block succeeds, remove it if not.

    Raises OutputExistsError before anything is written.
    """
    path = check_output(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{_token()}.tmp")
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Give a new temporary folder beside `path`; rename it to `path` if the block succeeds, remove it if not.

    With `force`, an existing `path` is moved aside and removed once the new folder is in its place. Raises
    OutputExistsError before anything is written.
    """
    path = check_output(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    token = _token()
    temporary = path.with_name(f".{path.name}.{token}.tmp")
    aside = path.with_name(f".{path.name}.{token}.old")
    temporary.mkdir()
    try:
        yield temporary
        for entry in [*temporary.rglob("*"), temporary]:
            sync(entry)
        if path.exists() or path.is_symlink():
            path.replace(aside)
        temporary.replace(path)
        sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if aside.is_dir() and not aside.is_symlink():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.unlink(missing_ok=True)


def _token() -> str:
    """Random: unlike a process id, often 1 in a container, it never matches what a killed process left behind."""
    return secrets.token_hex(4)


def sync(path: Path) -> None:
    """Flush a file's or folder's bytes to the disk, so that a rename that follows never publishes empty data."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def crc32(path: Path) -> int:
    """CRC-32 of a file's bytes, read in chunks."""
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return value
