"""What the segment in memory and the states of it share: tables that only grow."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from lsr.core.documents import Document
from lsr.core.schema import Schema
from lsr.index.kernels.scoring import Lookup
from lsr.index.live.memory.columns import Columns
from lsr.index.live.memory.counts import LiveCounts
from lsr.index.parts.dense.record import DenseRecord


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """What a collection has fixed.

    Attributes:
        dim: number of terms of the model; scale: the weight that a stored 1 stands for; bits: of a weight, 8, 16, 24.
        tokens: number of token ids of the tokenizer; 0 if they are not counted.
        dense: how vectors are stored; None if there are none.
        schema: the declared types of documents' fields; None if they are inferred.
    """

    dim: int
    scale: float
    bits: int = 8
    tokens: int = 0
    dense: DenseRecord | None = None
    schema: Schema | None = None


class MemoryTables:
    """Changed by the one who writes; readers look up only what was there at their moment.

    Attributes:
        version: even, but for the time of a change.
        columns: of terms and words; documents: by row; lengths: number of words, by row.
        latest: by id, the last row that it had; earlier: by row, the row that its id had before, or -1.
        term_counts: documents by column; token_counts: documents by token.
        idle, idle_wide: lookups for reuse, for short queries and for long ones.
    """

    def __init__(self, settings: MemorySettings) -> None:
        self.settings = settings
        self.version = 0
        self.columns = Columns(settings.dim)
        self.documents: list[Document] = []
        self.lengths: list[int] = []
        self.latest: dict[str, int] = {}
        self.earlier: list[int] = []
        self.term_counts, self.token_counts = LiveCounts(0), LiveCounts(settings.tokens)
        self.idle: deque[Lookup] = deque()
        self.idle_wide: deque[Lookup] = deque()
