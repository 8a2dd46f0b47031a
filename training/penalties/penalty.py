"""The base of penalties: non-negative scalars of term weights, whose strength grows over the run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from lsr.training.numbers import NotNegative, Share
from lsr.training.penalties.schedules import Shape, strength

if TYPE_CHECKING:
    from torch import Tensor

Side = Literal["document", "query"]


@dataclass(frozen=True, kw_only=True)
class Penalty(ABC):
    """A penalty and its parameters, as a recipe gives them. A subclass's fields are its parameters in YAML.

    Attributes:
        name: which penalty, as in `PENALTIES`.
        strength: λ.
        ramp: share of the steps over which λ grows.
        shape: how it grows: see `lsr.training.penalties.schedules.strength`.
        needs_idf: whether it needs the IDF of the texts trained on.
    """

    name: str
    strength: NotNegative
    ramp: Share = 1 / 3
    shape: Shape = "quadratic"

    needs_idf: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, weights: Tensor, terms: TermStatistics) -> Tensor:
        """The penalty of float32 weights [texts, vocabulary]: a scalar with gradients, not yet multiplied by λ."""

    def strength_at(self, step: int, steps: int) -> float:
        """λ at one of so many steps of a run."""
        return strength(step, final=self.strength, steps=max(1, round(self.ramp * steps)), shape=self.shape)

    def refusal(self, side: Side, table: str | None) -> str | None:
        """Why the penalty cannot be used on this side of a model, in words; None if it can.

        table: the query table's origin ("idf", "ones", a file); None if queries are encoded by a model.
        """
        return None

    def warning(self, side: Side, table: str | None) -> str | None:
        """What looks like a mistake in using it on this side of a model, in words; None if nothing does."""
        return None


@dataclass(frozen=True, slots=True)
class TermStatistics:
    """Facts about the terms besides the weights of a batch.

    Attributes:
        shares: float32 [vocabulary], of the recent documents in which each term was active, 0 to 1.
        idf: float32 [vocabulary], of the texts trained on, positive; None if no penalty needs it.
    """

    shares: Tensor
    idf: Tensor | None = None
