"""The interface of an engine to be measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lsr.vectors.sparse import SparseVectors


class Effort(StrEnum):
    """How many configurations of each engine are tried."""

    quick = "quick"
    full = "full"


class LeftOut(Exception):
    """An engine, or one of its indexes, that cannot be measured here; the message says why."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One way to search an index.

    Attributes:
        mode: "approximate", "exact", "exhaustive", … as the table shows it.
        parameters: of the search, by the engine's names for them.
    """

    mode: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """An index on disk.

    Attributes:
        folder: holds its files and whatever else the engine needs to open it.
        bytes: what the saved index takes on disk.
        seconds: from the engine's input to the finished index.
        facts: what else the engine needs to know to open the index.
    """

    folder: Path
    bytes: int
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queries:
    """The queries of a benchmark.

    Attributes:
        vectors: n queries of the documents' vocabulary.
        parts: row numbers of the parts that are measured separately; together they are all rows.
        top_scores: float32 [n], each query's best score over all documents, 0 if it matches none.
    """

    vectors: SparseVectors
    parts: Sequence[npt.NDArray[np.int64]]
    top_scores: npt.NDArray[np.float32]


class OpenIndex(Protocol):
    """An index in memory, with the queries in the engine's own form, so that a timed call only searches."""

    def configurations(self, k: int, effort: Effort) -> list[Configuration]:
        """The searches worth trying for `k` hits."""

    def searcher(self, k: int, configuration: Configuration) -> Callable[[int], Any]:
        """A function from a query's row number to the engine's answer: one query per call, on one thread."""

    def rows(self, answer: Any) -> list[int]:
        """The row numbers of the documents in an answer, best first."""

    def batch(self, k: int, configuration: Configuration, part: int, threads: int) -> Callable[[], object] | None:
        """A call that searches one part of the queries on `threads` threads; None if the engine has no such call."""


class Engine(Protocol):
    """A search engine.

    Attributes:
        name: as the settings take it and the table shows it.
        version: of its package.
        mean_from_batch: whether its mean latency may be that of its batch call on one thread, divided by the number of
            queries, if that is less than the mean of single calls, which make Python objects.
        build_input: what its build time counts from.
        reusable: whether an index that this version built before may be used again: not where code changes without it.
    """

    name: str
    version: str
    mean_from_batch: bool
    build_input: str
    reusable: bool

    def builds(self, effort: Effort) -> list[dict[str, Any]]:
        """The settings of the indexes worth building."""

    def build(self, documents: Path, dim: int, folder: Path, settings: Mapping[str, Any], threads: int) -> BuiltIndex:
        """Build an index of the Parquet file's vectors in the empty `folder`. Raises LeftOut if it cannot."""

    def open(self, built: BuiltIndex, queries: Queries) -> OpenIndex:
        """Load the index."""
