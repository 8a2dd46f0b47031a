"""Writing token vectors, document by document, while an index is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lsr.core.annotated import as_annotated
from lsr.core.arguments import count
from lsr.core.arrays import numbers, row_numbers
from lsr.core.errors import InputError
from lsr.index.format.arrays import ArrayWriter, OffsetWriter, unclosed_length, unclosed_values
from lsr.index.parts.late.quantisation import quantise
from lsr.index.parts.late.record import BITS, FILE_NAMES, LateRecord, code_bytes

# Numbers quantised at once: 16 MB as float32.
_NUMBERS = 1 << 22


class LateWriter:
    """Writes the token vectors of documents, in row order, into files in `folder`.

    A context manager; `finish` closes the files and returns the record for the manifest. The files of an interrupted
    writer are continued after the last document that they hold completely.

    Attributes:
        documents: how many have been written.

    Args:
        dim: length of a vector.
        bits: of a number, 8 or 4. InputError for others.
    """

    @as_annotated
    def __init__(self, folder: Path, dim: int, bits: int = 8) -> None:
        if bits not in BITS:
            raise InputError(f"token vectors have 8 or 4 bits a number, not {bits}")
        self.dim, self.bits = count(dim, "dim"), bits
        self._indptr, self._codes, self._scales = self._open(folder)

    def _open(self, folder: Path) -> tuple[OffsetWriter, ArrayWriter, ArrayWriter]:
        """Open new files, or existing ones cut after the last document that all of them hold."""
        indptr, codes, scales = (folder / name for name in FILE_NAMES)
        offsets, width = unclosed_values(indptr, np.int64), code_bytes(self.dim, self.bits)
        held = min(unclosed_length(codes, np.uint8) // width, unclosed_length(scales, np.float32))
        kept = int(np.searchsorted(offsets, held, "right"))
        if not kept:
            self.documents = self._vectors = 0
            return OffsetWriter(indptr), ArrayWriter(codes, np.uint8), ArrayWriter(scales, np.float32)
        self.documents, self._vectors = kept - 1, int(offsets[kept - 1])
        return (
            OffsetWriter(indptr, kept),
            ArrayWriter(codes, np.uint8, self._vectors * width),
            ArrayWriter(scales, np.float32, self._vectors),
        )

    def append(self, indptr: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32]) -> None:
        """Append documents, as `TokenEncoder.stream_documents` gives them.

        indptr: int64 [documents + 1], from 0; vectors: float32 [vectors, dim]. InputError names the first row with a
            value that is not finite, or says how the arrays differ from this form.
        """
        vectors, indptr = numbers(vectors, "token vectors"), row_numbers(indptr, "the offsets")
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise InputError(f"token vectors must have shape [vectors, {self.dim}], not {vectors.shape}")
        lengths = np.diff(indptr)
        if len(indptr) < 1 or indptr[0] != 0 or indptr[-1] != len(vectors) or (lengths < 0).any():
            raise InputError(f"the offsets must ascend from 0 to {len(vectors):,}, the number of token vectors")
        block = max(1, _NUMBERS // self.dim)
        for start in range(0, len(vectors), block):
            part = np.asarray(vectors[start : start + block], np.float32)
            finite = np.isfinite(part).all(1)
            if not finite.all():
                row = np.searchsorted(indptr, start + int(finite.argmin()), "right") - 1
                raise InputError(f"row {self.documents + int(row)}: a token vector has a value that is not finite")
            codes, scales = quantise(part, self.bits)
            self._codes.append(codes.reshape(-1))
            self._scales.append(scales)
        # Offsets last, so that they never point beyond the data.
        self._codes.flush()
        self._scales.flush()
        self._indptr.append(lengths)
        self._indptr.flush()
        self.documents += len(lengths)
        self._vectors += len(vectors)

    @as_annotated
    def finish(self, encoder: Mapping[str, Any]) -> LateRecord:
        """Close the files. `encoder`: its own description, as JSON values (`TokenEncoder.settings`)."""
        self.close()
        return LateRecord(self.documents, self._vectors, self.dim, self.bits, dict(encoder))

    def close(self) -> None:
        """Close the files."""
        for file in (self._codes, self._scales, self._indptr):
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
