"""Writing token vectors, document by document, while an index is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lsr.errors import InputError
from lsr.index.arrays import ArrayWriter, OffsetWriter
from lsr.index.late.quantisation import quantise
from lsr.index.late.record import BITS, CODES_NAME, INDPTR_NAME, SCALES_NAME, LateRecord

# Numbers quantised at once: 16 MB as float32.
_NUMBERS = 1 << 22


class LateWriter:
    """Writes the token vectors of documents, in row order, into files in `folder`.

    A context manager; `finish` closes the files and gives the record for the manifest.

    Args:
        dim: numbers of a vector.
        bits: of a number, 8 or 4. InputError for others.
    """

    def __init__(self, folder: Path, dim: int, bits: int = 8) -> None:
        if bits not in BITS:
            raise InputError(f"token vectors have 8 or 4 bits a number, not {bits}")
        if dim < 1:
            raise InputError(f"dim must be at least 1, not {dim}")
        self.dim, self.bits = dim, bits
        self._documents = self._vectors = 0
        self._indptr = OffsetWriter(folder / INDPTR_NAME)
        self._codes = ArrayWriter(folder / CODES_NAME, np.uint8)
        self._scales = ArrayWriter(folder / SCALES_NAME, np.float32)

    def append(self, indptr: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32]) -> None:
        """Append documents, as `TokenEncoder.stream_documents` gives them.

        indptr: int64 [documents + 1], from 0; vectors: float32 [vectors, dim]. InputError names the first document, by
        its row, with a number that is not finite, and says if the arrays are not of this form.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise InputError(f"token vectors of shape {vectors.shape}; expected so many by {self.dim}")
        lengths = np.diff(indptr)
        if len(indptr) < 1 or indptr[0] != 0 or indptr[-1] != len(vectors) or (lengths < 0).any():
            raise InputError(f"the offsets of {len(vectors):,} token vectors do not ascend from 0 to that number")
        block = max(1, _NUMBERS // self.dim)
        for start in range(0, len(vectors), block):
            part = np.asarray(vectors[start : start + block], np.float32)
            finite = np.isfinite(part).all(1)
            if not finite.all():
                row = np.searchsorted(indptr, start + int(finite.argmin()), "right") - 1
                raise InputError(f"row {self._documents + int(row)}: a token vector holds a number that is not finite")
            codes, scales = quantise(part, self.bits)
            self._codes.append(codes.reshape(-1))
            self._scales.append(scales)
        self._indptr.append(lengths)
        self._documents += len(lengths)
        self._vectors += len(vectors)

    def finish(self, encoder: Mapping[str, Any]) -> LateRecord:
        """Close the files. `encoder`: what the encoder says of itself, as JSON values (`TokenEncoder.settings`)."""
        self.close()
        return LateRecord(self._documents, self._vectors, self.dim, self.bits, dict(encoder))

    def close(self) -> None:
        """Close the files."""
        for file in (self._indptr, self._codes, self._scales):
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
