"""Assembling the trainer of a run."""

from __future__ import annotations

from functools import partial

from transformers import TrainerCallback, TrainingArguments

from lsr.core.progress import Stages
from lsr.training.config import TrainingConfig
from lsr.training.model.batches import Collate, Groups
from lsr.training.run.criterion import Criterion
from lsr.training.run.development import Development
from lsr.training.run.folder import RunFolder
from lsr.training.run.log import LogFile
from lsr.training.run.preparation import Prepared
from lsr.training.run.scorers import Scorer, make_scorers
from lsr.training.run.trainer import SparseTrainer


def make_trainer(
    config: TrainingConfig, place: RunFolder, arguments: TrainingArguments, prepared: Prepared, stages: Stages
) -> SparseTrainer:
    """Make the trainer of a prepared run, with its callbacks: the log, fresh negatives, development measures."""
    run, student = config.run, prepared.student
    scorers: dict[str, Scorer] = dict(make_scorers(config, prepared.sets).items())
    if prepared.words is not None:
        scorers["words"] = prepared.words
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
    collate = Collate(student.query.tokenizer, student.document.tokenizer, padding=student.padding, texts=bool(scorers))
    callbacks: list[TrainerCallback] = [LogFile(place.log)]
    if run.refresh_every is not None:
        from lsr.training.negatives import MiningSettings, refresh
        from lsr.training.run.refresh import Refresh

        settings = MiningSettings(negatives=max(run.negatives, 20), seed=run.seed)
        lexical = None if config.words is None else config.words.settings()
        callbacks.append(
            Refresh(
                groups,
                place.refreshed,
                every=run.refresh_every,
                settings=settings,
                stages=stages,
                mine=partial(refresh, lexical=lexical),
            )
        )
    return SparseTrainer(
        student,
        Criterion(config.losses, config.penalties, steps=prepared.steps, idf=prepared.idf),
        groups,
        collate,
        arguments,
        chunk=run.chunk,
        scorers=scorers,
        measure=Development(config.development, place.development, config.words) if config.development else None,
        callbacks=callbacks,
    )
