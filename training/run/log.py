"""The log of a run: one JSON object per line, for people, plots and scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lsr.core.errors import InputError
from lsr.core.files import atomic_file

_TOTAL = "train_runtime"  # only in the line that sums up a run


class LogFile(TrainerCallback):
    """Appends what the trainer logs: step, loss and its parts, active terms, FLOPS, dead terms, development measures.

    A run that continues from a checkpoint first drops what was logged after it, and what summed up the run before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        if not state.is_world_process_zero:
            return
        lines = read_log(self.path) if self.path.exists() else []
        kept = [line for line in lines if line["step"] <= state.global_step and _TOTAL not in line]
        with atomic_file(self.path, force=True) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **others: Any,
    ) -> None:
        if state.is_world_process_zero and logs:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": state.global_step, **logs}) + "\n")


def read_log(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a log, in order; a last line that was cut off by a kill is left out."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(f"there is no training log {path}") from None
    read = []
    for number, line in enumerate(lines, 1):
        try:
            read.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise InputError(f"not JSON: {error}", source=str(path), line=number) from None
    return read
