"""A training run in its folder: data, student, trainer, and the encoder that comes out.

RUN/config.yaml    what was asked
RUN/data/          training sets, converted
RUN/log.jsonl      loss, sparsity, development measures
RUN/checkpoints/   to go on from
RUN/model/         the encoder: `SparseEncoder.load(RUN/model)`
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint
from transformers.utils import logging as transformers_logging

from lsr.core.errors import InputError, MissingInputError, OutputExistsError
from lsr.core.files import atomic_file
from lsr.core.progress import Stages, silent
from lsr.core.remedies import NAME_TRAINING_DATA, RESTART, SCORE_TRAINING_SET
from lsr.encoding.sparse.idf import inverse_document_frequency, token_frequencies
from lsr.training.config import QueryTableConfig, TrainingConfig, parse_config, to_plain
from lsr.training.data import TrainingSet, open_training_set
from lsr.training.losses.criterion import Criterion, needs_scores
from lsr.training.model.batches import Collate, Group, Groups
from lsr.training.model.student import Student, build_student
from lsr.training.run import log
from lsr.training.run.development import Development
from lsr.training.run.trainer import Scorer, SparseTrainer

CONFIG = "config.yaml"
MODEL = "model"
CHECKPOINTS = "checkpoints"
DATA = "data"
REFRESHED = "refreshed"
_SAMPLE = 16  # texts that a decoder's bias is started on


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run needs before its first step."""

    sets: list[TrainingSet]
    student: Student
    idf: Tensor | None
    steps: int


def train(config: TrainingConfig, folder: str | Path, *, restart: bool = False, stages: Stages = silent) -> Path:
    """Train as configured; return the folder of the encoder.

    A run that was interrupted goes on from its last checkpoint; one that has finished is left as it is. `restart`
    begins again. Under `torchrun` or `accelerate launch` every process calls this.

    Raises InputError for data or settings that do not fit, OutputExistsError for a folder that holds something else,
    or a run of another configuration.
    """
    folder = Path(folder)
    arguments = _arguments(config, folder)
    if arguments.process_index:
        stages = silent
    with arguments.main_process_first(desc="preparing"):
        _claim(folder, config, restart=restart and arguments.process_index == 0)
        if (folder / MODEL).exists():
            return folder / MODEL
        try:
            prepared = prepare(config, folder / DATA, world=arguments.world_size, stages=stages)
        except BaseException:
            _release(folder)
            raise
    arguments.max_steps = prepared.steps
    arguments.warmup_steps = round(config.run.warmup * prepared.steps)
    trainer = _trainer(config, folder, arguments, prepared, stages)
    checkpoint = get_last_checkpoint(str(folder / CHECKPOINTS)) if (folder / CHECKPOINTS).exists() else None
    with stages("training", prepared.steps, "steps") as progress:
        trainer.add_callback(_Progress(progress))
        trainer.train(resume_from_checkpoint=checkpoint)
    if trainer.is_world_process_zero():
        trainer.accelerator.unwrap_model(trainer.model).eval().save(folder / MODEL, dtype=config.export_dtype)
    trainer.accelerator.wait_for_everyone()
    return folder / MODEL


def prepare(config: TrainingConfig, work: Path, *, world: int = 1, stages: Stages = silent) -> Prepared:
    """Open the data, make the student, count the steps; `work` takes the sets that have to be converted."""
    sets = []
    for number, each in enumerate(config.data):
        with stages(f"reading {each.source}", None, "examples") as progress, _teaching(config):
            sets.append(
                open_training_set(
                    each.source,
                    split=each.split,
                    candidates=each.candidates,
                    scores=each.scores,
                    systems=each.systems,
                    seed=each.seed,
                    all_texts=config.run.refresh_every is not None,
                    work=work / f"{number:02}",
                    progress=progress,
                )
            )
    if needs_scores(config.losses) and not config.teachers:
        for each, opened in zip(config.data, sets, strict=True):
            if not opened.scored:
                raise InputError(
                    f"{each.source} has no teacher's scores for all of its examples, and the losses distil them",
                    remedies=["name `teachers`", SCORE_TRAINING_SET],
                )
    set_seed(config.run.seed)
    student = build_student(config.model, dropout=config.run.dropout)
    student.start_biases(list(islice(_texts(sets), _SAMPLE)))
    idf = None
    if _needs_idf(config):
        total = sum(len(each.texts) for each in sets)
        with stages("counting terms", total, "texts") as progress:
            idf = torch.from_numpy(_idf(sets, student, total, progress))
        student.set_query_idf(idf)
    return Prepared(sets, student, idf, _steps(config, sum(map(len, sets)), world))


