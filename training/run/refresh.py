"""Negatives mined again by the student during training: ANCE (Xiong et al., arXiv:2007.00808)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lsr.core.files import scratch_folder
from lsr.core.progress import Stages, silent
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.training.data import TrainingSet
from lsr.training.model.batches import Groups
from lsr.training.model.student import Student
from lsr.training.negatives import MiningSettings, refresh

# A data loader has already fetched the next batch when a step ends.
_AHEAD = 2


class Refresh(TrainerCallback):
    """Mines each set's negatives every so many steps, with the student of that step.

    The new sets stay in `folder`, in one subfolder per refresh, so that a resumed run continues with them; the step
    alone decides from when on they are used.

    Args:
        groups: the groups whose negatives are replaced.
        folder: for the mined sets.
        every: number of steps.
        settings: as for `lsr.training.negatives.mine`.
    """

    def __init__(
        self,
        groups: Groups,
        folder: Path,
        *,
        every: int,
        settings: MiningSettings,
        stages: Stages = silent,
        mine: Callable[..., TrainingSet] = refresh,
    ) -> None:
        self.groups, self.folder, self.every, self.settings = groups, folder, every, settings
        self.stages, self._mine = stages, mine
        self._original: Sequence[TrainingSet] = groups.sets

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Use what was mined before the checkpoint; drop what came after it."""
        for step in sorted(int(path.name) for path in self.folder.glob("[0-9]*")):
            if step <= state.global_step:
                self._use(step)
            elif state.is_world_process_zero:
                shutil.rmtree(self.folder / str(step))

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        **others: Any,
    ) -> None:
        """Mine, on the first process; then let every process use it."""
        step = state.global_step
        if step % self.every or step >= state.max_steps:
            return
        if state.is_world_process_zero:
            self._mine_all(step, getattr(model, "module", model))
        if distributed.is_available() and distributed.is_initialized():
            distributed.barrier()
        self._use(step)

    def _mine_all(self, step: int, student: Student) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        student.eval()
        with scratch_folder(self.folder / ".mining") as work:
            student.save(work / "model")
            encoder = SparseEncoder.load(work / "model", device=str(student.device))
            (work / "sets").mkdir()
            for number, each in enumerate(self._original):
                self._mine(each, encoder, work / "sets" / f"{number:02}", self.settings, stages=self.stages)
            # Completely or not at all.
            (work / "sets").replace(self.folder / str(step))
        student.train()

    def _use(self, step: int) -> None:
        paths = sorted((self.folder / str(step)).iterdir())
        self.groups.change(step + _AHEAD, [TrainingSet.open(path) for path in paths])
