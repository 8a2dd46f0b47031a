"""What a step minimises: weighted objectives plus penalties on the term weights of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from lsr.core.errors import InputError
from lsr.training.losses.gather import gather
from lsr.training.losses.objective import Objective, VectorBatch
from lsr.training.penalties.penalty import Penalty, Side, TermStatistics


@dataclass(frozen=True, slots=True)
class Outcome:
    """The loss (a scalar with gradients) and its parts as numbers, by name."""

    loss: Tensor
    parts: dict[str, float]


class Criterion:
    """The loss of a run.

    Args:
        objectives: their weighted sum is minimised.
        penalties: on the term weights of each side, added to it.
        steps: number in the whole run: penalties grow over a share of them.
        idf: float32 [vocabulary], of the texts trained on; for penalties that need it.
    """

    def __init__(
        self,
        objectives: Sequence[Objective],
        penalties: Mapping[Side, Sequence[Penalty]],
        *,
        steps: int,
        idf: Tensor | None = None,
    ) -> None:
        self.objectives, self.penalties, self.steps = objectives, penalties, steps
        needing = [each.name for of_side in penalties.values() for each in of_side if each.needs_idf]
        if needing and idf is None:
            raise InputError(f"{needing[0]} needs an IDF")
        # Special tokens have no IDF: they get that of the most frequent term.
        self._idf = None if not needing or idf is None else idf.clamp(min=float(idf[idf > 0].min()))

    def __call__(
        self, queries: Tensor, documents: Tensor, batch: dict[str, Tensor], *, step: int, shares: Tensor
    ) -> Outcome:
        """The loss of a batch.

        Args:
            queries: [queries, vocabulary] on this device.
            documents: [queries * candidates, vocabulary], the candidates of one query after those of another.
            batch: what `Collate` makes; with `scores` if a loss distils a query's own candidates, and `batch_scores`
                [queries, queries * candidates] if one distils all of them.
            step: of the run, from 0.
            shares: [vocabulary], of the recent documents in which each term was active.
        """
        weights: dict[Side, Tensor] = {"query": gather(queries), "document": gather(documents)}
        vectors = VectorBatch(queries, documents, weights["document"], batch)
        terms = TermStatistics(shares, None if self._idf is None else self._idf.to(shares.device))
        total = queries.new_zeros(())
        parts: dict[str, float] = {}
        for objective in self.objectives:
            value = objective(vectors)
            total = total + objective.weight * value
            parts[objective.name] = value.item()
        for side, penalties in self.penalties.items():
            for penalty in penalties:
                factor = penalty.strength_at(step, self.steps)
                value = penalty(weights[side], terms)
                total = total + factor * value
                parts[f"{side}_{penalty.name}"] = value.item()
                parts[f"{side}_{penalty.name}_lambda"] = factor
        return Outcome(total, parts)
