"""Writing the values of documents in another order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.index.format.arrays import ArrayWriter, OffsetWriter
from lsr.index.kernels.ordering import gather_documents

_DOCUMENTS = 1 << 15


def write_gathered(
    indptr: npt.NDArray[np.int64], values: npt.NDArray[Any], order: npt.NDArray[np.uint32], path: Path
) -> None:
    """Write the documents' values, which begin at the offsets `indptr`, in this order."""
    lengths = np.diff(indptr)[order]
    with ArrayWriter(path, values.dtype) as writer:
        for start in range(0, len(order), _DOCUMENTS):
            part = slice(start, start + _DOCUMENTS)
            gathered = np.empty(int(lengths[part].sum()), values.dtype)
            gather_documents(indptr, values, order[part], gathered)
            writer.append(gathered)


def write_gathered_offsets(indptr: npt.NDArray[np.int64], order: npt.NDArray[np.uint32], path: Path) -> None:
    """Write where the values of the documents begin in this order."""
    with OffsetWriter(path) as writer:
        writer.append(np.diff(indptr)[order])
