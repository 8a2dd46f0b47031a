"""A folder as BEIR has them: corpus.jsonl and queries.jsonl, plain or compressed, or as Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from lsr.core.errors import MissingInputError
from lsr.text.compression import COMPRESSIONS
from lsr.text.lines import OnBad
from lsr.text.parquet import count_rows, read_parquet
from lsr.text.readers import count_lines, read_jsonl
from lsr.text.records import FieldNames, Record

Part = Literal["corpus", "queries"]


def is_beir_folder(folder: Path) -> bool:
    """Whether one of the two files is in it."""
    return has_part(folder, "corpus") or has_part(folder, "queries")


def has_part(folder: Path, part: Part) -> bool:
    """Whether a folder has the file of the documents, or of the queries."""
    return _find(folder, part) is not None


def part_file(folder: Path, part: Part) -> Path:
    """The file of the documents or of the queries; MissingInputError if there is none."""
    found = _find(folder, part)
    if found is None:
        ends = ", ".join(COMPRESSIONS)
        raise MissingInputError(
            f"a BEIR folder needs {part}.jsonl (or compressed: {ends}) or {part}.parquet", source=str(folder)
        )
    return found


def _find(folder: Path, part: str) -> Path | None:
    endings = (".jsonl", *(f".jsonl{suffix}" for suffix in COMPRESSIONS), ".parquet")
    return next((path for ending in endings if (path := folder / f"{part}{ending}").is_file()), None)


def read_part(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """The records of one of the two files."""
    reader = read_parquet if Path(source).suffix == ".parquet" else read_jsonl
    return reader(source, names, on_bad)


def count_part(source: str | Path) -> int | None:
    """How many records it has; None if it would have to be unpacked for that."""
    return count_rows(source) if Path(source).suffix == ".parquet" else count_lines(source)
