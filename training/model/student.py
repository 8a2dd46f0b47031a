"""The model in training: a document tower, and a query side that is the same tower, another one, or a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from lsr.core.errors import ModelError
from lsr.encoding.shared.tokens import TextTokenizer
from lsr.encoding.sparse.backbone import load_backbone
from lsr.encoding.sparse.saving import TableSide, TransformerSide, save_encoder
from lsr.encoding.sparse.spec import TermFrequency
from lsr.training.config import ModelConfig, QueryTableConfig, TermFrequencyConfig, TowerConfig
from lsr.training.model.towers import LanguageModelTower, QueryTable, Tokens, tokens

# How fast the share of documents that a term is active in forgets: about the last thousand batches count.
_MEMORY = 0.999


class Student(nn.Module):
    """Queries and documents to term weights. Made by `build_student`.

    Attributes:
        document: the tower of documents.
        query: that of queries; the same module where both share one model.
        dim: number of terms.
        shares: float32 [vocabulary], a moving average of the share of documents in which each term is active.
        tokenizer, query_tokenizer: text to token ids, as the exported encoder will.
    """

    shares: Tensor
    seen: Tensor

    def __init__(
        self, document: LanguageModelTower, query: LanguageModelTower | QueryTable | None, config: ModelConfig
    ) -> None:
        super().__init__()
        self.document = document
        self.query = document if query is None else query
        self.model_config = config
        self.dim = document.backbone.dim
        self.tokenizer = document.backbone.tokenizer()
        self.query_tokenizer = self._query_tokenizer()
        self.register_buffer("shares", torch.zeros(self.dim))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, queries: Tokens | None, documents: Tokens | None) -> tuple[Tensor | None, Tensor | None]:
        """float32 [queries, vocabulary] and [documents, vocabulary], None for what is not given."""
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
        document = self.document.backbone.padding_id
        query = self.query.backbone.padding_id if isinstance(self.query, LanguageModelTower) else document
        return query, document

    @torch.no_grad()
    def observe(self, documents: Tensor) -> None:
        """Take note of which terms are active: documents [n, vocabulary]."""
        self.seen += 1
        # Early on a plain mean, so that nothing hangs on the zeros it starts from.
        memory = min(_MEMORY, 1 - 1 / int(self.seen))
        self.shares.lerp_((documents > 0).float().mean(0), 1 - memory)

    @torch.no_grad()
    def statistics(self, queries: Tensor, documents: Tensor) -> dict[str, float]:
        """Of a batch: mean active terms, and FLOPS, Σ_j p_q(j) p_d(j); and the terms dead in documents of late."""
        active_queries, active_documents = (queries > 0).float(), (documents > 0).float()
        return {
            "query_terms": active_queries.sum(1).mean().item(),
            "document_terms": active_documents.sum(1).mean().item(),
            "flops": (active_queries.mean(0) @ active_documents.mean(0)).item(),
            "dead_terms": int((self.shares == 0).sum()),
        }

    @torch.no_grad()
    def set_query_idf(self, idf: Tensor) -> None:
        """Start a query table that is configured as "idf" from these weights, float32 [vocabulary]."""
        config = self.model_config.query
        if isinstance(self.query, QueryTable) and isinstance(config, QueryTableConfig) and config.table == "idf":
            # log(1 + (N - df) / df), with df that share of N.
            stopped = idf < -math.log(config.stop_share)
            self.query.weight.copy_(idf.masked_fill(stopped, 0) * config.scale)
            if self.document.backbone.frequency is not None:
                self.document.backbone.frequency.weight.masked_fill_(stopped, 0)

    def own_rates(self) -> list[tuple[nn.Parameter, float]]:
        """The parameters with one number a term, and their learning rates."""
        query, rates = self.model_config.query, []
        if isinstance(self.query, QueryTable) and isinstance(query, QueryTableConfig):
            rates.append((self.query.weight, query.learning_rate))
        for tower, config in ((self.document, self.model_config.document), (self.query, query)):
            frequency = tower.backbone.frequency if isinstance(tower, LanguageModelTower) else None
            if frequency is not None and all(parameter is not frequency.weight for parameter, _ in rates):
                given = config.term_frequency if isinstance(config, TowerConfig) else None
                rates.append((frequency.weight, (given or TermFrequencyConfig()).learning_rate))
        return rates

    def start_biases(self, texts: Sequence[str]) -> None:
        """Where a tower's configuration says how many terms are to be active at first, see to it, on these texts."""
        sides = {id(self.document): (self.document, self.model_config.document, self.tokenizer)}
        if isinstance(self.query, LanguageModelTower) and isinstance(self.model_config.query, TowerConfig):
            sides[id(self.query)] = (self.query, self.model_config.query, self.query_tokenizer)
        for tower, config, tokenizer in sides.values():
            if config.initial_terms is not None:
                tower.start_bias(tokens(tokenizer, texts, tower.backbone.padding_id), config.initial_terms)

    def save(self, path: str | Path, *, dtype: str = "float32") -> None:
        """Write a model folder from which `SparseEncoder.load` encodes as the student does, in evaluation mode."""
        if isinstance(self.query, QueryTable):
            config = cast(QueryTableConfig, self.model_config.query)
            # A head may be wider than the vocabulary of tokens.
            tokens = 1 + max(self.query_tokenizer.token_ids().values())
            weights = self.query.weight.detach()[:tokens].relu().float().cpu().numpy()
            query: TransformerSide | TableSide | None = TableSide(
                weights,
                max_length=config.max_length,
                prompt=config.prompt,
                idf=config.idf,
                count_repeats=config.count_repeats,
            )
        else:
            query = None if self.query is self.document else _side(self.query)
        save_encoder(path, document=_side(self.document), query=query, dtype=dtype)

    def _query_tokenizer(self) -> TextTokenizer:
        config = self.model_config.query
        if isinstance(config, QueryTableConfig):
            # As StaticTower reads queries: no special tokens, which would weigh alike for all.
            return TextTokenizer(
                self.document.backbone.spec.folder,
                max_length=config.max_length,
                special_tokens=False,
                prompt=config.prompt,
                lower_case=self.document.backbone.spec.lower_case,
            )
        assert isinstance(self.query, LanguageModelTower)
        return self.query.backbone.tokenizer()


