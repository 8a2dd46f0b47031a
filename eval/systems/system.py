"""What an evaluation compares: whatever answers the queries of a test collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lsr.core.progress import Stages
from lsr.eval.collections import TestCollection
from lsr.eval.measures.latency import Latency
from lsr.eval.runs import Run
from lsr.eval.systems.settings import EvaluationSettings

if TYPE_CHECKING:
    from lsr.index import SearchStats


@dataclass(frozen=True, slots=True)
class Answered:
    """How one system answered.

    Attributes:
        label: its name in tables.
        run: its rankings, cut as the settings say.
        latency: "total", per query on one thread from text to ranking, and what that consists of, such as "encode" and
            "search"; None where nothing was searched.
        documents: number of documents that it searched, if it knows.
        variant: which system this is: its settings, or those of its model.
        search: which way its timed searches went, and their mean work, if it tells.
        index: size, active terms and FLOPS of its index, if it tells.
    """

    label: str
    run: Run
    latency: dict[str, Latency] | None = None
    documents: int | None = None
    variant: dict[str, Any] | None = field(default=None)
    search: SearchStats | None = None
    index: dict[str, Any] | None = None


System = Callable[[TestCollection, EvaluationSettings, Stages], Answered]
"""Searches a collection's judged queries, then times some of them alone; `stages` reports progress."""
