"""The interface of teachers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lsr.core.progress import Stages, silent
from lsr.training.teachers.pairs import Pairs


class Teacher(Protocol):
    """Scores candidates of queries; larger is better. The meaning and range of scores differ between teachers.

    Attributes:
        name: a short name for reports.
    """

    name: str

    def score(self, queries: Sequence[str], candidates: Sequence[Sequence[str]]) -> list[npt.NDArray[np.float32]]:
        """Score each query's candidates, in order: for use inside a training loop."""
        ...


class SetTeacher(Protocol):
    """Scores all pairs of a training set at once, so that each text is encoded once.

    Attributes:
        name: a short name for reports.
    """

    name: str

    def score_pairs(
        self, pairs: Pairs, scores: npt.NDArray[np.float32], *, work: Path, stages: Stages = silent
    ) -> None:
        """Write the score of every pair into `scores`, float32 [pairs]. `work` is a folder for large files."""
        ...
