"""Files of vectors in Parquet, as `lsr index --vectors` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuzz.damage import damage_bytes
from fuzz.frame import Target
from lsr.vectors.files import iter_vectors, write_vectors
from lsr.vectors.sparse import SparseVectors


@dataclass(frozen=True, slots=True)
class _State:
    path: Path
    sound: bytes


def _prepare(folder: Path) -> _State:
    random = np.random.default_rng(0)
    rows = [
        (np.sort(random.choice(20, 5, replace=False)), random.gamma(2, 0.5, 5).astype(np.float32) + 0.1)
        for _ in range(30)
    ]
    path = folder / "vectors.parquet"
    write_vectors(path, [SparseVectors.from_rows(rows, [f"d{row}" for row in range(30)], 20)])
    state = _State(path, path.read_bytes())
    _read(path)
    return state


def _read(path: Path) -> None:
    for batch in iter_vectors(path, batch_rows=7):
        assert batch.weights.size == batch.indices.size and (batch.indices < batch.dim).all()


def _case(state: _State, random: np.random.Generator) -> None:
    state.path.write_bytes(damage_bytes(state.sound, random))
    _read(state.path)


TARGET = Target("vectors in Parquet", _prepare, _case)
