"""From a filter to the bitmap of the rows that it allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lsr.core.schema import BOOLEAN, DATETIME, FLOAT, ID, INTEGER, KEYWORD, FieldType, Schema
from lsr.index.filters.check import ID_TYPE, operand, whole_bounds
from lsr.index.filters.tree import And, Condition, Eq, Exists, Filter, In, Not, Or, Prefix, Range, bounds

Bitmap = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_TYPES = {
    KEYWORD: pa.large_string(),
    INTEGER: pa.int64(),
    FLOAT: pa.float64(),
    DATETIME: pa.int64(),
    BOOLEAN: pa.bool_(),
}
_COMPARISONS = {"gt": pc.greater, "gte": pc.greater_equal, "lt": pc.less, "lte": pc.less_equal}


class FilteredRows(Protocol):
    """What a filter looks at in a segment."""

    @property
    def rows(self) -> int: ...

    def column(self, name: str) -> Sequence[pa.Array] | None:
        """The values of a field by row, in pieces, of its type here or of a narrower one; None if there are none."""
        ...

    def id_column(self) -> pa.Array:
        """The documents' ids, as large binary."""
        ...

    def of_documents(self, mask: Mask) -> Mask:
        """The rows of documents, which `id_column` is in the order of."""
        ...

    def rows_of_id(self, id: str) -> range:
        """The rows of the document with an id; none if there is none."""
        ...


class Cache(Protocol):
    """Keeps bitmaps by the text of their filters."""

    def get(self, text: str) -> Bitmap | None: ...

    def put(self, text: str, bitmap: Bitmap) -> None: ...


def allowed_bitmap(tree: Filter, schema: Schema, rows: FilteredRows, cache: Cache) -> Bitmap:
    """The rows that a filter allows: uint8 [⌈rows / 8⌉], least significant bit first; bits beyond the last are 0.

    `schema` is that of all segments, which the filter was checked with (`lsr.index.filters.check`).
    """
    text = str(tree)
    found = cache.get(text)
    if found is None:
        found = _bitmap(tree, schema, rows, cache)
        found.flags.writeable = False
        cache.put(text, found)
    return found


def _bitmap(tree: Filter, schema: Schema, rows: FilteredRows, cache: Cache) -> Bitmap:
    if isinstance(tree, Condition):
        kind = ID_TYPE if tree.field == ID else schema.fields[tree.field]
        mask = _of_ids(tree, rows) if tree.field == ID else _of_field(tree, kind, rows)
        return np.packbits(mask, bitorder="little")
    if isinstance(tree, Not):
        opposite = ~allowed_bitmap(tree.part, schema, rows, cache)
        if rows.rows % 8:
            opposite[-1] &= (1 << rows.rows % 8) - 1
        return opposite
    assert isinstance(tree, And | Or)
    combine = np.bitwise_and if isinstance(tree, And) else np.bitwise_or
    first, *others = tree.parts
    result = allowed_bitmap(first, schema, rows, cache).copy()
    for part in others:
        combine(result, allowed_bitmap(part, schema, rows, cache), out=result)
    return result


def _of_ids(condition: Condition, rows: FilteredRows) -> Mask:
    mask = np.zeros(rows.rows, np.bool_)
    if isinstance(condition, Eq | In):
        for id in condition.values:
            found = rows.rows_of_id(str(id))
            mask[found.start : found.stop] = True
        return mask
    if isinstance(condition, Exists):
        return ~mask
    test = _test(condition, ID_TYPE, pa.large_binary())
    return rows.of_documents(_mask(test(rows.id_column())))


def _of_field(condition: Condition, kind: FieldType, rows: FilteredRows) -> Mask:
    column = rows.column(condition.field)
    if column is None:
        return np.zeros(rows.rows, np.bool_)
    if isinstance(condition, Exists):
        return np.concatenate([_mask(piece.is_valid()) for piece in column])
    test = _test(condition, kind, _TYPES[kind.kind])
    return np.concatenate([_holds(piece, kind.kind, test) for piece in column])


def _holds(piece: pa.Array, kind: str, test: Callable[[pa.Array], pa.BooleanArray]) -> Mask:
    """Where a condition holds: for any of the values, if there are several."""
    if not pa.types.is_large_list(piece.type):
        return _mask(test(_comparable(piece, kind)))
    held = np.concatenate([[0], np.cumsum(_mask(test(_comparable(piece.values, kind))), dtype=np.int64)])
    offsets = piece.offsets.to_numpy()
    mask: Mask = held[offsets[1:]] > held[offsets[:-1]]
    return mask & _mask(piece.is_valid())


def _comparable(values: pa.Array, kind: str) -> pa.Array:
    """The values in the type that they are compared in: whole numbers as floats where some are none."""
    if kind == DATETIME:
        return values.view(pa.int64())
    return values.cast(pa.float64(), safe=False) if kind == FLOAT else values


def _test(condition: Condition, kind: FieldType, stored: pa.DataType) -> Callable[[pa.Array], pa.BooleanArray]:
    """What says of each value whether it fulfils the condition; null where there is none."""

    def scalar(value: Any) -> pa.Scalar:
        made = operand(kind.kind, value)
        made = int(made) if kind.kind == INTEGER else made
        return pa.scalar(str(made).encode() if stored == pa.large_binary() else made, stored)

    if isinstance(condition, Prefix):
        return lambda values: pc.starts_with(values, pattern=condition.prefix)
    if isinstance(condition, Eq | In):
        # What is no whole number of 64 bits is none of a field of whole numbers.
        wanted = [each for each in condition.values if kind.kind != INTEGER or _is_whole(each)]
        if not wanted:
            return lambda values: pa.array(np.zeros(len(values), np.bool_))
        if len(wanted) == 1:
            only = scalar(wanted[0])
            return lambda values: pc.equal(values, only)
        among = pa.array([scalar(each).as_py() for each in wanted], stored)
        if kind.kind == FLOAT:
            # Among hashes, 0.0 and -0.0 are two; a sum with 0.0 is never the second.
            return lambda values: pc.is_in(pc.add(values, 0.0), value_set=pc.add(among, 0.0))
        return lambda values: pc.is_in(values, value_set=among)
    assert isinstance(condition, Range)
    if kind.kind == INTEGER:
        least, most = whole_bounds(condition)
        if least > most:
            return lambda values: pa.array(np.zeros(len(values), np.bool_))
        limits = {"gte": pa.scalar(least), "lte": pa.scalar(most)}
    else:
        limits = {name: scalar(value) for name, value in bounds(condition).items()}

    def within(values: pa.Array) -> pa.BooleanArray:
        tests = [_COMPARISONS[name](values, limit) for name, limit in limits.items()]
        return tests[0] if len(tests) == 1 else pc.and_(*tests)

    return within


def _is_whole(value: Any) -> bool:
    return bool(-(2**63) <= value < 2**63 and value == int(value))


def _mask(answers: pa.BooleanArray) -> Mask:
    """Truth by place, false where there is no answer."""
    if answers.null_count:
        answers = answers.fill_null(False)
    mask: Mask = answers.to_numpy(zero_copy_only=False)
    return mask
