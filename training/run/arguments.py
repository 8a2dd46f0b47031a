"""The arguments of transformers' Trainer for a run."""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments
from transformers.integrations import is_tensorboard_available
from transformers.utils import logging as transformers_logging

from lsr.core.errors import InputError
from lsr.training.config import RunConfig


def check_run(run: RunConfig, device: str | None) -> None:
    """InputError for fields of `run.extra` that there are not, and for a `device` that is not here."""
    known = [each.name for each in fields(TrainingArguments)]
    if unknown := sorted(run.extra.keys() - set(known)):
        near = get_close_matches(unknown[0], known, 3)
        raise InputError(
            f"run.extra: transformers' TrainingArguments have no {unknown[0]!r}"
            + (f"; did you mean {' or '.join(near)}?" if near else "")
        )
    check_trainable_on(device)


def check_trainable_on(device: str | None) -> None:
    """InputError for a device that is not here; "auto" is None."""
    there = ["cpu", *(name for name, available in _accelerators().items() if available)]
    if device not in (None, "auto", *there):
        raise InputError(
            f"cannot train on {device!r}: there is {', '.join(there)}; of several GPUs, CUDA_VISIBLE_DEVICES chooses"
        )


def _accelerators() -> dict[str, bool]:
    return {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}


def training_arguments(
    run: RunConfig, checkpoints: Path, *, measuring: bool, device: str | None = None
) -> TrainingArguments:
    """The arguments of a run before its epochs are counted: `max_steps` is 1 if the configuration gives no steps.

    measuring: whether there is anything to measure every `evaluate_every` steps.
    device: "cpu", "cuda" or "mps"; None or "auto" for an accelerator where there is one.

    InputError for wrong fields of `run.extra`, and for a device that is not there.
    """
    check_run(run, device)
    transformers_logging.set_verbosity_error()
    given: dict[str, Any] = {
        "output_dir": str(checkpoints),
        "max_steps": run.steps or 1,
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
        "eval_strategy": "steps" if measuring and run.evaluate_every else "no",
        "eval_steps": run.evaluate_every,
        "save_strategy": "steps" if run.save_every else "no",
        "save_steps": run.save_every or 500,
        "save_total_limit": run.keep,
        "dataloader_num_workers": run.workers,
        "dataloader_pin_memory": torch.cuda.is_available(),
        "remove_unused_columns": False,
        "report_to": ["tensorboard"] if is_tensorboard_available() else [],
        "disable_tqdm": True,
        "use_cpu": device == "cpu" or not any(_accelerators().values()),
    }
    try:
        return TrainingArguments(**(given | run.extra))
    except (TypeError, ValueError) as error:
        raise InputError(f"run.extra, or another field of run, is wrong: {error}") from None
