"""Recipes of training in YAML."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from fuzz.damage import damage_bytes, damage_json
from fuzz.frame import Target
from lsr.training.config import read_config, recipe

_SOUND = """\
data:
- source: set
model:
  document: {base: model, max_length: 16}
losses:
- name: info_nce
- {name: kl, weight: 0.5}
document_regularisers:
- {name: flops, strength: 0.001}
query_regularisers:
- {name: l1, strength: 0.001}
run: {steps: 6, batch_size: 4, negatives: 2, learning_rate: 0.001, log_every: 1, save_every: 2}
"""


@dataclass(frozen=True, slots=True)
class _State:
    path: Path
    values: Any


def _prepare(folder: Path) -> _State:
    # Made from the registries on each call, which takes longer than all the rest, and here they do not change.
    recipe._adapter = cache(recipe._adapter)
    path = folder / "recipe.yaml"
    path.write_text(_SOUND, encoding="utf-8")
    read_config(path)
    return _State(path, yaml.safe_load(_SOUND))


def _case(state: _State, random: np.random.Generator) -> None:
    if random.integers(2):
        values = damage_json(state.values, random)
        state.path.write_text(yaml.dump(values, allow_unicode=False), encoding="utf-8", errors="surrogatepass")
    else:
        state.path.write_bytes(damage_bytes(_SOUND.encode(), random))
    read_config(state.path)


TARGET = Target("recipes of training", _prepare, _case)
