"""The Arrow file of an index, its size and checksum fitting, read a document at a time and verified."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from fuzz.damage import damage_bytes
from fuzz.frame import Target
from fuzz.sample import DOCUMENTS, Sample, make_sample
from lsr.index import Index, verify

_FILE = "documents.arrow"
_HOSTILE = (-1, 2**40, 3 << 20, 2**62, 2**63 - 1, -(2**63), 0)


def _prepare(folder: Path) -> tuple[Sample, str]:
    sample = make_sample(folder, "flat")
    (name,) = (name for name in sample.files if name.endswith(_FILE))
    assert verify(sample.path) == []
    return sample, name


def _case(state: tuple[Sample, str], random: np.random.Generator) -> None:
    sample, name = state
    data = sample.files[name]
    match int(random.integers(3)):
        case 0:
            data = damage_bytes(data, random)
        case 1:
            # In place, so that the file still ends where its footer says.
            made = bytearray(data)
            for _ in range(int(random.integers(1, 20))):
                made[int(random.integers(len(made)))] = int(random.integers(256))
            data = bytes(made)
        case _:
            # An offset of a text: numbers of eight bytes that are small stand in the buffers of offsets.
            numbers = np.frombuffer(data[: len(data) // 8 * 8], np.int64).copy()
            places = np.flatnonzero((numbers > 0) & (numbers < len(data)))
            numbers[places[int(random.integers(len(places)))]] = _HOSTILE[int(random.integers(len(_HOSTILE)))]
            data = struct.pack(f"<{len(numbers)}q", *numbers) + data[len(numbers) * 8 :]
    with sample.damaged(name, data):
        try:
            index = Index.open(sample.path)
            for row in random.integers(DOCUMENTS, size=20).tolist():
                index.documents.at(row)
            index.documents.get("d7")
        finally:
            if not random.integers(3):
                verify(sample.path)


TARGET = Target("titles, texts and fields of an index (Arrow), whose checksums fit", _prepare, _case)
