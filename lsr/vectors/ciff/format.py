"""CIFF as one of the formats of vector files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lsr.core.vocabulary import Vocabulary
from lsr.vectors.ciff.reader import CiffReader
from lsr.vectors.ciff.writer import Progress, write_ciff
from lsr.vectors.formats import VectorFormat, same_size
from lsr.vectors.sparse import SparseVectors


class CiffFormat:
    """Reads and writes CIFF files: see `lsr.vectors.ciff`."""

    def vocabulary(self, path: Path) -> Vocabulary:
        """See `VectorFormat.vocabulary`; reads little of the file."""
        return CiffReader(path).vocabulary()

    def read(
        self, path: Path, *, vocabulary: Vocabulary | None, dim: int | None, batch_rows: int, scale: float | None
    ) -> Iterator[SparseVectors]:
        """See `VectorFormat.read`."""
        reader = CiffReader(path)
        vocabulary = reader.vocabulary() if vocabulary is None else vocabulary
        same_size(path, dim, len(vocabulary))
        return reader.batches(vocabulary, batch_rows, scale)

    def write(
        self,
        path: Path,
        batches: Iterable[SparseVectors],
        *,
        dim: int,
        vocabulary: Vocabulary | None,
        scale: float | None,
        force: bool,
        progress: Progress | None,
    ) -> int:
        """See `VectorFormat.write`."""
        assert vocabulary is not None
        return write_ciff(path, batches, vocabulary, scale=scale, force=force, progress=progress)

    def scale(self, path: Path) -> float:
        """See `VectorFormat.scale`: 1 for a file made by another program."""
        return CiffReader(path).header.scale or 1.0


FORMAT: VectorFormat = CiffFormat()
