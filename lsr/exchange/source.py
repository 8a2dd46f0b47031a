"""What is exported of an index: a stream of documents, each with its terms and weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.schema import DATETIME, FieldType, date_text
from lsr.index import Index
from lsr.index.build.export import iter_rows

TermWeights = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""Term ids [n] and their weights [n], of a query or a document."""

VECTOR, DOCUMENT, WINDOW = "vector", "document", "window"
"""What engines call the vector of a row, the id of the document it belongs to, and the number of a window."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,199}")
_ROWS_AT_A_TIME = 512
_IDS_AT_A_TIME = 8192  # a multiple of 8


@dataclass(frozen=True, slots=True)
class Row:
    """A document, or a window of one.

    Attributes:
        id: its own: of a window, DOCUMENT#NUMBER.
        document: id, title, text and fields of the document; of a window, the text is the window's.
        window: the window's number; None where rows are documents.
        terms: uint32 [n], ascending; weights: float32 [n].
    """

    id: str
    document: Document
    window: int | None
    terms: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.float32]


class Source:
    """An index, as it is exported.

    Attributes:
        index: the snapshot.
        name: what the collection is called there: a small letter, then small letters, digits and "_".
        texts: whether titles, texts and fields go along.
    """

    def __init__(
        self,
        index: Index,
        *,
        name: str | None = None,
        texts: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """InputError for a name that an engine would not take."""
        self.index, self.texts, self._progress = index, texts, progress
        self.name = _name_of(index) if name is None else name
        if not _NAME.fullmatch(self.name):
            raise InputError(
                f'must begin with a small letter, with small letters, digits and "_" after it, not {name!r}',
                field="name",
            )

    @property
    def windows(self) -> bool:
        """Whether rows are windows of documents."""
        return self.index.documents.windows is not None

    @property
    def heaviest(self) -> float:
        """No weight is above this."""
        return max(float(np.float32(self.index.manifest.weight_scale) * np.float32(255)), 1e-6)

    @cached_property
    def fields(self) -> dict[str, FieldType]:
        """The types of the documents' fields, by name."""
        return dict(self.index.documents.fields.schema.fields) if self.texts else {}

    def rows(self) -> Iterator[Row]:
        """Every document, or window, that is not deleted; some hundred are in memory at a time."""
        passage = self.index.documents.passage
        for numbers, vectors in iter_rows(self.index, _ROWS_AT_A_TIME):
            for place, number in enumerate(numbers.tolist()):
                document, window = passage(number)
                if not self.texts:
                    document = Document(document.id, "")
                terms, weights = vectors.row(place)
                yield Row(vectors.ids[place], document, None if window is None else window.number, terms, weights)
            if self._progress is not None:
                self._progress(len(numbers))

    def ids(self) -> Iterator[str]:
        """The ids of all rows, for an engine to refuse one before anything is written."""
        for rows in self._numbers():
            yield from self.index.documents.row_ids(rows)

    def passages(self) -> Iterator[Document]:
        """The documents of all rows, of windows with the window's text, to be looked at for the same reason."""
        for rows in self._numbers():
            for number in rows.tolist():
                yield self.index.documents.passage(number)[0]

    def _numbers(self) -> Iterator[npt.NDArray[np.int64]]:
        """The numbers of the rows that are not deleted."""
        alive = self.index.documents.alive
        for first in range(0, len(self.index), _IDS_AT_A_TIME):
            rows = np.arange(first, min(first + _IDS_AT_A_TIME, len(self.index)))
            if alive is not None:
                rows = rows[np.unpackbits(alive[first // 8 :], count=len(rows), bitorder="little").astype(bool)]
            yield rows

    def batches(self, size: int) -> Iterator[list[Row]]:
        """The same, so many at a time."""
        pending: list[Row] = []
        for row in self.rows():
            pending.append(row)
            if len(pending) == size:
                yield pending
                pending = []
        if pending:
            yield pending

    def values(self, document: Document) -> dict[str, Any]:
        """The fields of a document, with dates in the one form of ISO 8601 that every engine reads."""
        values = dict(document.fields)
        for name, kind in self.fields.items():
            if kind.kind == DATETIME and values.get(name) is not None:
                stored = kind.stored(values[name])
                values[name] = list(map(date_text, stored)) if kind.many else date_text(stored)
        return values

    @property
    def notes(self) -> tuple[str, ...]:
        """What holds for every engine."""
        found = []
        if self.windows:
            found.append(f"rows are windows: group hits by the field {DOCUMENT!r}")
        if "words" in self.index.parts:
            found.append("words are numbered as in this state of the index: ask by queries that this state encodes")
        return tuple(found)


def decimals(weights: npt.NDArray[Any]) -> list[float]:
    """The weights as numbers of as few digits as read back as the same float32."""
    return [float(text) for text in weights.astype(np.float32).astype(str).tolist()]


def pairs(terms: npt.NDArray[Any], weights: npt.NDArray[Any]) -> dict[str, float]:
    """Weights by term id, which engines with named terms take as a name."""
    return dict(zip(map(str, terms.tolist()), decimals(weights), strict=True))


def is_server(place: str) -> bool:
    """Whether a place is a server's."""
    return place.startswith(("http://", "https://"))


def _name_of(index: Index) -> str:
    """The name of the index's folder, in letters that every engine takes."""
    cleaned = re.sub(r"[^a-z0-9_]+", "_", index.path.resolve().name.lower()).strip("_")[:190]
    return cleaned if _NAME.fullmatch(cleaned) else f"index_{cleaned}".rstrip("_")
