"""What the files of an index take on disk."""

from __future__ import annotations

from pathlib import Path

# What `st_blocks` counts, whatever the file system's blocks.
_BLOCK_BYTES = 512


def bytes_on_disk(folder: Path) -> int:
    """Bytes that are allocated to all files in a folder: a database's files have room that was never written."""
    return sum(path.stat().st_blocks * _BLOCK_BYTES for path in folder.rglob("*") if path.is_file())
