"""Models that several threads load at once: each is whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.encoding.sparse.encoder import SparseEncoder

MODELS = [Path(__file__).parents[1] / "golden" / "encoders" / name / "model" for name in ("splade", "doc")]


def test_models_are_loaded_in_threads() -> None:
    def weights(model: Path) -> npt.NDArray[np.float32]:
        return SparseEncoder.load(model).encode_documents(["index file search"]).weights

    wanted = [weights(model) for model in MODELS]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(weights, MODELS * 6))
    for number, each in enumerate(found):
        assert np.allclose(each, wanted[number % 2])
