"""Batches as tensors."""

from __future__ import annotations

import torch

from lsr.training.model.towers import Tokens


def test_parts_of_tokens_lose_empty_columns() -> None:
    """Widths are multiples of 16, but no more than there were."""
    lengths = torch.tensor([37, 1, 17])
    present = torch.arange(37) < lengths[:, None]
    ids = torch.arange(3 * 37).view(3, 37)
    tokens = Tokens(ids, present)
    part = tokens.part(slice(1, 3))
    assert part.ids.tolist() == ids[1:, :32].tolist()
    assert part.present.sum(1).tolist() == [1, 17]
    assert tokens.part(slice(0, 1)).ids.shape == (1, 37)
