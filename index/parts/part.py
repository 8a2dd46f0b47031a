"""What a part is: one thing that a segment is made of."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from lsr.core.errors import Remedy
from lsr.core.files import sync
from lsr.core.remedies import BUILD_AGAIN, build_with
from lsr.index.format.records import PartRecord, SegmentRecord
from lsr.index.format.settings import IndexSettings

if TYPE_CHECKING:
    from lsr.index.parts.draft import DocumentStream, SegmentDraft


class OpenSegment(Protocol):
    """An opened segment, as one of its parts sees it."""

    @property
    def folder(self) -> Path: ...

    @property
    def record(self) -> SegmentRecord: ...

    def part(self, name: str) -> Any: ...


class Part(ABC):
    """One thing that a segment is made of: a `WrittenPart` or an `AddedPart`.

    All parts of a segment are ordered by its rows, or by positions, which the part `order` maps to.

    Attributes:
        name: its name in `lsr.index.parts.registry`, in `Segment.part`, and in descriptions of an index.
        title: what it holds, in a line for people.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def is_in(self, record: SegmentRecord) -> bool:
        """Whether a segment has it."""

    @abstractmethod
    def open(self, folder: Path, record: SegmentRecord) -> Any:
        """Open what a search reads, mapped from its files in `folder`, whose sizes are as recorded.

        IndexFormatError names a file that does not hold what it should.
        """

    def problems(self, segment: OpenSegment) -> Iterable[str]:
        """Problems inside its files, whose checksums are as recorded; each begins with a file's name."""
        return ()

    def warm_up(self, opened: Any) -> None:
        """Load and compile what reading it needs. Engines warm up what else they run."""
        return

    @abstractmethod
    def mend(self, path: Path, *, damaged: bool = False) -> Remedy | str:
        """The remedy for an index at `path` that lacks the part or has it damaged."""


class WrittenPart(Part):
    """A part that is written with its segment, into the segment's folder, and opened with it.

    A segment in which one of these is damaged does not open.

    Attributes:
        files: names of all files that it can have.
        Settings: a dataclass, if only segments have it whose `IndexSettings` hold such settings under its name.
        holds_weights: whether it is made of the documents' weights: pruning these makes it smaller.
        rare: whether an index says nothing of it where it is not there.
        passes: how often writing it goes through all documents: its share of the time that a build takes.
    """

    files: ClassVar[tuple[str, ...]]
    Settings: ClassVar[type | None] = None
    holds_weights: ClassVar[bool] = False
    rare: ClassVar[bool] = False
    passes: ClassVar[int] = 0

    def is_in(self, record: SegmentRecord) -> bool:
        """Whether a segment has it: every one, unless it needs settings."""
        return self.Settings is None or self.name in record.settings.requested

    def mend(self, path: Path, *, damaged: bool = False) -> Remedy | str:
        """The remedy: build the index again, with the part."""
        if damaged or self.Settings is None:
            return BUILD_AGAIN
        made = f"{self.Settings.__name__}()"
        if self.name in IndexSettings.__dataclass_fields__:
            return build_with(self.name, f"{self.name}={made}")
        return Remedy("build-with-part", f"build it with the part {self.name}", f'parts={{"{self.name}": {made}}}')

    def wanted(self, draft: SegmentDraft) -> bool:
        """Whether a segment that is being built gets it: every one, unless it needs settings."""
        return self.Settings is None or self.name in draft.settings.requested

    def begin(self, draft: SegmentDraft) -> DocumentStream | None:
        """Start before the first document: return what takes the documents, if the part is made of them."""
        return None

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """Write what is made of other parts, after all documents came and the parts before it in the registry are done.

        `report` is called with the number of documents just gone through, for each of them `passes` times.
        """
        return


@dataclass(frozen=True, slots=True)
class CarriedRows:
    """What a new segment takes from an added part of an old one.

    Attributes:
        opened: the old part, as `Part.open` gave it.
        folder: of its files.
        record: what the old segment's manifest says of it.
        rows: int64 [n]: rows of the old segment, in the order of the new one; None for all rows as they are.
    """

    opened: Any
    folder: Path
    record: PartRecord
    rows: npt.NDArray[np.int64] | None = None

    def numbers(self, documents: int) -> npt.NDArray[np.int64]:
        """`rows`, or the numbers of all of so many."""
        return np.arange(documents) if self.rows is None else self.rows


class AddedPart(Part):
    """A part that is added to an existing segment (`lsr.index.parts.adding`), in a folder of its own.

    It is opened on first use; if it is damaged, searches that do not need it still work.
    """

    def is_in(self, record: SegmentRecord) -> bool:
        """Whether it was added to a segment."""
        return self.name in record.parts

    def mend(self, path: Path, *, damaged: bool = False) -> Remedy | str:
        """The remedy: add the part, or add it again."""
        return f"add the {self.name} part{' again' * damaged}"

    @abstractmethod
    def carry(self, sources: Sequence[CarriedRows], folder: Path) -> PartRecord:
        """Write the part of a new segment into an empty folder, from those of old ones; return its record.

        The rows of the new segment are those of the sources, one after the other. InputError if the sources are of
        different kinds.
        """


def copy_part(source: CarriedRows, folder: Path) -> PartRecord:
    """Copy the files of a part whose rows stay as they are, with their checksums, so that old damage still shows."""
    for name in source.record.files:
        shutil.copyfile(source.folder / name, folder / name)
        sync(folder / name)
    sync(folder)
    return replace(source.record, folder=folder.name)
