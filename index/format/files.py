"""Comparing files on disk with their records in the manifest."""

from __future__ import annotations

import errno
import stat
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError
from lsr.core.files import crc32
from lsr.core.mapping import map_file
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.records import FileRecord

RESTORE = "restore it from a copy"


# What says of a file that it is not what an index is made of; anything else, as too many open files, says it of the
# machine.
_NO_SUCH_FILE = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.EINVAL,
        errno.ENXIO,
        errno.ENODEV,
        errno.ENAMETOOLONG,
    }
)
_NOT_DAMAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM})


def map_index_file(path: Path) -> npt.NDArray[np.uint8]:
    """The bytes of a file of an index, mapped read-only; no descriptor stays open.

    IndexFormatError if it is missing or not a regular file (a link, a pipe, a device): nothing is followed out of the
    folder, or waited for. Other OSErrors, as too many open files, stay what they are.
    """
    try:
        return map_file(path)
    except OSError as error:
        if error.errno not in _NO_SUCH_FILE:
            raise
        raise IndexFormatError(f"{path}: {_said(path, error)}", remedies=[BUILD_AGAIN, RESTORE]) from error


def read_index_file(path: Path, most: int) -> bytes:
    """The bytes of a small file of an index, at most so many. Raises as `map_index_file`."""
    data = map_index_file(path)
    if len(data) > most:
        raise IndexFormatError(
            f"{path}: {len(data):,} bytes, and at most {most:,} are expected", remedies=[BUILD_AGAIN]
        )
    return data.tobytes()


def folder_problem(path: Path) -> str | None:
    """What is wrong with a folder of an index: that it is missing, a link, or no folder."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return f"{path}: missing"
    if stat.S_ISLNK(mode):
        return f"{path}: a symbolic link, which is not followed; copy what it leads to into its place"
    return None if stat.S_ISDIR(mode) else f"{path}: not a folder"


def file_problems(folder: Path, files: Mapping[str, FileRecord], *, contents: bool = False) -> list[str]:
    """Every file that is missing, not a regular file or not of the recorded size or, with `contents`, checksum."""
    problem = folder_problem(folder)
    if problem is not None:
        return [problem]
    problems = []
    for name, record in files.items():
        path = folder / name
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            problems.append(f"{path}: missing")
            continue
        if not stat.S_ISREG(status.st_mode):
            problems.append(f"{path}: {_kind(status.st_mode)}")
        elif status.st_size != record.bytes:
            problems.append(f"{path}: expected {record.bytes:,} bytes, found {status.st_size:,}")
        elif contents:
            problems += checksum_problems(path, record)
    return problems


def checksum_problems(path: Path, record: FileRecord) -> list[str]:
    """What is wrong with the bytes of a file: that they are not those of the recorded checksum, or cannot be read."""
    try:
        found = crc32(path)
    except OSError as error:
        if error.errno in _NOT_DAMAGE:
            raise
        return [f"{path}: not readable ({error})"]
    return [] if found == record.crc32 else [f"{path}: expected CRC-32 {record.crc32:08x}, found {found:08x}"]


def _said(path: Path, error: OSError) -> str:
    try:
        return _kind(path.lstat().st_mode)
    except OSError:
        return "missing" if isinstance(error, FileNotFoundError) else f"not readable ({error.strerror})"


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link, which is not followed; copy what it leads to into its place"
    return "a folder, not a file" if stat.S_ISDIR(mode) else "not a regular file"
