"""Corpora: JSON lines and Parquet, as `lsr index` reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fuzz.damage import damage_bytes, damage_json
from fuzz.frame import Target
from lsr.text import open_corpus

_ROWS = 12


@dataclass(frozen=True, slots=True)
class _State:
    path: Path
    sound: bytes


def _records() -> list[dict[str, object]]:
    return [
        {"_id": f"d{row}", "title": f"Title {row}", "text": f"Birds fly over river {row}.", "year": 1990 + row}
        for row in range(_ROWS)
    ]


def _prepared(name: str, write: Callable[[Path], None]) -> Callable[[Path], _State]:
    def prepare(folder: Path) -> _State:
        path = folder / name
        write(path)
        state = _State(path, path.read_bytes())
        assert _read(path) == _ROWS
        return state

    return prepare


def _read(path: Path) -> int:
    return sum(1 for _ in open_corpus(str(path)))


def _write_lines(path: Path) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in _records()), encoding="utf-8")


def _damage_lines(state: _State, random: np.random.Generator) -> None:
    data = state.sound
    if random.integers(2):
        lines = data.splitlines()
        at = int(random.integers(len(lines)))
        lines[at] = json.dumps(damage_json(json.loads(lines[at]), random)).encode()
        data = b"\n".join(lines)
    else:
        data = damage_bytes(data, random)
    state.path.write_bytes(data)
    _read(state.path)


def _write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(_records()), path)


def _damage_parquet(state: _State, random: np.random.Generator) -> None:
    state.path.write_bytes(damage_bytes(state.sound, random))
    _read(state.path)


JSONL = Target("corpora of JSON lines", _prepared("corpus.jsonl", _write_lines), _damage_lines)
PARQUET = Target("corpora in Parquet", _prepared("corpus.parquet", _write_parquet), _damage_parquet)
