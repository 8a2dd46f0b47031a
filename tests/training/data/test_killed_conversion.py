"""What a killed run left of its work beside a training set goes, also where the set itself was finished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lsr.core.progress import silent
from lsr.training.adapt import AdaptSettings, _mine
from lsr.training.data import TrainingSet


def test_beside_a_set_that_was_converted(opened: Callable[..., TrainingSet], beir: Path, tmp_path: Path) -> None:
    made = opened(beir)
    left = made.path.with_name(f".{made.path.name}.work")
    left.mkdir()
    (left / "part").touch()
    assert opened(beir).path == made.path and not left.exists()


def test_beside_a_set_that_was_mined(make_set: Callable[..., TrainingSet], tmp_path: Path) -> None:
    made = make_set(([0], [1], None))
    left = made.path.with_name(f".{made.path.name}.work")
    (left / "searcher").mkdir(parents=True)
    assert _mine(made, made.path, AdaptSettings(base="none"), None, silent).path == made.path and not left.exists()
