"""What a run needs before its first step: data, student, IDF, the number of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from transformers import set_seed

from lsr.core.progress import Stages, silent
from lsr.encoding.sparse.idf import inverse_document_frequency, token_frequencies
from lsr.training.config import TrainingConfig
from lsr.training.data import TrainingSet
from lsr.training.model.student import Student
from lsr.training.run.sets import all_texts, open_sets

_SAMPLE = 16  # texts that a decoder's bias is started on
_BATCH = 1024  # texts whose terms are counted at a time


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run needs before its first step.

    Attributes:
        sets: what it trains on.
        student: the model, on the CPU.
        idf: float32 [vocabulary], of the texts trained on; None where nothing needs it.
        steps: updates of the weights.
    """

    sets: list[TrainingSet]
    student: Student
    idf: Tensor | None
    steps: int


def prepare(config: TrainingConfig, work: Path, *, world: int = 1, stages: Stages = silent) -> Prepared:
    """Open the data, make the student, count the steps; `work` takes the sets that have to be converted."""
    run = config.run
    sets = open_sets(config, work, stages)
    set_seed(run.seed)
    student = Student(config.model, dropout=run.dropout)
    student.start_biases(list(islice(all_texts(sets), _SAMPLE)))
    idf = None
    if config.needs_idf:
        total = sum(len(each.texts) for each in sets)
        with stages("counting terms", total, "texts") as progress:
            idf = _idf(sets, student, total, progress)
        student.set_query_idf(idf)
    steps = run.steps
    if steps is None:
        assert run.epochs is not None  # a configuration has either
        examples = sum(map(len, sets))
        steps = max(1, math.ceil(run.epochs * examples / (run.batch_size * run.accumulate * world)))
    return Prepared(sets, student, idf, steps)


def _idf(sets: Sequence[TrainingSet], student: Student, total: int, progress: Callable[[int], None]) -> Tensor:
    """Of the tokens of all texts; special tokens have none."""

    def batches() -> Iterator[list[str]]:
        texts = all_texts(sets)
        while batch := list(islice(texts, _BATCH)):
            yield batch
            progress(len(batch))

    tokenizer = student.document.tokenizer
    idf = inverse_document_frequency(token_frequencies(batches(), tokenizer, student.dim), total)
    special = tokenizer.special_ids
    idf[special[special < len(idf)]] = 0
    return torch.from_numpy(idf)