@contextmanager
def _teaching(config: TrainingConfig) -> Iterator[None]:
    """Say where the recipe has its data from, if it is not there."""
    try:
        yield
    except MissingInputError as error:
        if not config.about.data:
            raise
        reason = f"{error.reason}: this recipe's data comes from {config.about.data}"
        raise MissingInputError(reason, source=error.source, remedies=[NAME_TRAINING_DATA]) from None


def _claim(folder: Path, config: TrainingConfig, *, restart: bool) -> None:
    """Make the folder this run's own."""
    recorded = folder / CONFIG
    if folder.exists() and not recorded.exists() and any(path.name != DATA for path in folder.iterdir()):
        raise OutputExistsError(f"{folder} is there and holds no training run: choose another folder")
    if restart and recorded.exists():
        for name in (MODEL, CHECKPOINTS, DATA, REFRESHED):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in (log.NAME, CONFIG):
            (folder / name).unlink(missing_ok=True)
    if recorded.exists():
        before = parse_config(yaml.safe_load(recorded.read_text(encoding="utf-8")), str(recorded))
        if before != config:
            raise OutputExistsError(
                f"{folder} holds a run of another configuration (its {CONFIG} differs)",
                remedies=["choose another folder", RESTART],
            )
        return
    with atomic_file(recorded) as temporary:
        temporary.write_text(yaml.safe_dump(to_plain(config), sort_keys=False, allow_unicode=True), encoding="utf-8")


def _release(folder: Path) -> None:
    """Let go of a run that could not begin, so that another configuration may have the folder; data stay for it."""
    if not (folder / CHECKPOINTS).exists():
        (folder / CONFIG).unlink(missing_ok=True)
    for path in (folder / DATA, folder):
        with suppress(OSError):  # not empty, or not there
            path.rmdir()


def _steps(config: TrainingConfig, examples: int, world: int) -> int:
    if config.run.steps is not None:
        return config.run.steps
    assert config.run.epochs is not None  # parse_config sees to it
    return max(1, math.ceil(config.run.epochs * examples / (config.run.batch_size * config.run.accumulate * world)))


def _needs_idf(config: TrainingConfig) -> bool:
    query = config.model.query
    table = isinstance(query, QueryTableConfig) and query.table == "idf"
    return table or any(
        each.name == "flops_idf_inverse" for each in (*config.document_regularisers, *config.query_regularisers)
    )


def _idf(
    sets: Sequence[TrainingSet], student: Student, total: int, progress: Callable[[int], None]
) -> npt.NDArray[np.float32]:
    """Of the tokens of all texts; special tokens have none."""

    def batches() -> Iterator[list[str]]:
        texts = _texts(sets)
        while batch := list(islice(texts, 1024)):
            yield batch
            progress(len(batch))

    frequencies = token_frequencies(batches(), student.tokenizer, student.dim)
    idf = inverse_document_frequency(frequencies, total)
    special = student.tokenizer.special_ids
    idf[special[special < len(idf)]] = 0
    return idf


def _texts(sets: Sequence[TrainingSet]) -> Iterator[str]:
    return (each.texts[row] for each in sets for row in range(len(each.texts)))


