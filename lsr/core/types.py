"""Type aliases for the arrays that many signatures use."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
"""Numbers of rows."""

Scores = npt.NDArray[np.float32]
"""Scores from one search or model."""

CombinedScores = npt.NDArray[np.float64]
"""Scores combined from several: fused, summed over windows, re-ranked."""

Vectors = npt.NDArray[np.float32]
"""Dense vectors [n, dim]."""
