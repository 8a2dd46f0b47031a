"""A training run: data, student, trainer, and the encoder that comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState

from lsr.core.progress import Stages, remark, silent
from lsr.training.config import TrainingConfig
from lsr.training.run.arguments import training_arguments
from lsr.training.run.assembly import make_trainer
from lsr.training.run.folder import RunFolder
from lsr.training.run.preparation import prepare
from lsr.training.run.stopping import Stopping


def train(
    config: TrainingConfig,
    folder: str | Path,
    *,
    restart: bool = False,
    device: str | None = None,
    stages: Stages = silent,
) -> Path:
    """Train as configured; return the folder of the encoder.

    An interrupted run continues from its last checkpoint; a finished one is left as it is. `restart` begins again. A
    run that gets SIGINT or SIGTERM saves the step that it is at first (`lsr.training.run.stopping`). `device` is that
    of `training_arguments`. Under `torchrun` or `accelerate launch` every process calls this.
    `lsr.training.run.folder` describes the folder.

    Raises InputError for wrong data or settings, OutputExistsError for a folder with other contents, or a run of
    another configuration.
    """
    place = RunFolder(Path(folder))
    arguments = training_arguments(
        config.run, place.checkpoints, measuring=config.development is not None, device=device
    )
    if arguments.process_index:
        stages = silent
    with arguments.main_process_first(desc="preparing"):
        place.claim(config, restart=restart and arguments.process_index == 0)
        if place.model.exists():
            return place.model
        try:
            prepared = prepare(config, place.data, world=arguments.world_size, stages=stages)
        except BaseException:
            place.release()
            raise
    arguments.max_steps = prepared.steps
    arguments.warmup_steps = round(config.run.warmup * prepared.steps)
    trainer = make_trainer(config, place, arguments, prepared, stages)
    checkpoint = place.last_checkpoint()
    with stages("training", prepared.steps, "steps") as progress:
        stopping = Stopping(progress)
        # Last of all, so that a step is saved with everything that belongs to it.
        for callback in (_Progress(progress), stopping):
            trainer.add_callback(callback)
        with stopping.listening():
            trainer.train(resume_from_checkpoint=checkpoint)
    if trainer.is_world_process_zero():
        trainer.accelerator.unwrap_model(trainer.model).eval().save(place.model, dtype=config.export_dtype)
    trainer.accelerator.wait_for_everyone()
    return place.model


class _Progress(TrainerCallback):
    def __init__(self, progress: Any) -> None:
        self.progress, self.done = progress, 0

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        self.on_step_end(args, state, control)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        self.progress(state.global_step - self.done)
        self.done = state.global_step

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: dict[str, Any] | None = None, **others: Any
    ) -> None:
        if logs and "loss" in logs:
            remark(self.progress, f"loss {logs['loss']:.4g}")
