"""What the fuzz frame calls a failure, on targets that fail."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from fuzz import child
from fuzz.damage import damage_array, damage_bytes, damage_json
from fuzz.frame import Target

from lsr.core.errors import InputError


def _write_outside() -> None:
    (Path.cwd().parent / "outside" / "precious").write_text("gone")


def _refuse() -> None:
    raise InputError("refused")


@pytest.mark.parametrize(
    ("does", "says"),
    [
        (lambda: None, "sound"),
        (_refuse, "refused"),
        (lambda: {}["missing"], "error"),
        (lambda: np.empty(1 << 60, np.uint8), "memory"),
        (lambda: None, "hang"),
        (_write_outside, "outside"),
    ],
)
def test_what_becomes_of_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: Callable, says: str) -> None:
    seconds = 0.0 if says == "hang" else 60.0  # which no case keeps to, and every one
    target = Target("made", lambda folder: None, lambda state, random: does() and None, seconds=seconds)
    monkeypatch.setitem(child.TARGETS, "made", target)
    monkeypatch.setattr(child, "_limit", lambda memory: None)  # of this process, which has other tests to run
    monkeypatch.chdir(tmp_path)
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "argv", ["child", "made", "0", "0", "1", str(tmp_path)])
    child.main(writing)
    with os.fdopen(reading) as reports:
        assert f'"result": "{says}"' in reports.read()


def test_damage_is_the_same_for_the_same_case_and_leaves_the_sound_one() -> None:
    data, values, record = bytes(range(200)), np.arange(50), {"a": [1, {"b": 2}], "c": "d"}
    for case in range(200):
        made = [
            (damage_bytes(data, random), damage_array(values, random).tobytes(), repr(damage_json(record, random)))
            for random in (np.random.default_rng(case), np.random.default_rng(case))
        ]
        assert made[0] == made[1]
    assert data == bytes(range(200)) and values.tolist() == list(range(50))
    assert record == {"a": [1, {"b": 2}], "c": "d"}
