"""A folder as BEIR has them: corpus.jsonl and queries.jsonl, plain or compressed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lsr.core.errors import InputError
from lsr.text.compression import COMPRESSIONS

Part = Literal["corpus", "queries"]


def is_beir_folder(folder: Path) -> bool:
    """Whether one of the two files is in it."""
    return any(_find(folder, part) for part in ("corpus", "queries"))


def part_file(folder: Path, part: Part) -> Path:
    """The file of the documents or of the queries; InputError if there is none."""
    found = _find(folder, part)
    if found is None:
        ends = ", ".join(COMPRESSIONS)
        raise InputError(f"a BEIR folder needs {part}.jsonl (or compressed: {ends})", source=str(folder))
    return found


def _find(folder: Path, part: str) -> Path | None:
    paths = (folder / f"{part}.jsonl{suffix}" for suffix in ("", *COMPRESSIONS))
    return next((path for path in paths if path.is_file()), None)
