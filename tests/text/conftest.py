"""Writing the small files that the readers are tried on."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """write(name, lines or bytes): the file's path, compressed as the name says."""

    def write(name: str, *lines: str | bytes) -> Path:
        data = b"".join(line if isinstance(line, bytes) else line.encode() + b"\n" for line in lines)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".gz":
            data = gzip.compress(data)
        elif path.suffix == ".zst":
            data = pa.compress(data, codec="zstd", asbytes=True)
        path.write_bytes(data)
        return path

    return write
