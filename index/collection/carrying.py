"""Parts that were added to segments, such as token vectors, in a segment that is made of them."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from lsr.core.errors import InputError
from lsr.index.collection.rows import in_order
from lsr.index.format.records import PartRecord
from lsr.index.live.searched import SearchedSegment
from lsr.index.parts.deleted import NAME as DELETED
from lsr.index.parts.dense.record import NAME as DENSE
from lsr.index.parts.fields.part import NAME as FIELDS
from lsr.index.parts.part import CarriedRows
from lsr.index.parts.registry import added_parts

# These are written with every segment of a collection that has them.
_WRITTEN_ANEW = {DELETED, DENSE, FIELDS}


def carried_parts(names: Iterable[str]) -> frozenset[str]:
    """Which of the parts of a segment nobody makes for new documents: they are kept, or lost."""
    return frozenset(set(names) & added_parts().keys() - _WRITTEN_ANEW)


def carry_parts(segments: Sequence[SearchedSegment], folder: Path) -> dict[str, PartRecord]:
    """Write into the folder of a new segment the parts that all of `segments` have, of their rows that live.

    One that is made differently in each, by another model say, cannot be, and is left out.
    """
    names = frozenset.intersection(*(carried_parts(each.segment.record.parts) for each in segments))
    found = {}
    for name in sorted(names):
        target = folder / f"{name}-{secrets.token_hex(4)}"
        target.mkdir()
        try:
            found[name] = added_parts()[name].carry(list(_runs(segments, name)), target)
        except InputError:
            shutil.rmtree(target)
    return found


def _runs(segments: Sequence[SearchedSegment], name: str) -> Iterator[CarriedRows]:
    """Rows that follow one another in the new segment and are of the same old one."""
    for number, run in groupby(in_order(segments), key=lambda place: place[1]):
        segment = segments[number].segment
        rows = np.array([row for _, _, row in run], np.int64)
        yield CarriedRows(segment.part(name), segment.part_folder(name), segment.record.parts[name], rows)
