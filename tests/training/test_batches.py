"""Batches as tensors."""

from __future__ import annotations

import torch

from lsr.training.towers import Tokens


def test_parts_of_tokens_lose_empty_columns() -> None:
    tokens = Tokens(
        torch.tensor([[1, 2, 3], [4, 0, 0], [5, 6, 0]]),
        torch.tensor([[True, True, True], [True, False, False], [True, True, False]]),
    )
    part = tokens.part(slice(1, 3))
    assert part.ids.tolist() == [[4, 0], [5, 6]]
    assert part.present.tolist() == [[True, False], [True, True]]
