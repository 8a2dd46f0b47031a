"""The log of a run that is gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lsr.core.errors import InputError
from lsr.training.run.log import LogFile, read_log

STEPS: list[dict[str, Any]] = [{"step": step, "loss": 1 / step} for step in (1, 2, 3)]
SUMMARY = {"step": 3, "train_runtime": 0.3, "train_loss": 0.6}


def go_on(path: Path, step: int, *logged: dict[str, Any]) -> None:
    log, state = LogFile(path), SimpleNamespace(is_world_process_zero=True, global_step=step)
    log.on_train_begin(None, state, None)  # type: ignore[arg-type]
    for line in logged:
        state.global_step = line["step"]
        log.on_log(None, state, None, {key: value for key, value in line.items() if key != "step"})  # type: ignore[arg-type]


@pytest.mark.parametrize("saved", [0, 1, 2, 3])
def test_a_log_gone_on_with_is_that_of_one_run(tmp_path: Path, saved: int) -> None:
    """Wherever the first run was killed, its summary, or what was logged after the last save, does not stay."""
    path = tmp_path / "log.jsonl"
    go_on(path, 0, *STEPS, SUMMARY)
    go_on(path, saved, *STEPS[saved:], SUMMARY)
    assert read_log(path) == [*STEPS, SUMMARY]
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_a_last_line_that_was_cut_off_is_left_out_and_another_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(STEPS[0]) + '\n{"step": 2, "lo')
    assert read_log(path) == STEPS[:1]
    path.write_text('{"step"\n' + json.dumps(STEPS[0]) + "\n")
    with pytest.raises(InputError, match=r"log.jsonl:1|line 1"):
        read_log(path)
