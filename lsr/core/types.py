"""Names for the arrays that stand in many signatures: one type each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
"""Numbers of rows."""

Scores = npt.NDArray[np.float32]
"""Scores as one search or model gives them."""

CombinedScores = npt.NDArray[np.float64]
"""Scores made of several: fused, summed over windows, re-ranked."""

Vectors = npt.NDArray[np.float32]
"""Dense vectors [n, dim]."""
