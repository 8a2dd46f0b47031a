"""The model being trained: a document tower, and a query side that is the same tower, another one, or a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from lsr.core.errors import ModelError
from lsr.encoding.sparse.saving import save_encoder
from lsr.training.config.model import ModelConfig, QueryTableConfig
from lsr.training.model.query_table import QueryTable
from lsr.training.model.towers import LanguageModelTower, Tokens

# Decay of the share of documents in which a term is active: about the last thousand batches count.
_MEMORY = 0.999


class Student(nn.Module):
    """Maps queries and documents to term weights; on the CPU until it is moved.

    Args:
        config: the two sides.
        dropout: replaces the models' own if given.

    Attributes:
        document: the tower of documents.
        query: the tower of queries; the same module if both share one model.
        dim: number of terms.
        shares: float32 [vocabulary], a moving average of the share of documents in which each term is active.

    Raises ModelError as `load_backbone`, and for a query side of another vocabulary.
    """

    shares: Tensor
    seen: Tensor
    query: LanguageModelTower | QueryTable

    def __init__(self, config: ModelConfig, *, dropout: float | None = None) -> None:
        super().__init__()
        self.document = LanguageModelTower(config.document)
        backbone = self.document.backbone
        self.dim = backbone.dim
        if isinstance(config.query, QueryTableConfig):
            self.query = QueryTable(config.query, backbone.spec, self.dim)
        elif config.query == "shared":
            self.query = self.document
        else:
            self.query = LanguageModelTower(config.query)
            if self.query.backbone.dim != self.dim:
                raise ModelError(
                    f"queries have {self.query.backbone.dim:,} terms, but documents have {self.dim:,}: both sides need "
                    "the same vocabulary"
                )
        self.register_buffer("shares", torch.zeros(self.dim))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        if dropout is not None:
            for module in self.modules():
                if isinstance(module, nn.Dropout):
                    module.p = dropout

    def forward(self, queries: Tokens | None, documents: Tokens | None) -> tuple[Tensor | None, Tensor | None]:
        """Term weights, float32 [queries, vocabulary] and [documents, vocabulary]; None for a side not given."""
        return (
            None if queries is None else self.query(queries),
            None if documents is None else self.document(documents),
        )

    @property
    def device(self) -> torch.device:
        return self.shares.device

    @property
    def padding(self) -> tuple[int, int]:
        """The token ids that fill up queries and documents."""
        document = self.document.padding
        return self.query.padding if isinstance(self.query, LanguageModelTower) else document, document

    @torch.no_grad()
    def observe(self, documents: Tensor) -> None:
        """Record which terms are active in documents [n, vocabulary]."""
        self.seen += 1
        # At first a plain mean, so that the initial zeros have no effect.
        memory = min(_MEMORY, 1 - 1 / int(self.seen))
        self.shares.lerp_((documents > 0).float().mean(0), 1 - memory)

    @torch.no_grad()
    def statistics(self, queries: Tensor, documents: Tensor) -> dict[str, float]:
        """Statistics of a batch: mean active terms, FLOPS Σ_j p_q(j) p_d(j), and terms recently dead in documents."""
        active_queries, active_documents = (queries > 0).float(), (documents > 0).float()
        return {
            "query_terms": active_queries.sum(1).mean().item(),
            "document_terms": active_documents.sum(1).mean().item(),
            "flops": (active_queries.mean(0) @ active_documents.mean(0)).item(),
            "dead_terms": int((self.shares == 0).sum()),
        }

    @torch.no_grad()
    def start(self, sample: Sequence[str], idf: Tensor | None) -> None:
        """Initialise, before the first step, what depends on the texts trained on.

        Args:
            sample: some of these texts; a learned bias is set to let `initial_terms` of its tower be active on them.
            idf: float32 [vocabulary], of these texts: the weights of a query table that is configured as "idf".
        """
        self.document.start_bias(sample)
        if isinstance(self.query, LanguageModelTower) and self.query is not self.document:
            self.query.start_bias(sample)
        if isinstance(self.query, QueryTable) and idf is not None:
            stopped = self.query.start_from(idf)
            if stopped is not None and self.document.backbone.frequency is not None:
                self.document.backbone.frequency.weight.masked_fill_(stopped, 0)

    def own_rates(self) -> list[tuple[nn.Parameter, float]]:
        """The parameters with one number a term, and their learning rates: the query table's first."""
        if isinstance(self.query, QueryTable):
            return [*self.query.own_rates(), *self.document.own_rates()]
        return self.document.own_rates() + ([] if self.query is self.document else self.query.own_rates())

    def save(self, path: str | Path, *, dtype: str = "float32") -> None:
        """Write a model folder from which `SparseEncoder.load` encodes as the student does, in evaluation mode."""
        query = None if self.query is self.document else self.query.side()
        save_encoder(path, document=self.document.side(), query=query, dtype=dtype)
