"""Folders of models."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuzz.damage import damage_bytes, damage_json
from fuzz.frame import Target

_MODELS = Path(__file__).parents[2] / "tests" / "golden" / "encoders"
_TEXTS = ["birds fly over rivers", ""]


@dataclass(frozen=True, slots=True)
class _State:
    sound: list[Path]
    used: Path


def _prepare(folder: Path) -> _State:
    sound = []
    for name in ("splade", "doc"):
        shutil.copytree(_MODELS / name / "model", folder / name)
        sound.append(folder / name)
        _encode(folder / name)
    return _State(sound, folder / "used")


def _encode(folder: Path) -> None:
    from lsr.encoding.sparse.encoder import SparseEncoder

    encoder = SparseEncoder.load(folder, max_length=16)
    made = encoder.encode_documents(_TEXTS, ["a", "b"])
    assert np.isfinite(made.weights).all()


def _case(state: _State, random: np.random.Generator) -> None:
    sound = state.sound[int(random.integers(len(state.sound)))]
    shutil.rmtree(state.used, ignore_errors=True)
    shutil.copytree(sound, state.used)
    files = sorted(
        path for path in state.used.rglob("*") if path.is_file() and path.suffix in (".json", ".safetensors")
    )
    path = files[int(random.integers(len(files)))]
    kind = int(random.integers(8))
    if kind == 0:
        path.unlink()
    elif path.suffix == ".json" and kind < 6:
        path.write_text(json.dumps(damage_json(json.loads(path.read_text(encoding="utf-8")), random)), encoding="utf-8")
    else:
        path.write_bytes(damage_bytes(path.read_bytes(), random))
    _encode(state.used)


TARGET = Target("folders of models, loaded and encoded with", _prepare, _case, memory=2 << 30)
