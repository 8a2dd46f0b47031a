"""Deleting in a segment that was just made what was deleted while it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.index.live.memory.state import MemoryState
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.tombstones import Tombstones
from lsr.index.parts.deleted import numbers_of_deleted
from lsr.text.windows import split_window_id

Tokens = npt.NDArray[np.uint32]


def bury_since(
    new: Tombstones, old: Tombstones, seen: SearchedSegment, tokens_of: Callable[[Sequence[Document]], Tokens]
) -> None:
    """Delete in a new segment what was deleted of an old one since it was `seen`, when the new one was begun.

    `tokens_of`: the tokens of the rows of a document.
    """
    now = old.state()
    if now is None or (seen.deleted and now.count == seen.deleted):
        return
    count = len(old.segment)
    then = np.zeros(0, np.int64) if seen.alive is None else numbers_of_deleted(seen.alive, count)
    rows = [seen.store.document(row) for row in np.setdiff1d(numbers_of_deleted(now.alive, count), then).tolist()]
    _bury_rows(new, [(row, tokens_of([row])) for row in rows], windows=seen.windows is not None)


def bury_of_memory(new: Tombstones, then: MemoryState, now: MemoryState, *, windows: bool) -> None:
    """Delete in a segment that was made of a memory `then` what was deleted of it until `now`."""
    dead = np.setdiff1d(then.live_rows(), now.live_rows(), assume_unique=True).tolist()
    _bury_rows(new, [(then.document(row), then.put(row).tokens) for row in dead], windows=windows)


def _bury_rows(new: Tombstones, dead: Sequence[tuple[Document, Tokens]], *, windows: bool) -> None:
    """Delete documents in a new segment: all rows of each, given with their tokens."""
    by_document: dict[str, list[Tokens]] = {}
    for row, tokens in dead:
        id = split_window_id(row.id)[0] if windows else row.id
        by_document.setdefault(id, []).append(tokens)
    for id, each in by_document.items():
        rows = new.find(id)
        assert rows is not None
        new.bury(rows, np.concatenate(each))
