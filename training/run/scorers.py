"""What scores the texts of batches: teachers in the loop, if the data has no scores, and words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from lsr.training.config import TrainingConfig
from lsr.training.data import TrainingSet
from lsr.training.losses.objective import Distilled
from lsr.training.model.batches import Group
from lsr.training.run.sets import all_texts
from lsr.training.teachers import Teacher, combine, load_teacher

Scorer = Callable[[Sequence[Group]], Tensor]
"""Scores groups with equally many candidates: float32 [groups, candidates]."""


def make_scorers(config: TrainingConfig, sets: Sequence[TrainingSet]) -> dict[Distilled, Scorer]:
    """The teachers' ensemble for each field of a batch that the losses distil; it scores the groups' texts."""
    distilled = {each.distils for each in config.losses}
    if not config.teachers or distilled == {None}:
        return {}
    from lsr.encoding.sparse.bm25 import Bm25Encoder

    teachers = [load_teacher(name, bm25=lambda: Bm25Encoder.fit(all_texts(sets))) for name in config.teachers]
    fields: tuple[Distilled, ...] = ("scores", "batch_scores")
    return {
        field: partial(_score, teachers, config.teacher_scale, field == "batch_scores")
        for field in fields
        if field in distilled
    }


def _score(teachers: Sequence[Teacher], scale: float, wide: bool, groups: Sequence[Group]) -> Tensor:
    """The ensemble's scores of each query's own candidates; with `wide`, of all queries' candidates."""
    queries = [group.query for group in groups]
    candidates = [group.candidates for group in groups]
    if wide:
        candidates = [[text for texts in candidates for text in texts]] * len(groups)
    scores = [teacher.score(queries, candidates) for teacher in teachers]
    return torch.from_numpy(np.stack(combine(scores, scale=scale)))
