"""Batches of texts with little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

# Lengths are rounded up to a multiple of this: oneDNN keeps code compiled for every shape of product that it has met.
_STEP = 16


def batches_by_length(
    lengths: Sequence[int], *, max_length: int, batch_size: int, tokens: int
) -> Iterator[tuple[list[int], int]]:
    """Positions in `lengths`, longest first, and the length that each batch is padded to.

    A batch holds at most `batch_size` texts and at most `tokens` tokens, padding included, but always one text.
    """
    batch: list[int] = []
    width = 0
    for position in np.argsort(np.negative(lengths), kind="stable").tolist():
        if batch and (len(batch) == batch_size or (len(batch) + 1) * width > tokens):
            yield batch, width
            batch = []
        if not batch:
            # At least one, for an empty text of a tokenizer that adds no special tokens.
            width = max(1, min(-(-lengths[position] // _STEP) * _STEP, max_length))
        batch.append(position)
    if batch:
        yield batch, width
