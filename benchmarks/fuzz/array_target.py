"""The .npy files of an index, their sizes and checksums fitting, opened, searched and verified."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from fuzz.damage import damage_array, damage_bytes
from fuzz.frame import Target
from fuzz.sample import Sample, make_sample, use
from lsr.index import verify


def _prepare(folder: Path) -> Sample:
    sample = make_sample(folder)
    use(sample.path, np.random.default_rng(0))
    assert verify(sample.path) == []
    return sample


def _case(sample: Sample, random: np.random.Generator) -> None:
    names = [name for name in sample.files if name.endswith(".npy")]
    name = names[int(random.integers(len(names)))]
    data = sample.files[name]
    if random.integers(4):
        # The values; the header is as it was but for the length.
        values = damage_array(np.load(io.BytesIO(data)), random)
        file = io.BytesIO()
        np.save(file, values)
        data = file.getvalue()
    else:
        data = damage_bytes(data, random)
    with sample.damaged(name, data):
        try:
            use(sample.path, random)
        finally:
            if not random.integers(4):
                verify(sample.path)


TARGET = Target("arrays of an index, whose checksums fit", _prepare, _case)
