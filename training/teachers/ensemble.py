"""Several teachers' scores as one.

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
"""What the paper's code multiplies the mean with: the largest score of a query's candidates on which all agree."""


def normalise(scores: Scores) -> Scores:
    """(score - least) / (largest - least + 10⁻⁶) over one query's candidates, as the paper's code has it.

    float32, from 0 to just below 1; all 0 where all are equal.
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
        scale: the ensemble's range.

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