def _side(tower: LanguageModelTower) -> TransformerSide:
    """A tower as it is stored: adapters go into a copy of the model that they adapt."""
    from lsr.training.model.lora import has_lora, merge_lora

    backbone = tower.backbone
    if has_lora(backbone):
        backbone = deepcopy(backbone)
        merge_lora(backbone)
    return TransformerSide(backbone)


def build_student(config: ModelConfig, *, dropout: float | None = None) -> Student:
    """The student of a configuration, on the CPU. `dropout` replaces the models' own where it is given.

    Raises ModelError as `load_backbone`, and for a query side of another vocabulary.
    """
    document = _tower(config.document)
    query: LanguageModelTower | QueryTable | None = None
    if isinstance(config.query, QueryTableConfig):
        query = QueryTable(
            _table(config.query, document),
            trainable=config.query.trainable,
            count_repeats=config.query.count_repeats,
        )
    elif isinstance(config.query, TowerConfig):
        query = _tower(config.query)
        if query.backbone.dim != document.backbone.dim:
            raise ModelError(
                f"queries have {query.backbone.dim:,} terms and documents {document.backbone.dim:,}: both sides need "
                "one vocabulary"
            )
    student = Student(document, query, config)
    if dropout is not None:
        for module in student.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout
    return student


def _tower(config: TowerConfig) -> LanguageModelTower:
    counted = config.term_frequency
    backbone = load_backbone(
        config.base,
        term_frequency=TermFrequency(counted.k1, counted.b, counted.mean_length) if counted else None,
        frequency_start=counted.start if counted else 0.0,
        head=config.head,
        new_head=config.new_head,
        attention=config.attention,
        echo=config.echo,
        scale=config.scale,
        learn_scale=config.learn_scale,
        bias=config.bias,
    )
    backbone.spec = replace(
        backbone.spec,
        pooling=config.pooling,
        activation=config.activation,
        max_length=config.max_length,
        prompt=config.prompt,
        lexical=config.gate == "lexical",
        top_k=config.top_k,
    )
    if config.lora is not None:
        from lsr.training.model.lora import add_lora

        add_lora(backbone, rank=config.lora.rank, alpha=config.lora.alpha, dropout=config.lora.dropout)
    if config.gradient_checkpointing:
        backbone.gradient_checkpointing_enable()
    return LanguageModelTower(backbone)


def _table(config: QueryTableConfig, document: LanguageModelTower) -> Tensor:
    weights = torch.ones(document.backbone.dim)
    special = document.backbone.tokenizer().special_ids
    weights[special[special < len(weights)]] = 0
    if config.table in ("idf", "ones"):
        return weights * config.scale
    from lsr.encoding.sparse.static import read_table

    found = torch.from_numpy(read_table(Path(config.table), document.backbone.spec.folder))
    weights.zero_()[: len(found)] = found
    return weights
