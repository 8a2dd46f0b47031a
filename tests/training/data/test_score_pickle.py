"""Pickled scores: what pickle.load gives, without what else a pickle can do."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr.core.errors import InputError
from lsr.training.data.score_pickle import read_score_pickle

SCORES = {
    1: {10: 1.5, 20: -3.25, 300_000: 1e-7},
    70_000: {n: n / 8 for n in range(2500)},  # pickle writes a thousand entries at a time
    5_000_000_000: {10: 2},
    -4: {},
} | {n: {n: float(n)} for n in range(100, 2200)}
STRINGS = {"q1": {"d1": 0.5, "d2": 1.0}, "q2": {"d1": 0.25}, "é": {"d2": 3.0}}


def plain(scores: Any) -> dict[str, dict[str, float]]:
    return {str(query): {str(id): score for id, score in found.items()} for query, found in scores.items()}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("scores", [SCORES, STRINGS], ids=["integers", "strings"])
def test_every_protocol(tmp_path: Path, protocol: int, scores: Any) -> None:
    path = tmp_path / "scores.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps(scores, protocol)))
    assert dict(read_score_pickle(path)) == plain(scores)


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("sprung"),)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1: Trap()}, "code in a pickle is never run; .*convert it"),
        ({1: {2: np.float32(3)}}, "code in a pickle is never run; .*convert it"),
        ([1], "other than a dictionary, number or string"),
        (7, "no dictionary"),
        ({1: 2.0}, "query 1 has no dictionary of numbers"),
        ({1: {2: "3"}}, "query 1 has no dictionary of numbers"),
        ({1: {2: None}}, "other than a dictionary, number or string"),
        ({1.5: {2: 3.0}}, "must be a string or an integer"),
    ],
)
def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scores.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(InputError, match=message):
        list(read_score_pickle(Path("scores.pkl")))
    assert not Path("sprung").exists()


def test_a_dictionary_in_two_places(tmp_path: Path) -> None:
    shared = {2: 3.0}
    (tmp_path / "scores.pkl").write_bytes(pickle.dumps({1: shared, 2: shared}))
    with pytest.raises(InputError, match="is used twice"):
        list(read_score_pickle(tmp_path / "scores.pkl"))


def test_cut_short_or_no_pickle(tmp_path: Path) -> None:
    whole = pickle.dumps(SCORES)
    path = tmp_path / "scores.pkl"
    for length in range(0, len(whole), 997):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"scores\.pkl"):
            list(read_score_pickle(path))
    for junk in (b"{}", b"\x80\x04s.", b"\x80\x04u.", b"\x80\x04K\x01K\x02K\x03s.", b"\x80\x04}K\x01}}K\x02ss."):
        path.write_bytes(junk)
        with pytest.raises(InputError, match=r"scores\.pkl"):
            list(read_score_pickle(path))
