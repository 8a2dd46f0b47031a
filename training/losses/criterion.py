"""What a step minimises: weighted objectives plus penalties, of the term weights of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr.core.errors import InputError
from lsr.core.remedies import SCORE_TRAINING_SET
from lsr.training.config import LossConfig, RegulariserConfig, TrainingConfig
from lsr.training.losses import objectives
from lsr.training.losses.gather import gather, rank
from lsr.training.model.batches import false_negatives
from lsr.training.penalties import regularisers
from lsr.training.penalties.schedules import strength


@dataclass(frozen=True, slots=True)
class Outcome:
    """The loss (a scalar with gradients) and its parts as numbers, by name."""

    loss: Tensor
    parts: dict[str, float]


class Criterion:
    """The loss of a configuration.

    Args:
        steps: of the whole run: penalties grow over a share of them.
        idf: float32 [vocabulary], of the texts trained on; for flops_idf_inverse.
    """

    def __init__(self, config: TrainingConfig, *, steps: int, idf: Tensor | None = None) -> None:
        self.losses = config.losses
        self.penalties = {"document": config.document_regularisers, "query": config.query_regularisers}
        self.steps = steps
        self._inverse = None
        if any(each.name == "flops_idf_inverse" for side in self.penalties.values() for each in side):
            if idf is None:
                raise InputError("flops_idf_inverse needs an IDF")
            # Special tokens have no IDF: as the most frequent term.
            self._inverse = regularisers.idf_inverse_factors(idf.clamp(min=float(idf[idf > 0].min())))

    def __call__(
        self, queries: Tensor, documents: Tensor, batch: dict[str, Tensor], *, step: int, shares: Tensor
    ) -> Outcome:
        """The loss of a batch.

        Args:
            queries: [queries, vocabulary] on this device.
            documents: [queries * candidates, vocabulary], the candidates of one query after those of another.
            batch: what `Collate` makes; `scores` where a loss distils a query's own candidates, `batch_scores`
                [queries, queries * candidates] where it distils all of them.
            step: of the run, from 0.
            shares: [vocabulary], of the recent documents in which each term was active; for df_flops.
        """
        all_queries, all_documents = gather(queries), gather(documents)
        total = queries.new_zeros(())
        parts: dict[str, float] = {}
        for loss in self.losses:
            value = self._objective(loss, queries, documents, all_documents, batch)
            total = total + loss.weight * value
            parts[loss.name] = value.item()
        for side, weights in (("document", all_documents), ("query", all_queries)):
            for penalty in self.penalties[side]:
                factor = self.strength(penalty, step)
                value = self._penalty(penalty, weights, shares)
                total = total + factor * value
                parts[f"{side}_{penalty.name}"] = value.item()
                parts[f"{side}_{penalty.name}_lambda"] = factor
        return Outcome(total, parts)

    def strength(self, penalty: RegulariserConfig, step: int) -> float:
        """λ of a penalty at a step."""
        ramp = max(1, round(penalty.ramp * self.steps))
        return strength(step, final=penalty.strength, steps=ramp, shape=penalty.shape)

    def _objective(
        self, loss: LossConfig, queries: Tensor, documents: Tensor, all_documents: Tensor, batch: dict[str, Tensor]
    ) -> Tensor:
        if loss.name == "info_nce" and loss.over_batch:
            scores, targets = self._in_batch(queries, all_documents, batch)
            return objectives.info_nce(scores, targets, temperature=loss.temperature)
        if loss.over_batch:
            return objectives.kl_divergence(
                queries @ documents.t(), batch["batch_scores"], temperature=loss.temperature
            )
        scores = torch.einsum("qv,qcv->qc", queries, documents.view(len(queries), -1, documents.shape[1]))
        if loss.name == "info_nce":
            return objectives.info_nce(scores, temperature=loss.temperature)
        if "scores" not in batch:
            raise InputError(
                f"the loss {loss.name} distils a teacher's scores, and some training data has none",
                remedies=["name `teachers`", SCORE_TRAINING_SET],
            )
        if loss.name == "kl":
            return objectives.kl_divergence(scores, batch["scores"], temperature=loss.temperature)
        return objectives.margin_mse(scores, batch["scores"])

    def _in_batch(self, queries: Tensor, all_documents: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Scores of every candidate for every query, and which is a query's own positive."""
        ids = batch["ids"]
        count = ids.shape[1]
        scores = queries @ all_documents.t()
        targets = (torch.arange(len(queries), device=scores.device) + rank() * len(queries)) * count
        hidden = false_negatives(ids, batch["relevant"], gather(ids.flatten()))
        hidden[torch.arange(len(queries), device=scores.device), targets] = False
        return scores.masked_fill(hidden, -torch.inf), targets

    def _penalty(self, penalty: RegulariserConfig, weights: Tensor, shares: Tensor) -> Tensor:
        if penalty.name == "l1":
            return regularisers.l1(weights)
        if penalty.name == "anti_zero":
            return regularisers.anti_zero(weights)
        factors = None
        if penalty.name == "flops_idf_inverse":
            factors = self._inverse
        elif penalty.name == "df_flops":
            factors = regularisers.df_factors(shares, alpha=penalty.alpha, beta=penalty.beta)
        return regularisers.flops(weights, threshold=penalty.threshold, factors=factors)


def needs_scores(losses: Sequence[LossConfig], *, over_batch: bool = False) -> bool:
    """Whether a loss distils a teacher: on a query's own candidates, or over the whole batch."""
    return any(loss.name != "info_nce" and loss.over_batch == over_batch for loss in losses)
