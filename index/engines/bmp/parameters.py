"""Parameters of a search by Block-Max Pruning."""

from __future__ import annotations

from dataclasses import dataclass

from lsr.core.errors import InputError


@dataclass(frozen=True, slots=True)
class BmpParameters:
    """How much a search by Block-Max Pruning leaves out: nothing with the defaults.

    The parameters have the names and meanings of the paper (arXiv:2405.01117) and its code.

    Attributes:
        alpha: In (0, 1]. The search stops at the first block of which the k-th score exceeds alpha times the bound:
            smaller is faster and misses more.
        beta: In (0, 1]. Share of the query's terms that are kept, the heaviest first, rounded up to whole terms. The
            others count neither for bounds nor for scores.
    """

    alpha: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        for name, share in (("alpha", self.alpha), ("beta", self.beta)):
            if not 0 < share <= 1:
                raise InputError(f"{name} must lie in (0, 1], not {share}")
