"""The files of faiss, their sizes and checksums fitting, searched."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fuzz.damage import damage_bytes
from fuzz.frame import Target
from fuzz.sample import NUMBERS, Sample, make_sample
from lsr.index import Index, verify

_KINDS = ("sq8", "pq", "hnsw", "ivf", "ivfpq")


def _prepare(folder: Path) -> list[tuple[Sample, str]]:
    made = []
    for kind in _KINDS:
        (folder / kind).mkdir()
        sample = make_sample(folder / kind, kind)
        (name,) = (name for name in sample.files if name.endswith("ann.faiss"))
        made.append((sample, name))
    return made


def _case(state: list[tuple[Sample, str]], random: np.random.Generator) -> None:
    sample, name = state[int(random.integers(len(state)))]
    data = sample.files[name]
    if random.integers(2):
        # Eight bytes near the front, where sizes stand, or anywhere.
        at = int(random.integers(200 if random.integers(2) else len(data)))
        data = data[:at] + random.bytes(8) + data[at + 8 :]
    else:
        data = damage_bytes(data, random)
    with sample.damaged(name, data):
        try:
            dense = Index.open(sample.path).parts["dense"]
            queries = random.standard_normal((3, NUMBERS)).astype(np.float32)
            dense.search_batch(queries, 10, mode="approximate")
        finally:
            if not random.integers(8):
                verify(sample.path)


TARGET = Target("structures of faiss, whose checksums fit", _prepare, _case)
