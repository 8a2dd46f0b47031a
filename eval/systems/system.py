"""The systems that an evaluation compares: anything that answers the queries of a test collection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """The answers of one system.

    Attributes:
        label: its name in tables.
        run: its rankings, cut as the settings say.
        latency: "total", per query on one thread from text to ranking, and its parts, such as "encode" and "search";
            None if nothing was searched.
        documents: number of documents that it searched, if known.
        variant: which system this is: its settings, or those of its model.
        search: how its timed searches were run, and their mean work, if known.
        index: size, active terms and FLOPS of its index, if known.
        notes: what a reader of its values must know.
    """

    label: str
    run: Run
    latency: dict[str, Latency] | None = None
    documents: int | None = None
    variant: dict[str, Any] | None = field(default=None)
    search: SearchStats | None = None
    index: dict[str, Any] | None = None
    notes: Sequence[str] = ()


System = Callable[[TestCollection, EvaluationSettings, Stages], Answered]
"""Searches a collection's judged queries, then times some of them one by one; `stages` reports progress."""
