"""What a run needs before its first step: data, student, IDF, words, the number of steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from transformers import set_seed

from lsr.core.progress import Stages, silent
from lsr.encoding.sparse.idf import token_idf
from lsr.training.config import TrainingConfig
from lsr.training.data import TrainingSet
from lsr.training.model.student import Student
from lsr.training.run.sets import all_texts, open_sets
from lsr.training.run.words import TrainingWords

_SAMPLE = 16  # texts from which a decoder's initial bias is set


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run needs before its first step.

    Attributes:
        sets: the training sets.
        student: the model, on the CPU.
        idf: float32 [vocabulary], of the texts trained on; None if nothing needs it.
        words: what words add to the scores; None if the model stands alone.
        steps: updates of the weights.
    """

    sets: list[TrainingSet]
    student: Student
    idf: Tensor | None
    words: TrainingWords | None
    steps: int


def prepare(config: TrainingConfig, work: Path, *, world: int = 1, stages: Stages = silent) -> Prepared:
    """Open the data, make the student, count the steps; sets that have to be converted go to `work`."""
    run = config.run
    sets = open_sets(config, work, stages)
    sample = list(islice(all_texts(sets), _SAMPLE))
    set_seed(run.seed)
    student = Student(config.model, dropout=run.dropout)
    idf = None
    if config.needs_idf:
        with stages("counting terms", sum(len(each.texts) for each in sets), "texts") as progress:
            idf = torch.from_numpy(token_idf(all_texts(sets), student.document.tokenizer, student.dim, progress))
    student.start(sample, idf)
    words = None
    if config.words is not None:
        total = sum(len(each.texts) for each in sets)
        with stages("counting words", total, "texts") as progress:
            words = TrainingWords.count(config.words.settings(), all_texts(sets), total, work / "words", progress)
    steps = run.steps
    if steps is None:
        assert run.epochs is not None  # a configuration has one or the other
        examples = sum(map(len, sets))
        steps = max(1, math.ceil(run.epochs * examples / (run.batch_size * run.accumulate * world)))
    return Prepared(sets, student, idf, words, steps)
