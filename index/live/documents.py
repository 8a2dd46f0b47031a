"""The documents of a snapshot: ids, texts and windows."""

from __future__ import annotations

from collections.abc import Sequence

from lsr.core.arguments import kind_of
from lsr.core.counted import counted
from lsr.core.documents import Document
from lsr.core.errors import InputError, NotFoundError
from lsr.core.types import Rows
from lsr.index.live.fields import Fields
from lsr.index.live.rows import RowNumbers
from lsr.index.parts.ids import IdTable
from lsr.index.parts.segment import Segment
from lsr.index.parts.windows import WindowRows
from lsr.text.windows import Window, join_windows, split_window_id, window_id, window_passage


class Documents:
    """The stored documents, by row or by id; the length is their number.

    Rows are documents or, in an index of windows, windows of documents, with ids of their own (`DOCUMENT#NUMBER`).

    Attributes:
        windows: which document each row is a window of; None if rows are documents.
        fields: what filters, orders and counts go by.
    """

    def __init__(self, segments: Sequence[Segment], rows: RowNumbers) -> None:
        self._segments, self._rows = segments, rows
        self._ids: list[IdTable] = [segment.part("ids") for segment in segments]
        self.fields = Fields(segments, rows)
        first = segments[0]
        self.windows: WindowRows | None = first.part("windows") if first.has_part("windows") else None

    def __repr__(self) -> str:
        return f"Documents({counted(len(self), 'documents')})"

    def __len__(self) -> int:
        return len(self._rows) if self.windows is None else self.windows.documents

    # -- ids ---------------------------------------------------------------------------------------------------------

    def row(self, id: str) -> int:
        """The row of the document or window with this id; NotFoundError if there is none."""
        for ids, start in zip(self._ids, self._rows.starts, strict=False):
            row = ids.find(id)
            if row is not None:
                return start + row
        raise NotFoundError(f"no document with id {id!r}")

    def rows_of(self, id: str) -> range:
        """The row, or the rows of the windows, of the document with this id; NotFoundError if there is none."""
        if not isinstance(id, str):
            raise InputError(f"the id of a document is a string, not {kind_of(id)}")
        if self.windows is None:
            row = self.row(id)
            return range(row, row + 1)
        try:
            return self.windows.rows_beside(self.row(window_id(id, 0)))
        except NotFoundError:
            raise NotFoundError(f"no document with id {id!r}") from None

    def row_ids(self, rows: Rows) -> list[str]:
        """The ids of rows."""
        if len(self._ids) == 1:
            return self._ids[0].ids(rows)
        return [self._ids[segment].id(row) for segment, row in map(self._rows.place, rows.tolist())]

    def ids(self, rows: Rows) -> list[str]:
        """The ids of the rows' documents, also if rows are windows."""
        ids = self.row_ids(rows)
        return ids if self.windows is None else [split_window_id(id)[0] for id in ids]

    # -- texts -------------------------------------------------------------------------------------------------------

    def get(self, id: str) -> Document:
        """The document with this id, put together from its windows; NotFoundError if there is none.

        If only first windows are kept, the text ends with the first window.
        """
        rows = self.rows_of(id)
        segment, first = self._rows.place(rows.start)  # which holds all windows of a document
        stored = self._segments[segment].part("documents").documents(first, first + len(rows))
        return stored[0] if self.windows is None else join_windows(stored)

    def at(self, row: int) -> Document:
        """The document, or window, stored in a row; NotFoundError if there is no such row."""
        segment, row = self._rows.place(row)
        return self._segments[segment].part("documents").document(row)

    def passage(self, row: int) -> tuple[Document, Window | None]:
        """What a hit shows: a row's document with the text of the row's window, and that window's number (or None)."""
        found = self.at(row)
        if self.windows is None:
            return found, None
        first = self.windows.rows_beside(row).start
        return window_passage(found, found if first == row else self.at(first))