def _arguments(config: TrainingConfig, folder: Path) -> TrainingArguments:
    run = config.run
    transformers_logging.set_verbosity_error()
    given: dict[str, Any] = {
        "output_dir": str(folder / CHECKPOINTS),
        "max_steps": run.steps or 1,  # epochs are counted once the data is open
        "per_device_train_batch_size": run.batch_size,
        "gradient_accumulation_steps": run.accumulate,
        "learning_rate": run.learning_rate,
        "lr_scheduler_type": "linear",
        "weight_decay": run.weight_decay,
        "bf16": run.precision == "bf16",
        "fp16": run.precision == "fp16",
        "seed": run.seed,
        "logging_steps": run.log_every,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "eval_strategy": "steps" if config.development and run.evaluate_every else "no",
        "eval_steps": run.evaluate_every,
        "save_strategy": "steps" if run.save_every else "no",
        "save_steps": run.save_every or 500,
        "save_total_limit": run.keep,
        "dataloader_num_workers": run.workers,
        "dataloader_pin_memory": torch.cuda.is_available(),
        "remove_unused_columns": False,
        "report_to": ["tensorboard"] if _has_tensorboard() else [],
        "disable_tqdm": True,
        "use_cpu": not (torch.cuda.is_available() or torch.backends.mps.is_available()),
    }
    try:
        return TrainingArguments(**(given | run.extra))
    except (TypeError, ValueError) as error:
        raise InputError(f"run.extra, or a field beside it, does not fit: {error}") from None


def _trainer(
    config: TrainingConfig, folder: Path, arguments: TrainingArguments, prepared: Prepared, stages: Stages
) -> SparseTrainer:
    run, student = config.run, prepared.student
    scorers = _scorers(config, prepared.sets)
    batch = run.batch_size * arguments.world_size
    shares = None if config.data[0].share is None else [each.share or 0.0 for each in config.data]
    groups = Groups(
        prepared.sets,
        shares,
        batch=batch,
        step=batch * run.accumulate,
        steps=prepared.steps,
        negatives=run.negatives,
        seed=run.seed,
    )
    callbacks: list[TrainerCallback] = [log.LogFile(folder / log.NAME)]
    if run.refresh_every is not None:
        from lsr.training.negatives import MiningSettings
        from lsr.training.run.refresh import Refresh

        settings = MiningSettings(negatives=max(run.negatives, 20), seed=run.seed)
        callbacks.append(Refresh(groups, folder / REFRESHED, every=run.refresh_every, settings=settings, stages=stages))
    development = Development(config.development, folder / "development") if config.development else None
    return SparseTrainer(
        student,
        Criterion(config, steps=prepared.steps, idf=prepared.idf),
        groups,
        Collate(student.query_tokenizer, student.tokenizer, padding=student.padding, texts=bool(scorers)),
        arguments,
        chunk=run.chunk,
        scorers=scorers,
        measure=development,
        callbacks=callbacks,
    )


def _scorers(config: TrainingConfig, sets: Sequence[TrainingSet]) -> dict[str, Scorer]:
    """What scores a batch in the loop: field of the batch → the teachers' ensemble, reading texts."""
    wanted = {"scores": False, "batch_scores": True}
    wanted = {name: wide for name, wide in wanted.items() if needs_scores(config.losses, over_batch=wide)}
    if not config.teachers or not wanted:
        return {}
    from lsr.encoding.sparse.bm25 import Bm25Encoder
    from lsr.training.teachers import combine, load_teacher

    teachers = [load_teacher(name, bm25=lambda: Bm25Encoder.fit(_texts(sets))) for name in config.teachers]

    def scorer(wide: bool) -> Scorer:
        def score(groups: Sequence[Group]) -> Tensor:
            queries = [group.query for group in groups]
            candidates = [group.candidates for group in groups]
            if wide:
                candidates = [[text for texts in candidates for text in texts]] * len(groups)
            scores = [teacher.score(queries, candidates) for teacher in teachers]
            return torch.from_numpy(np.stack(combine(scores, scale=config.teacher_scale)))

        return score

    return {name: scorer(wide) for name, wide in wanted.items()}


def _has_tensorboard() -> bool:
    from transformers.integrations import is_tensorboard_available

    return bool(is_tensorboard_available())


class _Progress(TrainerCallback):
    def __init__(self, progress: Any) -> None:
        self.progress, self.done = progress, 0

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        self.on_step_end(args, state, control)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        self.progress(state.global_step - self.done)
        self.done = state.global_step
