"""Problems inside the files of summaries, some of them found by making bounds again from the documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.index.format.checks import largest
from lsr.index.format.postings import Postings
from lsr.index.parts.summaries.blocks import Summaries

# Blocks whose bounds are made again, drawn by chance, and the cells (blocks times terms) that this may take.
_BLOCKS = 2048
_CELLS = 1 << 25


def summary_problems(summaries: Summaries, forward: Postings, prefix: str) -> Iterator[str]:
    """What is wrong with the summaries of the documents in `forward`, each problem beginning with a file's name."""
    starts, blocks, dim = summaries.list_starts, summaries.list_blocks, len(summaries.term_maxima)
    for term in np.flatnonzero(summaries.frequent_numbers >= 0):
        if summaries.frequent_weights[summaries.frequent_numbers[term]].max() > summaries.term_maxima[term]:
            yield f"{prefix}_dense_weights.npy: a weight exceeds its term's maximum"
            break
    found_before = False
    for number, first in enumerate(range(0, summaries.blocks, summaries.window)):
        last = min(first + summaries.window, summaries.blocks)
        window = slice(int(starts[number * dim]), int(starts[(number + 1) * dim]))
        if largest(blocks[window]) >= last - first:
            yield f"{prefix}_list_blocks.npy: a block is outside its window"
            found_before = True
        weights = summaries.list_weights[window]
        ascents = np.flatnonzero(weights[1:] > weights[:-1]) + 1 + window.start
        if not np.array_equal(starts[np.searchsorted(starts, ascents)], ascents):
            yield f"{prefix}_list_weights.npy: weights do not descend within a list"
        if (weights > np.repeat(summaries.term_maxima, np.diff(starts[number * dim : (number + 1) * dim + 1]))).any():
            yield f"{prefix}_term_maxima.npy: a weight exceeds its term's maximum"
    if not found_before:
        yield from _bound_problems(summaries, forward, prefix)


def _bound_problems(summaries: Summaries, forward: Postings, prefix: str) -> Iterator[str]:
    """Bounds of some blocks that are not the largest weights of the blocks' documents."""
    dim = len(summaries.term_maxima)
    count = min(_BLOCKS, summaries.blocks, max(_CELLS // dim, 1))
    drawn = np.sort(np.random.default_rng().permutation(summaries.blocks)[:count])
    wanted = _heaviest(forward, drawn, summaries.block_size, dim)
    if wanted is None:
        return  # a term that there is not, which the forward index tells of itself
    stored = np.zeros_like(wanted)
    frequent = np.flatnonzero(summaries.frequent_numbers >= 0)
    stored[:, frequent] = summaries.frequent_weights[summaries.frequent_numbers[frequent]][:, drawn].T
    places = np.full(summaries.window, -1, np.int64)
    for number, first in enumerate(range(0, summaries.blocks, summaries.window)):
        inside = (drawn >= first) & (drawn < first + summaries.window)
        places[:] = -1
        places[drawn[inside] - first] = np.flatnonzero(inside)
        offsets = summaries.list_starts[number * dim : (number + 1) * dim + 1]
        rows = places[summaries.list_blocks[offsets[0] : offsets[-1]]]
        entries = np.flatnonzero(rows >= 0)
        terms = np.searchsorted(offsets, entries + offsets[0], side="right") - 1
        np.maximum.at(stored, (rows[entries], terms), summaries.list_weights[entries + offsets[0]])
    wrong = np.argwhere(stored != wanted)
    if len(wrong):
        row, term = wrong[0].tolist()
        kind = "dense" if summaries.frequent_numbers[term] >= 0 else "list"
        yield (
            f"{prefix}_{kind}_weights.npy: the bound of block {int(drawn[row]):,} for term {term} is "
            f"{int(stored[row, term])}, and the largest weight there {int(wanted[row, term])}"
        )


def _heaviest(
    forward: Postings, blocks: npt.NDArray[np.int64], block_size: int, dim: int
) -> npt.NDArray[np.uint8] | None:
    """uint8 [blocks, dim]: the largest weight of each term in these blocks; None for a term beyond `dim`."""
    found: npt.NDArray[Any] = np.zeros((len(blocks), dim), np.uint8)
    for row, block in enumerate(blocks.tolist()):
        first, last = block * block_size, min((block + 1) * block_size, len(forward))
        pairs = slice(int(forward.indptr[first]), int(forward.indptr[last]))
        terms = forward.indices[pairs]
        if largest(terms) >= dim:
            return None
        np.maximum.at(found[row], terms, forward.weights[pairs])
    return found
