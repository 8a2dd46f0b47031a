"""A training run: data, student, trainer, and the encoder that comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from lsr.core.progress import Stages, silent
from lsr.training.config import TrainingConfig
from lsr.training.model.batches import Collate, Groups
from lsr.training.run.arguments import training_arguments
from lsr.training.run.criterion import Criterion
from lsr.training.run.development import Development
from lsr.training.run.folder import RunFolder
from lsr.training.run.log import LogFile
from lsr.training.run.preparation import Prepared, prepare
from lsr.training.run.scorers import make_scorers
from lsr.training.run.trainer import SparseTrainer


def train(config: TrainingConfig, folder: str | Path, *, restart: bool = False, stages: Stages = silent) -> Path:
    """Train as configured; return the folder of the encoder.

    A run that was interrupted goes on from its last checkpoint; one that has finished is left as it is. `restart`
    begins again. Under `torchrun` or `accelerate launch` every process calls this. `lsr.training.run.folder` says what
    lies in the folder.

    Raises InputError for data or settings that do not fit, OutputExistsError for a folder that holds something else,
    or a run of another configuration.
    """
    place = RunFolder(Path(folder))
    arguments = training_arguments(config.run, place.checkpoints, measuring=config.development is not None)
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
    trainer = _trainer(config, place, arguments, prepared, stages)
    checkpoint = get_last_checkpoint(str(place.checkpoints)) if place.checkpoints.exists() else None
    with stages("training", prepared.steps, "steps") as progress:
        trainer.add_callback(_Progress(progress))
        trainer.train(resume_from_checkpoint=checkpoint)
    if trainer.is_world_process_zero():
        trainer.accelerator.unwrap_model(trainer.model).eval().save(place.model, dtype=config.export_dtype)
    trainer.accelerator.wait_for_everyone()
    return place.model


def _trainer(
    config: TrainingConfig, place: RunFolder, arguments: TrainingArguments, prepared: Prepared, stages: Stages
) -> SparseTrainer:
    run, student = config.run, prepared.student
    scorers = make_scorers(config, prepared.sets)
    batch = run.batch_size * arguments.world_size
    groups = Groups(
        prepared.sets,
        None if config.data[0].share is None else [each.share or 0.0 for each in config.data],
        batch=batch,
        step=batch * run.accumulate,
        steps=prepared.steps,
        negatives=run.negatives,
        seed=run.seed,
    )
    callbacks: list[TrainerCallback] = [LogFile(place.log)]
    if run.refresh_every is not None:
        from lsr.training.negatives import MiningSettings
        from lsr.training.run.refresh import Refresh

        settings = MiningSettings(negatives=max(run.negatives, 20), seed=run.seed)
        callbacks.append(Refresh(groups, place.refreshed, every=run.refresh_every, settings=settings, stages=stages))
    return SparseTrainer(
        student,
        Criterion(config.losses, config.penalties, steps=prepared.steps, idf=prepared.idf),
        groups,
        Collate(student.query.tokenizer, student.document.tokenizer, padding=student.padding, texts=bool(scorers)),
        arguments,
        chunk=run.chunk,
        scorers=scorers,
        measure=Development(config.development, place.development) if config.development else None,
        callbacks=callbacks,
    )


class _Progress(TrainerCallback):
    def __init__(self, progress: Any) -> None:
        self.progress, self.done = progress, 0

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        self.on_step_end(args, state, control)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        self.progress(state.global_step - self.done)
        self.done = state.global_step
