"""The parts of a snapshot, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import text_of
from lsr.core.errors import InputError
from lsr.core.remedies import COMPACT
from lsr.index.live.counts import SnapshotCounts
from lsr.index.live.dense import SnapshotDense
from lsr.index.live.documents import Documents
from lsr.index.live.elsewhere import Elsewhere
from lsr.index.live.late import SnapshotLate
from lsr.index.live.rows import RowNumbers
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.searched_memory import Searched
from lsr.index.live.terms import SnapshotWords, TermNumbers
from lsr.index.parts.registry import PARTS


class Parts:
    """The parts beside the documents (`lsr.index.parts.registry`), such as dense vectors: `parts["dense"]`.

    Iterating gives the names. A part that was added to the index is opened when it is first asked for. Of several
    segments, those that searches need are put together: "dense", "late", "terms", "words" and "vocabulary".
    """

    def __init__(
        self,
        segments: Sequence[Searched],
        rows: RowNumbers,
        terms: TermNumbers,
        documents: Documents,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._segments, self._rows, self._terms, self._documents = segments, rows, terms, documents

    def __repr__(self) -> str:
        return f"Parts({', '.join(self)})"

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if name == "words":
            return self._terms.dim > self._terms.model
        return bool(self._segments) and all(segment.has_part(name) for segment in self._segments)

    def __iter__(self) -> Iterator[str]:
        return (name for name in PARTS if name in self)

    def get(self, name: str) -> Any:
        """The part as `[name]` opens it; None if there is none."""
        if name not in self:
            return None
        return self[name]

    def __getitem__(self, name: str) -> Any:
        """Open a part. InputError if there is none of this name, IndexFormatError if a file of it is damaged."""
        text_of(name, "the name of a part")
        if self._is_put_together and name in ("terms", "words") and name in self:
            return self._counts if name == "terms" else self._words
        if len(self._segments) == 1:
            if name == "dense" and self._is_put_together and name in self:
                return self._dense
            return self._segments[0].part(name)
        together = {"dense": "_dense", "late": "_late", "words": "_words"}
        if name in together and name in self:
            return getattr(self, together[name])
        if name == "vocabulary" and self._segments:
            return self._segments[0].part(name)
        if name in PARTS and name not in together:
            raise InputError(f"there is no one {name} part of {len(self._segments)} segments", remedies=[COMPACT])
        if any(segment.has_part(name) for segment in self._segments):
            problem = f"documents that were written since the {name} part was added have none of it"
            raise InputError(problem, remedies=[f"put it into one segment, and add the {name} part again"])
        lacking = next((segment for segment in self._segments if not segment.has_part(name)), None)
        if lacking is None:
            raise InputError(f"there is no {name} part")
        return lacking.part(name)  # raises the error that says how one is made

    @property
    def _is_put_together(self) -> bool:
        only = self._segments[0] if len(self._segments) == 1 else None
        return not isinstance(only, SearchedSegment) or only.alive is not None or self._elsewhere is not None

    @cached_property
    def _counts(self) -> SnapshotCounts:
        return SnapshotCounts(self._segments, self._terms)

    @cached_property
    def _words(self) -> SnapshotWords:
        return SnapshotWords(self._terms)

    @cached_property
    def _dense(self) -> SnapshotDense:
        parts = [segment.part("dense") for segment in self._segments]
        alive: list[npt.NDArray[np.uint8] | None] = [segment.alive for segment in self._segments]
        return SnapshotDense(parts, self._rows, alive, self._documents.row_order, self._elsewhere)

    @cached_property
    def _late(self) -> SnapshotLate:
        return SnapshotLate([segment.part("late") for segment in self._segments], self._rows)
