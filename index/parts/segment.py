"""A segment: the immutable files of an index, memory-mapped."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lsr.core.errors import IndexFormatError, InputError, LsrError
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.files import file_problems
from lsr.index.format.records import SegmentRecord
from lsr.index.kernels.scoring import ForwardArguments
from lsr.index.parts.forward import Forward
from lsr.index.parts.order import Order
from lsr.index.parts.rare_terms.turns import RareTerms
from lsr.index.parts.registry import PARTS, owners, written_parts

# Read-only, as arrays of files are, so that kernels are compiled for one type.
_NO_OFFSETS, _NO_TURNS = np.zeros(2, np.int64), np.empty(0, np.uint16)
_NO_OFFSETS.flags.writeable = _NO_TURNS.flags.writeable = False


class Segment:
    """Parts (`lsr.index.parts.registry`) over rows 0 … n - 1, memory-mapped. May be shared by threads.

    A document's row is its number, by id or, if it was not built so, in the order in which documents were added; its
    position is its place in the index, where similar documents are side by side. `forward` is ordered by position.

    Attributes:
        folder: where its files are.
        record: what the manifest says of it.
        forward: the documents' terms and weights, by column where terms share columns.
        rare_terms: which terms shared columns stand for; None where each term has its own.
        document_rows: uint32 [documents]: the row at each position.
        row_positions: uint32 [documents]: the position of each row.
        idle: working memory of searches of this segment, for reuse (`lsr.index.engines.scratch`).
        together: the segments that were last searched together with this one, the first of them
            (`lsr.index.engines.together`); None if it was searched alone.
    """

    def __init__(self, folder: Path, record: SegmentRecord, parts: dict[str, Any]) -> None:
        """Use `open` instead; `parts`: the open parts, by name."""
        self.folder = folder
        self.record = record
        self.forward: Forward = parts["forward"]
        order: Order = parts["order"]
        self.document_rows, self.row_positions = order.rows, order.positions
        self.rare_terms: RareTerms | None = parts.get("rare_terms")
        self.idle: deque[Any] = deque()
        self.together: Any = None
        self._parts = parts
        self._opening = threading.Lock()

    @cached_property
    def forward_arrays(self) -> ForwardArguments:
        """The arrays of the forward index that kernels take."""
        return ForwardArguments(
            forward_indptr=self.forward.indptr,
            forward_terms=self.forward.indices,
            forward_weights=self.forward.weights,
            forward_deficits=self.forward.deficits,
            forward_rare_indptr=_NO_OFFSETS if self.rare_terms is None else self.rare_terms.indptr,
            forward_rare_turns=_NO_TURNS if self.rare_terms is None else self.rare_terms.turns,
        )

    @property
    def members(self) -> tuple[Segment]:
        """Itself: what working memory has to be large enough for."""
        return (self,)

    @classmethod
    def open(cls, folder: Path, record: SegmentRecord) -> Segment:
        """Open a segment: map the files of the parts that were written with it.

        IndexFormatError names a file that is missing, shortened, of another shape, or of a part that this lsr does not
        know: what the part says, such as which documents are deleted, would be overlooked.
        """
        for problem in unknown_files(folder, record):
            raise IndexFormatError(problem, remedies=["use the version that wrote it", BUILD_AGAIN])
        for problem in file_problems(folder, record.files):
            raise IndexFormatError(problem, remedies=[BUILD_AGAIN, "restore it from a copy"])
        written = (part for part in written_parts() if part.is_in(record))
        return cls(folder, record, {part.name: part.open(folder, record) for part in written})

    def renewed(self, record: SegmentRecord) -> Segment:
        """The same segment as a later manifest describes it, whose added parts alone are others.

        What is open of it stays open, and is shared. What this one says stays as it is.
        """
        if record == self.record:
            return self
        made = copy(self)
        made.record = record
        others = {name for name, part in self.record.parts.items() if record.parts.get(name) != part}
        made._parts = {name: part for name, part in list(self._parts.items()) if name not in others}
        return made

    def open_all(self) -> None:
        """Open every added part now: the files of a segment that is merged are gone when they are first asked for.

        One that is damaged, or of a kind that needs what is not installed, says so when it is asked for.
        """
        for name in self.record.parts:
            with suppress(LsrError):
                self.part(name)

    @property
    def unopened(self) -> list[str]:
        """The added parts that are not open, such as those that `open_all` could not open."""
        return [name for name in self.record.parts if name not in self._parts]

    def __len__(self) -> int:
        """Number of rows."""
        return self.record.documents

    def has_part(self, name: str) -> bool:
        """Whether there is a part of this name, which this lsr knows."""
        return name in self._parts or (name in PARTS and PARTS[name].is_in(self.record))

    def part(self, name: str) -> Any:
        """The opened part; an added one is opened on first use.

        InputError if there is no such part, IndexFormatError for a damaged file.
        """
        try:
            return self._parts[name]
        except KeyError:
            return self._open_part(name)

    def warm_up(self) -> None:
        """Warm up every part that is open."""
        for name, opened in list(self._parts.items()):
            PARTS[name].warm_up(opened)

    def part_folder(self, name: str) -> Path:
        """Where the files of an added part are. IndexFormatError if one is missing, or not of the recorded size."""
        part = self.record.parts[name]
        for problem in file_problems(self.folder / part.folder, part.files):
            raise IndexFormatError(problem, remedies=[PARTS[name].mend(self.folder.parent, damaged=True)])
        return self.folder / part.folder

    def _open_part(self, name: str) -> Any:
        path = self.folder.parent
        if name not in PARTS and name in self.record.parts:
            raise IndexFormatError(
                f"the {name} part of the index at {path} is of a kind that this lsr does not know",
                remedies=["use the version that added it"],
            )
        if not self.has_part(name):
            remedies = [PARTS[name].mend(path)] if name in PARTS else []
            raise InputError(f"the index at {path} has no {name} part", remedies=remedies)
        folder = self.part_folder(name)
        with self._opening:
            if name not in self._parts:
                try:
                    self._parts[name] = PARTS[name].open(folder, self.record)
                except IndexFormatError as error:
                    # The rest of the index is whole.
                    remedies = [PARTS[name].mend(path, damaged=True)]
                    raise IndexFormatError(error.problem, remedies=remedies) from error
            return self._parts[name]


def unknown_files(folder: Path, record: SegmentRecord) -> list[str]:
    """Files in the segment's folder that belong to no part that this lsr knows."""
    known = owners()
    return [
        f"{folder / name}: of a part that this lsr does not know (lsr {record.library_version} wrote it)"
        for name in record.files
        if name not in known
    ]
