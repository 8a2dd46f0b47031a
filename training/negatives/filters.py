"""Leaving out candidates that a teacher considers relevant: unjudged texts are not always irrelevant."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.types import Scores


@dataclass(frozen=True, slots=True)
class TeacherMargin:
    """How far below a query's positive a teacher must score a candidate for it to be a negative.

    If a query has several positives, the one with the lowest score counts. A candidate must pass every rule that is
    set.

    Attributes:
        ratio: at most this share of the positive's score: "TopK-PercPos" of NV-Retriever (arXiv:2407.15831), whose
            best was 0.95. The distance is 1 - ratio times the absolute value of the positive's score, which may be
            negative.
        margin: at least this much below the positive's score: its "TopK-MarginPos", whose best was 0.05 on cosines.
        most: at most this score, whatever the positive's: RocketQA's denoising (arXiv:2010.08191), which keeps what a
            cross-encoder finds relevant with a probability below 0.1: log(0.1 / 0.9) = -2.2 as a logit.

    Raises InputError for a number that is not finite, or if no rule is set.
    """

    ratio: float | None = None
    margin: float | None = None
    most: float | None = None

    def __post_init__(self) -> None:
        rules = (self.ratio, self.margin, self.most)
        if all(rule is None for rule in rules):
            raise InputError("the teacher's filter needs a ratio, a margin or a largest score")
        if not all(math.isfinite(rule) for rule in rules if rule is not None):
            raise InputError(f"the teacher's filter needs finite numbers, not {rules}")

    def passes(self, positives: Scores, candidates: Scores) -> npt.NDArray[np.bool_]:
        """Whether each candidate is far enough below the positives: bool [candidates]."""
        positive = float(positives.min())
        limits = [math.inf]
        if self.ratio is not None:
            # Below zero, ratio * positive would be above the positive.
            limits.append(positive - (1 - self.ratio) * abs(positive))
        if self.margin is not None:
            limits.append(positive - self.margin)
        if self.most is not None:
            limits.append(self.most)
        return candidates <= min(limits)
