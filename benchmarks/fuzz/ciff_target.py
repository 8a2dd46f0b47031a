"""CIFF files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuzz.damage import damage_bytes
from fuzz.frame import Target
from lsr.core.vocabulary import Vocabulary
from lsr.vectors.ciff import CiffReader, write_ciff
from lsr.vectors.sparse import SparseVectors


@dataclass(frozen=True, slots=True)
class _State:
    path: Path
    sound: bytes


def _prepare(folder: Path) -> _State:
    random = np.random.default_rng(0)
    terms = 12
    rows = [
        (np.sort(random.choice(terms, 4, replace=False)), random.gamma(2, 0.5, 4).astype(np.float32) + 0.1)
        for _ in range(20)
    ]
    vectors = SparseVectors.from_rows(rows, [f"d{row}" for row in range(20)], terms)
    path = folder / "sample.ciff"
    write_ciff(path, [vectors], Vocabulary(f"term{term}" for term in range(terms)))
    state = _State(path, path.read_bytes())
    _read(path)
    return state


def _read(path: Path) -> None:
    reader = CiffReader(path)
    for batch in reader.batches(reader.vocabulary(), 7, None):
        assert batch.weights.size == batch.indices.size


def _case(state: _State, random: np.random.Generator) -> None:
    data = state.sound
    if random.integers(2):
        # Numbers of ten bytes in place of short ones: gaps, counts and lengths that wrap around.
        at, number = int(random.integers(len(data))), int(random.choice([2**63 - 1, 2**63 - 8, 2**64 - 1, 2**62, 1]))
        data = data[:at] + _varint(number) + data[at + int(random.integers(0, 3)) :]
    else:
        data = damage_bytes(data, random)
    state.path.write_bytes(data)
    _read(state.path)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


TARGET = Target("CIFF files of other engines, read as vectors", _prepare, _case)
