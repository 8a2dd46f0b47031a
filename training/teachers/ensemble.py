"""Combining the scores of several teachers.

"Towards Competitive Search Relevance For Inference-Free Learned Sparse Retrievers" (Geng et al., arXiv:2411.04403):
teachers of different kinds score on different scales, so each one's scores are first spread over 0 … 1 for each query.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lsr.core.errors import InputError
from lsr.core.shares import mean_shares
from lsr.core.types import Scores

SCALE = 30.0
"""The factor of the mean in the paper's code: the largest possible score, if all teachers agree."""


def normalise(scores: Scores) -> Scores:
    """Normalise one query's scores as in the paper's code: (score - least) / (largest - least + 10⁻⁶).

    float32, from 0 to just below 1; all 0 if all are equal.
    """
    least = scores.min(initial=np.inf)
    return (scores - least) / (scores.max(initial=-np.inf) - least + np.float32(1e-6))


def combine(
    scores: Sequence[Sequence[Scores]], weights: Sequence[float] | None = None, scale: float = SCALE
) -> list[Scores]:
    """The ensemble's scores of each query's candidates: the mean of the teachers' normalised scores, times `scale`.

    Args:
        scores: for each teacher, for each query, the scores of its candidates, float32.
        weights: of the teachers in the mean; equal if not given.
        scale: the range of the ensemble's scores.

    Raises InputError unless there is a positive weight for each teacher and all have scored the same candidates.
    """
    shares = mean_shares(len(scores), weights, "teachers")
    combined: list[Scores] = []
    for of_query in zip(*scores, strict=True):
        if len({len(of_teacher) for of_teacher in of_query}) > 1:
            raise InputError(f"query {len(combined)}: the teachers scored different numbers of candidates")
        mean = sum(share * normalise(of_teacher) for share, of_teacher in zip(shares, of_query, strict=True))
        combined.append(np.asarray(scale * mean, np.float32))
    return combined
