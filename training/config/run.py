"""How long a run trains, in which steps, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from lsr.training.numbers import Count, Natural, NotNegative, Positive, Share


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Steps, sizes, rates.

    Attributes:
        steps: updates of the weights; or give `epochs`.
        batch_size: queries per batch on one device.
        negatives: candidates of a query besides its positive.
        accumulate: batches whose gradients are summed in one step. In-batch negatives stay within a batch: for more of
            those, raise batch_size and set `chunk`.
        chunk: texts per pass through the model (GradCache, arXiv:2101.06983), so that vectors instead of activations
            limit batch_size.
        learning_rate, warmup: a linear rise over that share of the steps, then a linear fall.
        precision: "float32", "bf16" or "fp16" (autocast).
        dropout: None leaves the model's own.
        log_every, evaluate_every, save_every: in steps; keep: checkpoints that are kept.
        refresh_every: mine negatives again with the student itself every so many steps (ANCE).
        workers: processes that read and tokenise.
        extra: further fields of transformers' TrainingArguments.
    """

    steps: Count | None = None
    epochs: Positive | None = None
    batch_size: Count = 32
    negatives: Natural = 7
    accumulate: Count = 1
    chunk: Count | None = None
    learning_rate: Positive = 2e-5
    warmup: Share = 0.06
    weight_decay: NotNegative = 0.01
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    dropout: Share | None = None
    seed: int = 42
    log_every: Count = 20
    evaluate_every: Count | None = None
    save_every: Count | None = None
    keep: Count = 2
    refresh_every: Count | None = None
    workers: Natural = 0
    extra: dict[str, Any] = field(default_factory=dict)
