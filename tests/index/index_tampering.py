"""Damage that checksums do not show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lsr.core.files import crc32
from lsr.index import Index
from lsr.index.format.arrays import write_array
from lsr.index.format.manifest import checksum


def edit_manifest(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest's values and make its checksum fit."""
    path = folder / "manifest.json"
    record = json.loads(path.read_text())
    del record["crc32"]
    edit(record)
    path.write_text(json.dumps({**record, "crc32": checksum(record)}))


def edit_array(index: Index, file: str, change: Callable[[np.ndarray], None]) -> None:
    """Change the values of one file and make the checksums fit."""
    path = index.path / index.manifest.segment / file
    values = np.load(path)
    change(values)
    write_array(path, values)
    edit_manifest(index.path, lambda record: record["files"][file].update(crc32=crc32(path)))
