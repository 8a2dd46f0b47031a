"""The documents of a snapshot: ids, texts and windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import kind_of
from lsr.core.counted import counted
from lsr.core.documents import Document
from lsr.core.errors import InputError, NotFoundError
from lsr.core.types import Rows
from lsr.index.live.fields import Fields
from lsr.index.live.rows import RowNumbers
from lsr.index.live.searched_memory import Searched
from lsr.index.live.windows import windows_of
from lsr.text.windows import Window, join_windows, split_window_id, window_id, window_passage


class Documents:
    """The stored documents, by row or by id; the length is their number.

    Rows are documents or, in an index of windows, windows of documents, with ids of their own (`DOCUMENT#NUMBER`).

    Attributes:
        windows: which document each row is a window of; None if rows are documents.
        rows: how many rows are not deleted.
    """

    def __init__(self, segments: Sequence[Searched], rows: RowNumbers) -> None:
        self._segments, self._rows = segments, rows
        self.windows = windows_of([segment.windows for segment in segments], rows)
        self.rows = len(rows) - sum(segment.deleted for segment in segments)

    def __repr__(self) -> str:
        return f"Documents({counted(len(self), 'documents')})"

    def __len__(self) -> int:
        return self.rows if self.windows is None else sum(map(_alive_documents, self._segments))

    def __contains__(self, id: object) -> bool:
        """Whether there is a document of this id."""
        try:
            self.rows_of(id)  # type: ignore[arg-type]
        except (NotFoundError, InputError):
            return False
        return True

    @cached_property
    def fields(self) -> Fields:
        """What filters, orders and counts go by."""
        return Fields(self._segments, self._rows)

    # -- ids ---------------------------------------------------------------------------------------------------------

    def row(self, id: str) -> int:
        """The row of the document or window with this id; NotFoundError if there is none."""
        found = self._find(_checked(id))
        if found is None:
            raise NotFoundError(f"no document with id {id!r}")
        return found

    def _find(self, id: str) -> int | None:
        for segment, start in zip(self._segments, self._rows.starts, strict=False):
            row = segment.ids.find(id)
            if row is not None and not segment.is_deleted(row):
                return start + row
        return None

    def rows_of(self, id: str) -> range:
        """The row, or the rows of the windows, of the document with this id; NotFoundError if there is none."""
        _checked(id)
        # A segment whose documents were not cut knows them by their own ids.
        for segment, start in zip(self._segments, self._rows.starts, strict=False):
            row = segment.ids.find(id if segment.windows is None else window_id(id, 0))
            if row is not None and not segment.is_deleted(row):
                own = range(row, row + 1) if segment.windows is None else segment.windows.rows_beside(row)
                return range(own.start + start, own.stop + start)
        raise NotFoundError(f"no document with id {id!r}")

    def row_ids(self, rows: Rows) -> list[str]:
        """The ids of rows. InputError for what is no list of rows, NotFoundError for one that there is not."""
        rows = self._rows.checked(rows)
        if len(self._segments) == 1:
            return self._segments[0].ids.ids(rows)
        return [self._segments[segment].ids.id(row) for segment, row in map(self._rows.place, rows.tolist())]

    def row_order(self, rows: Rows) -> list[Any]:
        """What ties between rows are decided by, ascending: ids of documents, and numbers of windows."""
        ids = self.row_ids(rows)
        return ids if self.windows is None else [self._parts_of(id, row) for id, row in zip(ids, rows, strict=True)]

    def _parts_of(self, id: str, row: int) -> tuple[str, int]:
        """The document's id and the number of the window of a row with this id."""
        segment, _ = self._rows.place(int(row))
        return (id, 0) if self._segments[segment].windows is None else split_window_id(id)

    def ids(self, rows: Rows) -> list[str]:
        """The ids of the rows' documents, also if rows are windows."""
        rows = self._rows.checked(rows)
        ids = self.row_ids(rows)
        if self.windows is None:
            return ids
        if len(self._segments) == 1:
            return [split_window_id(id)[0] for id in ids]
        return [self._parts_of(id, row)[0] for id, row in zip(ids, rows, strict=True)]

    @cached_property
    def alive(self) -> npt.NDArray[np.uint8] | None:
        """Bitmap of the rows that are not deleted, packed as `allow` of a search; None if none is deleted."""
        if self.rows == len(self._rows):
            return None
        return np.packbits(np.concatenate([_alive(segment) for segment in self._segments]), bitorder="little")

    def as_added(self) -> Rows:
        """The rows of all documents in the order in which these were added: int64 [rows]."""
        parts = []
        for segment, start in zip(self._segments, self._rows.starts, strict=False):
            places = segment.part("documents").places
            parts.append(start + (np.arange(len(segment)) if places is None else np.argsort(places)))
        return np.concatenate(parts)

    # -- texts -------------------------------------------------------------------------------------------------------

    def get(self, id: str) -> Document:
        """The document with this id, put together from its windows; NotFoundError if there is none.

        If only first windows are kept, the text ends with the first window.
        """
        rows = self.rows_of(id)
        segment, first = self._rows.place(rows.start)  # which holds all windows of a document
        holder = self._segments[segment]
        stored = holder.store.documents(first, first + len(rows))
        return stored[0] if holder.windows is None else join_windows(stored)

    def scan(self) -> Iterator[Document]:
        """All documents, segment by segment, in the order of the rows."""
        for segment in self._segments:
            rows = np.flatnonzero(_alive(segment))
            if segment.windows is None:
                yield from map(segment.store.document, rows.tolist())
                continue
            last = -1
            for row in rows.tolist():
                if row > last:
                    windows = segment.windows.rows_beside(row)
                    last = windows[-1]
                    yield join_windows(segment.store.documents(windows.start, windows.stop))

    def at(self, row: int) -> Document:
        """The document, or window, stored in a row; NotFoundError if there is no such row."""
        segment, row = self._rows.place(row)
        return self._segments[segment].store.document(row)

    def passage(self, row: int) -> tuple[Document, Window | None]:
        """What a hit shows: a row's document with the text of the row's window, and that window's number (or None)."""
        found = self.at(row)
        if self.windows is None or self._segments[self._rows.place(row)[0]].windows is None:
            return found, None
        beside = self.windows.rows_beside(row)
        return window_passage(found, found if beside.start == row else self.at(beside.start), len(beside))


def _checked(id: Any) -> str:
    """The id of a document. InputError for what is no string."""
    if not isinstance(id, str):
        raise InputError(f"the id of a document is a string, not {kind_of(id)}")
    return id


def _alive_documents(segment: Searched) -> int:
    """How many documents of a segment are not deleted: all windows of a document are, or none."""
    if segment.windows is None:
        return len(segment) - segment.deleted
    if segment.alive is None:
        return segment.windows.documents
    rows = np.flatnonzero(_alive(segment))
    return len(np.unique(segment.windows.documents_of(rows)))


def _alive(segment: Searched) -> npt.NDArray[np.bool_]:
    """Which rows of a segment are not deleted."""
    if segment.alive is None:
        return np.ones(len(segment), np.bool_)
    return np.unpackbits(segment.alive, count=len(segment), bitorder="little").astype(np.bool_)
