"""Negatives mined anew in the course of a run, also over a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

from lsr.training.config import TrainingConfig
from lsr.training.data import TrainingSet
from lsr.training.model.batches import Groups
from lsr.training.run import run as runs
from lsr.training.run import train
from lsr.training.run.log import read_log


@pytest.fixture
def refreshing(recipe: dict[str, Any]) -> dict[str, Any]:
    run = recipe["run"] | {"refresh_every": 3, "save_every": 2, "steps": 9}
    return recipe | {"losses": [{"name": "info_nce"}], "run": run}


def test_groups_change_from_a_step_on(tiny_set: Path, tmp_path: Path) -> None:
    first, second = TrainingSet.open(tiny_set), TrainingSet.open(tiny_set)
    groups = Groups([first], batch=4, steps=5, negatives=2, seed=1)
    before = [groups[position] for position in range(20)]
    groups.change(3, [second])
    assert [groups[position] for position in range(20)] == before  # the same sets, so the same groups
    taken = []
    second.__class__ = type("Watched", (TrainingSet,), {"__getitem__": lambda self, i: taken.append(i) or first[i]})
    for position in range(20):
        taken.clear()
        _ = groups[position]
        assert bool(taken) is (position >= 12), position


def test_negatives_are_those_the_student_finds(refreshing: dict[str, Any], tmp_path: Path, tiny_set: Path) -> None:
    train(TrainingConfig.from_record(refreshing, "test"), tmp_path / "run")
    mined = sorted(path.name for path in (tmp_path / "run" / "refreshed").iterdir())
    assert mined == ["3", "6"]
    [path] = (tmp_path / "run" / "refreshed" / "3").iterdir()
    fresh, original = TrainingSet.open(path), TrainingSet.open(tiny_set)
    assert len(fresh) == len(original) and fresh.about["mined"]["replace"]
    changed = [set(fresh[i].negatives) != set(original[i].negatives) for i in range(len(fresh))]
    assert sum(changed) > len(changed) / 2
    assert all(not set(fresh[i].negatives) & set(fresh[i].positives) for i in range(len(fresh)))


def test_a_run_with_words_mines_with_words(refreshing: dict[str, Any], tmp_path: Path) -> None:
    train(TrainingConfig.from_record(refreshing | {"words": {}}, "test"), tmp_path / "run")
    [path] = (tmp_path / "run" / "refreshed" / "6").iterdir()
    [name] = TrainingSet.open(path).about["mined"]["with"]
    assert name.endswith("+words")


@pytest.mark.parametrize("killed_at", [4, 7])
def test_a_killed_run_goes_on_with_what_was_mined(
    refreshing: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    config = TrainingConfig.from_record(refreshing, "test")
    train(config, tmp_path / "unbroken")

    class Killed(Exception):
        pass

    class Kill(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            if state.global_step == killed_at:
                raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(runs, "_Progress", lambda progress: Kill())
        with pytest.raises(Killed):
            train(config, tmp_path / "broken")
    train(config, tmp_path / "broken")
    curves = [
        [line["loss"] for line in read_log(tmp_path / name / "log.jsonl") if "loss" in line]
        for name in ("unbroken", "broken")
    ]
    assert len(curves[0]) == 9 and curves[0] == curves[1]
