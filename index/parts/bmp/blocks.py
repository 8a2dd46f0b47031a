"""Building and opening what Block-Max Pruning needs of the documents."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.index.format.arrays import new_array, open_array
from lsr.index.format.postings import Postings
from lsr.index.format.settings import BmpSettings
from lsr.index.parts.bmp.kernel import count_weights, kth_largest
from lsr.index.parts.summaries.blocks import Summaries, write_summaries

PREFIX = "bmp"
LEVELS = (1, 10, 100, 1000)
KTH_WEIGHTS_NAME = f"{PREFIX}_kth_weights.npy"
_COUNT_AT_A_TIME = 1 << 24
# Terms whose weights are counted at a time, in 128 MiB.
_COUNT_TERMS = 1 << 18


@dataclass(frozen=True, slots=True)
class BmpBlocks:
    """The block maxima, and each term's largest weights.

    Attributes:
        summaries: of the blocks of Block-Max Pruning: the paper's block maxima.
        kth_weights: uint8 [levels * dim]: each term's k-th largest weight, for one k in LEVELS after the other; 0 if a
            term occurs in fewer documents.
    """

    summaries: Summaries
    kth_weights: npt.NDArray[np.uint8]

    def reached_by(self, k: int) -> npt.NDArray[np.uint8]:
        """A weight of each term that at least k documents reach: uint8 [dim]; empty if k is beyond LEVELS."""
        level = bisect_left(LEVELS, k)
        dim = len(self.summaries.term_maxima)
        return self.kth_weights[level * dim : (level + 1) * dim]

    @classmethod
    def open(cls, folder: Path, documents: int, dim: int, block_size: int) -> BmpBlocks:
        """Map the files of a segment."""
        return cls(
            summaries=Summaries.open(folder, documents, dim, block_size, PREFIX),
            kth_weights=open_array(folder / KTH_WEIGHTS_NAME, np.uint8, len(LEVELS) * dim),
        )


def write_bmp_blocks(
    folder: Path,
    forward: Postings,
    dim: int,
    settings: BmpSettings,
    frequent_share: float,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
    compact: bool = False,
) -> None:
    """Write the bmp_* files of a segment; see `write_summaries`."""
    size = settings.block_size
    write_summaries(folder, forward, dim, size, frequent_share, threads, progress, PREFIX, compact=compact)
    weights = new_array(folder / KTH_WEIGHTS_NAME, np.uint8, len(LEVELS) * dim).reshape(len(LEVELS), dim)
    _fill_kth_weights(forward, weights)


def kth_weights(forward: Postings, dim: int) -> npt.NDArray[np.uint8]:
    """uint8 [levels, dim]: each term's k-th largest weight, for each k in LEVELS."""
    weights = np.zeros((len(LEVELS), dim), np.uint8)
    _fill_kth_weights(forward, weights)
    return weights


def _fill_kth_weights(forward: Postings, weights: npt.NDArray[np.uint8]) -> None:
    dim = weights.shape[1]
    for first in range(0, dim, _COUNT_TERMS):
        counts = np.zeros((min(_COUNT_TERMS, dim - first), 256), np.uint16)
        for start in range(0, len(forward.indices), _COUNT_AT_A_TIME):
            part = slice(start, start + _COUNT_AT_A_TIME)
            count_weights(forward.indices[part], forward.weights[part], first, LEVELS[-1], counts)
        kth_largest(counts, np.array(LEVELS), weights[:, first : first + _COUNT_TERMS])
