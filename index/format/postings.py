"""Rows of (number, weight) pairs on disk: the forward index, and the inverted lists that a build may need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.index.format.arrays import open_array, open_offsets


def term_dtype(dim: int) -> np.dtype[Any]:
    """uint16 where the vocabulary fits, uint32 where it does not."""
    return np.dtype(np.uint16 if dim <= 1 << 16 else np.uint32)


def deficit_dtype(weight_bits: int) -> np.dtype[Any] | None:
    """Of what a weight has beyond its first 8 bits; None if it has no more."""
    return {8: None, 16: np.dtype(np.uint8), 24: np.dtype(np.uint16)}[weight_bits]


@dataclass(frozen=True, slots=True)
class Postings:
    """Rows of (number, weight) pairs in CSR form.

    Attributes:
        indptr: int64 [rows + 1].
        indices: term ids (uint16 or uint32) of a document in the forward index, document rows (uint32) of a term in
            the inverted lists; ascending within a row.
        weights: uint8, 1 to 255, in units of the manifest's weight_scale.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]
    weights: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.indptr) - 1


def open_postings(
    folder: Path, rows: int, nnz: int, dtype: npt.DTypeLike, name: str = "forward", indices: str = "terms"
) -> Postings:
    """Map NAME_indptr.npy, NAME_INDICES.npy and NAME_weights.npy; IndexFormatError unless offsets ascend to `nnz`."""
    return Postings(
        open_offsets(folder / f"{name}_indptr.npy", rows + 1, nnz),
        open_array(folder / f"{name}_{indices}.npy", dtype, nnz),
        open_array(folder / f"{name}_weights.npy", np.uint8, nnz),
    )
