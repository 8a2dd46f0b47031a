"""Queries without a model: a trainable table of token weights (arXiv:2411.04403)."""

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
        document: the model of the documents, whose tokenizer also reads the queries.
        dim: the number of its terms.

    Attributes:
        config: as given.
        tokenizer: text to token ids, as the exported encoder will.
        weight: float32 [dim]; below zero counts as zero.
    """

    def __init__(self, config: QueryTableConfig, document: TransformerSpec, dim: int) -> None:
        super().__init__()
        self.config = config
        # As StaticTower reads queries: without special tokens, which would weigh the same for all.
        self.tokenizer = TextTokenizer(
            document.folder,
            max_length=config.max_length,
            special_tokens=False,
            prompt=config.prompt,
            lower_case=document.lower_case,
        )
        if config.table in ("idf", "ones"):
            weight = torch.full((dim,), config.scale)
            special = self.tokenizer.special_ids
            weight[special[special < dim]] = 0
        else:
            weight = torch.zeros(dim)
            found = read_table(Path(config.table), self.tokenizer.token_ids())
            weight[: len(found)] = torch.from_numpy(found)
        self.weight = nn.Parameter(weight, requires_grad=config.trainable)

    def forward(self, tokens: Tokens) -> Tensor:
        """The weights of each text's distinct tokens, times their number if configured: float32 [texts, vocabulary]."""
        if self.config.count_repeats:
            counts = torch.zeros(len(tokens.ids), len(self.weight), device=self.weight.device)
            return counts.scatter_add_(1, tokens.ids, tokens.present.to(counts.dtype)) * self.weight.relu()
        return occurring(tokens.ids, tokens.present, len(self.weight)) * self.weight.relu()

    @torch.no_grad()
    def start_from(self, idf: Tensor) -> Tensor | None:
        """Use an IDF, float32 [dim], as weights if the configuration says so.

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
        """The query side to store."""
        # A head may be wider than the vocabulary of tokens.
        tokens = 1 + max(self.tokenizer.token_ids().values())
        return TableSide(self.weight.detach()[:tokens].relu().float().cpu().numpy(), **self.config.encoding())
