"""What a search by the bounds of the blocks leaves out."""

from __future__ import annotations

from typing import NamedTuple

from lsr.index.engines.blocks.parameters import ApproximateParameters, usual_cut

# About three years: a longer budget is no limit.
_LONGEST_NS = 1e17


class Limits(NamedTuple):
    """What a search leaves out, by the name of its engine; nothing unless it is said.

    Attributes:
        mode: the engine.
        cut, heap_factor: see `ApproximateParameters`.
        max_blocks: the most to visit; None for any number, 0 for the usual one.
        budget: nanoseconds after which no block is visited, 0 for no such limit.
    """

    mode: str
    cut: float = 0.0
    heap_factor: float = 1.0
    max_blocks: int | None = None
    budget: int = 0


EXACT = Limits("exact")
"""Blocks are skipped only if their bound shows that they hold none of the best."""


def limits_of(parameters: ApproximateParameters, *, words: bool) -> Limits:
    """The limits of approximate search: the blocks with the best bounds, until they no longer promise enough.

    `words`: whether the index holds words.
    """
    limit = parameters.budget_us
    budget = 0 if limit is None else max(int(min(limit * 1000, _LONGEST_NS)), 1)
    cut = usual_cut(words=words) if parameters.cut is None else float(parameters.cut)
    return Limits("approximate", cut, float(parameters.heap_factor), parameters.max_blocks or 0, budget)
