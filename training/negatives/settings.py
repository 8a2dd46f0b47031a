"""How negatives are mined."""

from __future__ import annotations

from dataclasses import dataclass

from lsr.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class MiningSettings:
    """Settings that decide which of a query's candidates become its negatives.

    Attributes:
        depth: how many of each searcher's best are candidates. ANCE (arXiv:2007.00808) takes 200.
        negatives: how many are chosen for an example, or fewer if there are not enough.
        skip_top: leave out this many of each searcher's best candidates, among which unjudged answers are most likely.
        sampling: "random" chooses among the candidates with equal chances, "top" takes the best.
        seed: for the random choice, which depends only on it, the example's number and its candidates.
        replace: drop the negatives that the examples have; otherwise new ones are added to them.

    Raises InputError for a number out of range.
    """

    depth: int = 200
    negatives: int = 20
    skip_top: int = 0
    sampling: str = "random"
    seed: int = 0
    replace: bool = False

    def __post_init__(self) -> None:
        if self.depth < 1 or self.negatives < 1:
            raise InputError(f"depth and negatives must be at least 1, not {self.depth} and {self.negatives}")
        if not 0 <= self.skip_top < self.depth:
            raise InputError(f"skip_top must lie in 0 … depth - 1 = {self.depth - 1}, not {self.skip_top}")
        if self.sampling not in ("random", "top"):
            raise InputError(f'sampling must be "random" or "top", not {self.sampling!r}')
        if self.seed < 0:
            raise InputError(f"seed must be at least 0, not {self.seed}")
