"""Documents in the order of their fields, from any place on, and one of each value of a field."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lsr.core.errors import InputError, NotFoundError
from lsr.core.options import shortened
from lsr.core.schema import BOOLEAN, DATETIME, FLOAT, ID, INTEGER, KEYWORD, date_text, instant
from lsr.core.types import Rows
from lsr.index.filters.names import SortField
from lsr.index.fusion.matching import Matches
from lsr.index.fusion.search import HybridHits, SideScores

if TYPE_CHECKING:
    from lsr.index.live.snapshot import Index

SCORE = "_score"
_STORED = {KEYWORD: pa.large_string(), INTEGER: pa.int64(), FLOAT: pa.float64(), BOOLEAN: pa.bool_()}


class _Key(NamedTuple):
    """One field of some rows, as numbers that ascend as hits do.

    Attributes:
        missing: bool [n].
        codes: int64 or float64 [n]; of no meaning where a value is missing.
        place: where a value stands among them, from JSON. InputError for one of another type.
    """

    missing: npt.NDArray[np.bool_]
    codes: npt.NDArray[Any]
    place: Callable[[Any], Any]


def in_order(
    index: Index,
    matches: Matches,
    sort: Sequence[SortField],
    *,
    after: Sequence[Any] | None = None,
    most: int | None = None,
) -> npt.NDArray[np.intp]:
    """The places of matches by these fields, ties by score, best first, and then by id; at most `most`, None for all.

    Missing values come last. Ids are ordered by their code points. `after` is what `sort_values` says of a hit: only
    what follows it is returned. `_score` and `_id` are fields, too. InputError for a field that there is not, or of
    several values, and for an `after` that is not of this order.
    """
    keys = [_key(index, matches, each) for each in sort]
    places = np.arange(len(matches.rows))
    if after is not None:
        places = places[_follows(index, matches, keys, after)]
    if most is not None and keys and len(places) > 4 * most:
        first = keys[0]
        there = places[~first.missing[places]]
        if len(there) > most:
            codes = first.codes[there]
            places = there[codes <= np.partition(codes, most - 1)[most - 1]]
    columns: list[npt.NDArray[Any]] = [_tied(index, matches.rows[places]), -matches.scores[places]]
    for key in reversed(keys):
        columns += [np.where(key.missing[places], 0, key.codes[places]), key.missing[places]]
    return places[np.lexsort(columns)][:most]


def sort_values(
    index: Index, rows: Rows, scores: npt.NDArray[np.float64], ids: Sequence[str], sort: Sequence[SortField]
) -> list[list[Any]]:
    """What each hit is ordered by, as JSON: its value of each field, its score, and its id."""
    columns: list[list[Any]] = []
    for each in sort:
        if each.name == SCORE:
            columns.append(scores.tolist())
        elif each.name == ID:
            columns.append(list(ids))
        else:
            kind = index.documents.fields.type_of(each.name).kind
            taken = _taken(index, each.name, rows).to_pylist()
            columns.append([_shown(kind, value) for value in taken])
    return [list(values) for values in zip(*columns, scores.tolist(), ids, strict=True)]


def firsts_of_groups(index: Index, rows: Rows, field: str) -> npt.NDArray[np.intp]:
    """The places of the first row of each value of a field, ascending; rows without one stand each for itself."""
    codes = _taken(index, field, rows).dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    _, firsts = np.unique(codes, return_index=True)
    alone = np.flatnonzero(codes < 0)
    return np.union1d(firsts, alone)


def picked(hits: HybridHits, places: npt.NDArray[np.intp]) -> HybridHits:
    """Some of the hits."""

    def of(side: SideScores | None) -> SideScores | None:
        return side and SideScores(side.scores[places], side.ranks[places], side.contributions[places])

    return hits._replace(
        rows=hits.rows[places], scores=hits.scores[places], sparse=of(hits.sparse), dense=of(hits.dense)
    )


def _key(index: Index, matches: Matches, sort: SortField) -> _Key:
    sign = -1 if sort.descending else 1
    none = np.zeros(len(matches.rows), np.bool_)
    if sort.name == SCORE:
        return _Key(none, sign * matches.scores, lambda value: sign * _number(value, sort.name))
    if sort.name == ID:
        ranks = index.documents.fields.id_ranks
        numbers = sign * ranks[_documents(index, matches.rows)]
        return _Key(
            none, numbers, lambda value: sign * int(ranks[_documents(index, np.array([_row_of_id(index, value)]))[0]])
        )
    kind = index.documents.fields.type_of(sort.name).kind
    taken = _taken(index, sort.name, matches.rows)
    missing = taken.is_null().to_numpy(zero_copy_only=False)
    if kind == KEYWORD:
        encoded = taken.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        order = sorted(range(len(texts)), key=texts.__getitem__)
        ranks = np.empty(len(texts) + 1, np.int64)
        # Twice the rank, so that a text that no document has any more stands between two.
        ranks[order] = 2 * np.arange(len(texts))
        codes = ranks[encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)]
        ascending = [texts[each] for each in order]

        def place(value: Any) -> int:
            if not isinstance(value, str):
                raise _wrong(sort.name, "a text", value)
            at = bisect_left(ascending, value)
            return sign * (2 * at if ascending[at : at + 1] == [value] else 2 * at - 1)

        return _Key(missing, sign * codes, place)
    if kind == FLOAT:
        return _Key(missing, sign * taken.fill_null(0).to_numpy(), lambda value: sign * _number(value, sort.name))
    whole = taken.cast(pa.int64()) if kind == BOOLEAN else taken
    codes = whole.fill_null(0).to_numpy()

    def whole_place(value: Any) -> int:
        if kind == DATETIME and isinstance(value, str):
            try:
                number = instant(value)
            except ValueError as error:
                raise _wrong(sort.name, str(error), value) from None
        elif isinstance(value, int) and isinstance(value, bool) == (kind == BOOLEAN):
            number = int(value)
        else:
            raise _wrong(sort.name, kind, value)
        return ~number if sort.descending else number

    # All bits turned, for the least number has no negative.
    return _Key(missing, ~codes if sort.descending else codes, whole_place)


def _follows(index: Index, matches: Matches, keys: Sequence[_Key], after: Sequence[Any]) -> npt.NDArray[np.bool_]:
    """Whether a match comes after the hit with these values."""
    if isinstance(after, str) or not isinstance(after, Sequence) or len(after) != len(keys) + 2:
        raise InputError(
            f"must be the `sort` of the last hit, a list of {len(keys) + 2} values, not {shortened(after)}",
            field="search_after",
        )
    *values, score, id = after
    same = np.ones(len(matches.rows), np.bool_)
    later = np.zeros(len(matches.rows), np.bool_)
    for key, value in zip(keys, values, strict=True):
        if value is None:
            same &= key.missing
            continue
        place = key.place(value)
        later |= same & (key.missing | (key.codes > place))
        same &= ~key.missing & (key.codes == place)
    bound = _number(score, SCORE)
    if (matches.scores == matches.scores.astype(np.float32)).all():
        bound = float(np.float32(bound))  # which may have been written in as many digits as a float32 has
    later |= same & (matches.scores < bound)
    same &= matches.scores == bound
    (last,) = _tied(index, np.array([_row_of_id(index, id)]))
    return later | (same & (_tied(index, matches.rows) > last))


def _taken(index: Index, name: str, rows: Rows) -> pa.Array:
    """The values of a field in these rows, dates as numbers; InputError for a field of several values."""
    fields = index.documents.fields
    kind = fields.type_of(name)
    if kind.many:
        raise InputError(f"{name!r} may have several values in a document ({kind}), and so no place in an order")
    column = fields.column(name, _STORED.get(kind.kind, pa.timestamp("us", tz="UTC")))
    taken = column.take(pa.array(rows)).combine_chunks()
    if isinstance(taken, pa.ChunkedArray):
        taken = taken.chunk(0) if taken.num_chunks else pa.array([], column.type)
    return taken.view(pa.int64()) if kind.kind == DATETIME else taken


def _shown(kind: str, value: Any) -> Any:
    return date_text(value) if kind == DATETIME and value is not None else value


def _documents(index: Index, rows: Rows) -> Rows:
    """The numbers of these rows' documents."""
    windows = index.documents.windows
    return rows if windows is None else windows.documents_of(rows)


def _tied(index: Index, rows: Rows) -> npt.NDArray[np.int64]:
    """What ties between these rows go by, ascending: of one segment its rows, of several the places of ids."""
    numbers, fields = _documents(index, rows), index.documents.fields
    return numbers if len(fields.segments) == 1 else fields.id_ranks[numbers]


def _row_of_id(index: Index, id: Any) -> int:
    """The first row of the document with an id."""
    if not isinstance(id, str):
        raise _wrong(ID, "the id of a document", id)
    try:
        return index.documents.rows_of(id).start
    except NotFoundError:
        raise InputError(f"there is no document {id!r} any more", field="search_after") from None


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(name, "a number", value)
    return float(value)


def _wrong(name: str, expected: str, value: Any) -> InputError:
    return InputError(f"{name}: expected {expected}, not {shortened(value)}", field="search_after")
