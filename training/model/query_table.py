"""Queries without a model: a table that gives each token its weight, with gradients (arXiv:2411.04403)."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from lsr.encoding.shared.tokens import TextTokenizer
from lsr.encoding.sparse.pooling import occurring
from lsr.encoding.sparse.saving import TableSide
from lsr.encoding.sparse.spec import TransformerSpec
from lsr.encoding.sparse.static import read_table
from lsr.training.config.model import QueryTableConfig
from lsr.training.model.towers import Tokens


class QueryTable(nn.Module):
    """A weight for each token.

    Args:
        config: where the weights come from, and whether they are trained.
        document: the model of the documents, whose tokenizer reads the queries too.
        dim: the number of its terms.

    Attributes:
        config: as given.
        tokenizer: text to token ids, as the exported encoder will.
        weight: float32 [dim], below zero as good as zero.
    """

    def __init__(self, config: QueryTableConfig, document: TransformerSpec, dim: int) -> None:
        super().__init__()
        self.config = config
        # As StaticTower reads queries: no special tokens, which would weigh alike for all.
        self.tokenizer = TextTokenizer(
            document.folder,
            max_length=config.max_length,
            special_tokens=False,
            prompt=config.prompt,
            lower_case=document.lower_case,
        )
        weight = _weights(config, document, self.tokenizer, dim)
        self.weight = nn.Parameter(weight, requires_grad=config.trainable)

    def forward(self, tokens: Tokens) -> Tensor:
        """float32 [texts, vocabulary]: the weights of the distinct tokens of each text, times their number if asked."""
        if self.config.count_repeats:
            counts = torch.zeros(len(tokens.ids), len(self.weight), device=self.weight.device)
            return counts.scatter_add_(1, tokens.ids, tokens.present.to(counts.dtype)) * self.weight.relu()
        return occurring(tokens.ids, tokens.present, len(self.weight)) * self.weight.relu()

    @torch.no_grad()
    def start_from(self, idf: Tensor) -> Tensor | None:
        """Take an IDF, float32 [dim], for weights if the configuration says so.

        Returns which terms are stop words: bool [dim]; None if the weights come from elsewhere.
        """
        if self.config.table != "idf":
            return None
        # log(1 + (N - df) / df), with df that share of N.
        stopped = idf < -math.log(self.config.stop_share)
        self.weight.copy_(idf.masked_fill(stopped, 0) * self.config.scale)
        return stopped

    def own_rates(self) -> list[tuple[nn.Parameter, float]]:
        """The weights, and their learning rate."""
        return [(self.weight, self.config.learning_rate)]

    def side(self) -> TableSide:
        """What is stored of it."""
        # A head may be wider than the vocabulary of tokens.
        tokens = 1 + max(self.tokenizer.token_ids().values())
        return TableSide(self.weight.detach()[:tokens].relu().float().cpu().numpy(), **self.config.encoding())


def _weights(config: QueryTableConfig, document: TransformerSpec, tokenizer: TextTokenizer, dim: int) -> Tensor:
    if config.table not in ("idf", "ones"):
        weights = torch.zeros(dim)
        found = torch.from_numpy(read_table(Path(config.table), document.folder))
        weights[: len(found)] = found
        return weights
    weights = torch.ones(dim)
    special = tokenizer.special_ids
    weights[special[special < dim]] = 0
    return weights * config.scale
