"""The files and the record of token vectors, their checksums fitting, scored, explained and verified."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from fuzz.damage import damage_array, damage_bytes, damage_json
from fuzz.frame import Target
from fuzz.sample import DOCUMENTS, NUMBERS, Sample, make_sample
from lsr.index import Index, verify


def _prepare(folder: Path) -> list[Sample]:
    made = []
    for bits in (8, 4):
        (folder / str(bits)).mkdir()
        made.append(make_sample(folder / str(bits), "flat", bits))
    return made


def _case(state: list[Sample], random: np.random.Generator) -> None:
    sample = state[int(random.integers(len(state)))]
    names = [name for name in sample.files if "/late-" in name]
    name = names[int(random.integers(len(names)))]
    data = sample.files[name]
    if not random.integers(3):
        record = json.loads(sample.manifest)
        part = record["parts"]["late"]
        part["record"] = damage_json(part["record"], random)
        sample.write_manifest(record)
        try:
            _use(sample.path, random)
        finally:
            (sample.path / "manifest.json").write_bytes(sample.manifest)
        return
    if random.integers(2):
        file = io.BytesIO()
        np.save(file, damage_array(np.load(io.BytesIO(data)), random))
        data = file.getvalue()
    else:
        data = damage_bytes(data, random)
    with sample.damaged(name, data):
        try:
            _use(sample.path, random)
        finally:
            if not random.integers(4):
                verify(sample.path)


def _use(path: Path, random: np.random.Generator) -> None:
    late = Index.open(path).parts["late"]
    query = random.standard_normal((4, NUMBERS)).astype(np.float32)
    late.scores(query, np.arange(DOCUMENTS))
    for row in (0, 7, DOCUMENTS - 1):
        late.explain(query, row)
        late.vectors(row)


TARGET = Target("token vectors of an index, whose checksums fit", _prepare, _case)
