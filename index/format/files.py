"""Comparing files on disk with their records in the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lsr.core.files import crc32
from lsr.index.format.manifest import FileRecord


def file_problems(folder: Path, files: Mapping[str, FileRecord], *, contents: bool = False) -> list[str]:
    """Yield a problem for each file that is missing or not of its recorded size or, with `contents`, checksum."""
    problems = []
    for name, record in files.items():
        path = folder / name
        try:
            size = path.stat().st_size
        except OSError:
            problems.append(f"{path}: missing")
            continue
        if size != record.bytes:
            problems.append(f"{path}: expected {record.bytes:,} bytes, found {size:,}")
        elif contents:
            problems += _checksum_problems(path, record)
    return problems


def _checksum_problems(path: Path, record: FileRecord) -> list[str]:
    try:
        found = crc32(path)
    except OSError as error:
        return [f"{path}: not readable ({error})"]
    return [] if found == record.crc32 else [f"{path}: expected CRC-32 {record.crc32:08x}, found {found:08x}"]
