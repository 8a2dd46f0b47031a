"""One of each kind that a search goes by, added from outside: an entry in its registry is all that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.index.engines.engine import Engine
from lsr.index.engines.hits import Found, SearchStats
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.engines.scratch import Scratch
from lsr.index.filters.allowed import AllowedRows
from lsr.index.format.arrays import ArrayWriter, open_array, write_array
from lsr.index.format.output import seal
from lsr.index.format.records import PartRecord, SegmentRecord
from lsr.index.fusion.feedback import FeedbackMethod
from lsr.index.fusion.methods import FusionMethod, Normaliser
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import AddedPart, CarriedRows, OpenSegment, WrittenPart, copy_part
from lsr.index.parts.segment import Segment


@dataclass(frozen=True, slots=True)
class ToyParameters:
    """How much the toy leaves out.

    Attributes:
        share: In (0, 1]. Share of the rows, the first ones, that are
            scored.
    """

    share: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(f"share must lie in (0, 1], not {self.share}")


class Toy(Engine[ToyParameters]):
    """Scores the first rows, one after another."""

    name = "toy"
    title = "scores the first rows"
    Parameters = ToyParameters

    def is_exact(self, parameters: ToyParameters) -> bool:
        """Whether it looks at all rows."""
        return parameters.share == 1

    def search(
        self,
        segment: Segment,
        queries: PreparedQueries,
        k: int,
        allowed: AllowedRows,
        scratch: Scratch,
        parameters: ToyParameters,
    ) -> list[Found]:
        """See `Engine.search`."""
        found = []
        rows = allowed.numbers()
        rows = rows[rows < parameters.share * allowed.rows]
        for query in queries:
            weights = np.zeros(segment.record.dim)
            weights[query.terms] = query.weights
            sums = np.zeros(len(rows))
            for i, row in enumerate(rows):
                position = segment.row_positions[row]
                pairs = slice(segment.forward.indptr[position], segment.forward.indptr[position + 1])
                for term, weight in zip(segment.forward.indices[pairs], segment.forward.weights[pairs], strict=True):
                    sums[i] += weights[term] * float(weight)
            scores = sums.astype(np.float32)
            best = np.argsort(-scores, kind="stable")[:k]
            best = best[scores[best] > 0]
            found.append((rows[best], scores[best], SearchStats("toy", documents_scored=len(rows))))
        return found


def _half(scores: np.ndarray, least: float | None) -> Normaliser:
    return Normaliser(0.0, 0.5)


HALF = FusionMethod("halves scores", 0.25, _half)


def _first_alone(scores: np.ndarray) -> np.ndarray:
    return np.eye(len(scores))[0]


def _length(weights: np.ndarray) -> float:
    return float(np.linalg.norm(weights))


FIRST = FeedbackMethod("adds the first document's vector", _first_alone, _length)


@dataclass(frozen=True, slots=True)
class LengthsSettings:
    """`most`: longer texts count as so long."""

    most: int = 100


class LengthWriter:
    """Writes the length of each document's text."""

    def __init__(self, path: Path, most: int) -> None:
        self._writer, self._most = ArrayWriter(path, np.uint32), most

    def check(self, documents: Sequence[Document]) -> None:
        if any(document.text == "refused" for document in documents):
            raise InputError("a text is not wanted")

    def append(self, documents: Sequence[Document]) -> None:
        self._writer.append(np.array([min(len(document.text), self._most) for document in documents]))

    def finish(self) -> None:
        self.close()

    def close(self) -> None:
        self._writer.close()


class Lengths(WrittenPart):
    """The length of each document's text, and how many terms its vector has."""

    name = "lengths"
    title = "how long the documents are"
    files = ("lengths_texts.npy", "lengths_vectors.npy")
    Settings = LengthsSettings
    passes = 1
    warmed: list[str]

    def __init__(self) -> None:
        self.warmed = []

    def open(self, folder: Path, record: SegmentRecord) -> tuple[np.ndarray, np.ndarray]:
        return tuple(open_array(folder / name, np.uint32, record.documents) for name in self.files)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        if segment.part(self.name)[1].sum() != segment.record.postings:
            yield "lengths_vectors.npy: not the lengths of the vectors"

    def warm_up(self, opened: tuple[np.ndarray, np.ndarray]) -> None:
        self.warmed.append(self.name)

    def begin(self, draft: SegmentDraft) -> LengthWriter:
        settings = LengthsSettings(**draft.settings.parts[self.name])
        return LengthWriter(draft.folder / self.files[0], settings.most)

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        by_position = np.diff(draft.forward.indptr)
        rows = np.load(draft.folder / "order_rows.npy")  # of a part that comes before
        lengths = np.empty(draft.documents, np.uint32)
        lengths[rows] = by_position
        write_array(draft.folder / self.files[1], lengths)
        report(draft.documents)


class Colours(AddedPart):
    """A number for each document, given by hand."""

    name = "colours"
    title = "what colour each document has"

    def open(self, folder: Path, record: SegmentRecord) -> np.ndarray:
        return open_array(folder / "colours.npy", np.uint8, record.documents)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        if (segment.part(self.name) > 9).any():
            yield "colours.npy: there are ten colours"

    def carry(self, sources: Sequence[CarriedRows], folder: Path) -> PartRecord:
        if len(sources) == 1 and sources[0].rows is None:
            return copy_part(sources[0], folder)
        write_array(folder / "colours.npy", np.concatenate([each.opened[each.numbers(0)] for each in sources]))
        return PartRecord(folder.name, {}, seal(folder))
