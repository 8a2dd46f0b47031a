"""The documents of a segment that cannot be searched any more, as far as they can still be read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError
from lsr.index.collection.repair.segments import SegmentPlan, cook, remains_of
from lsr.index.format.arrays import open_array
from lsr.index.format.output import new_segment
from lsr.index.parts.deleted import NAME as DELETED
from lsr.index.parts.deleted import ROWS_NAME, numbers_of_deleted
from lsr.index.parts.documents import FILE_NAME, PLACES_NAME, DocumentStore
from lsr.index.parts.ids import FILES, IdTable
from lsr.index.parts.recipes import Remains
from lsr.index.parts.windows import WINDOWS_NAME
from lsr.text.windows import join_windows, split_window_id

_NEEDED = {*FILES[:4], PLACES_NAME, WINDOWS_NAME}


class Salvaged(NamedTuple):
    """A document of a damaged segment, or a row of which nothing is known.

    Attributes:
        id: None if it could not be read.
        document: None if its texts could not.
    """

    id: str | None
    document: Document | None


@contextmanager
def salvaged(path: Path, plan: SegmentPlan) -> Iterator[tuple[Iterator[Salvaged], str]]:
    """Give (the documents of a lost segment of the index at `path`, why they may not be as they were, or "")."""
    folder = new_segment(path)
    try:
        remains = remains_of(path, plan, folder)
        damaged = set(plan.damaged)
        for recipe in plan.recipes:
            if set(recipe.makes) <= _NEEDED and cook(recipe, remains):
                damaged -= set(recipe.makes)
        yield _documents(path, plan, remains, damaged), _doubt(plan, damaged)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _doubt(plan: SegmentPlan, damaged: set[str]) -> str:
    if FILE_NAME in damaged:
        return f"{FILE_NAME}, which holds the texts, is damaged: each may have wrong characters"
    if f"{DELETED}/{ROWS_NAME}" in damaged:
        count = plan.record.parts[DELETED].record.get("rows")
        return f"which of them were deleted is not known any more: {count} rows of {plan.record.documents:,} were"
    if PLACES_NAME in damaged:
        return "which of them were deleted is not known any more"
    return ""


def _documents(path: Path, plan: SegmentPlan, remains: Remains, damaged: set[str]) -> Iterator[Salvaged]:
    """The documents of rows that were not deleted, as far as that is known."""
    ids = None if damaged & set(FILES[:4]) else IdTable(remains.folder, plan.record.documents)
    rows = _alive(plan, remains, damaged)
    store = _store(path, plan, remains, damaged)
    found = (_row(row, ids, store) for row in rows.tolist())
    if plan.record.windows is None:
        yield from found
        return
    for id, group in groupby(found, lambda each: None if each.id is None else _document_of(each.id)):
        windows = [each.document for each in group]
        if id is None:
            yield from (Salvaged(None, None) for _ in windows)
        else:
            yield Salvaged(id, _joined(windows))


def _alive(plan: SegmentPlan, remains: Remains, damaged: set[str]) -> npt.NDArray[np.int64]:
    count = plan.record.documents
    rows = np.arange(count)
    if DELETED not in plan.record.parts or damaged & {f"{DELETED}/{ROWS_NAME}", PLACES_NAME}:
        return rows
    bits = open_array(remains.path(f"{DELETED}/{ROWS_NAME}"), np.uint8, (count + 7) // 8)
    return np.setdiff1d(rows, numbers_of_deleted(bits, count), assume_unique=True)


def _store(path: Path, plan: SegmentPlan, remains: Remains, damaged: set[str]) -> DocumentStore | None:
    """The stored documents, also of a damaged file, as far as that can be opened."""
    try:
        if FILE_NAME not in damaged and PLACES_NAME not in damaged:
            return remains.store()
        # By their places in the file, where those of rows are not known: rows are then told by their ids alone.
        places = None
        if PLACES_NAME in plan.record.files and PLACES_NAME not in damaged:
            places = open_array(remains.path(PLACES_NAME), np.uint32, plan.record.documents)
        return DocumentStore(path / plan.record.name / FILE_NAME, places)
    except IndexFormatError:
        return None


def _row(row: int, ids: IdTable | None, store: DocumentStore | None) -> Salvaged:
    try:
        id = None if ids is None else ids.id(row)
    except IndexFormatError:
        id = None
    try:
        document = None if store is None else store.document(row)
    except IndexFormatError:
        document = None
    if id is None and document is not None:
        return Salvaged(document.id, document)
    if document is not None and document.id != id:
        document = None
    return Salvaged(id, document)


def _document_of(row: str) -> str | None:
    try:
        return split_window_id(row)[0]
    except InputError:
        return None


def _joined(windows: Sequence[Document | None]) -> Document | None:
    """The document of these windows, all of which have to be there."""
    rows = [each for each in windows if each is not None]
    try:
        if len(rows) < len(windows) or [split_window_id(each.id)[1] for each in rows] != list(range(len(rows))):
            return None
        return join_windows(rows)
    except (InputError, KeyError, TypeError, AttributeError):
        return None
