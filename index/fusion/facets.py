"""How many of some documents have each value of a field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from lsr.core.errors import InputError
from lsr.core.facets import Facet, FacetValue
from lsr.core.schema import BOOLEAN, INTEGER, KEYWORD
from lsr.core.types import Rows
from lsr.index.filters.names import FacetField

if TYPE_CHECKING:
    from lsr.index.live.snapshot import Index

_COUNTED = {KEYWORD: pa.large_string(), INTEGER: pa.int64(), BOOLEAN: pa.bool_()}


def count_facets(index: Index, rows: Rows, facets: Sequence[FacetField]) -> dict[str, Facet]:
    """The values of each field in these rows, one row a document, by the field's name.

    A document of several values counts once for each. InputError for a field that there is not, or of numbers that are
    not whole, or dates, of which there may be as many as documents.
    """
    return {each.name: _counted(index, rows, each) for each in facets}


def _counted(index: Index, rows: Rows, facet: FacetField) -> Facet:
    fields = index.documents.fields
    kind = fields.type_of(facet.name)
    if kind.kind not in _COUNTED:
        raise InputError(f"{facet.name!r} is {kind}: values are counted of texts, whole numbers, and true or false")
    stored = _COUNTED[kind.kind]
    column = fields.column(facet.name, pa.large_list(stored) if kind.many else stored)
    taken = pa.concat_arrays(column.take(pa.array(rows)).chunks or [pa.array([], column.type)])
    there = taken.is_valid().to_numpy(zero_copy_only=False)
    values, owners = taken, np.arange(len(rows))
    if kind.many:
        values, owners = taken.flatten(), np.repeat(owners[there], taken.drop_null().value_lengths().to_numpy())
    encoded = values.dictionary_encode()
    held = encoded.indices.is_valid().to_numpy(zero_copy_only=False)
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)[held].astype(np.int64)
    if kind.many:
        # A value that a document has twice counts once.
        pairs = np.unique(owners[held] * max(len(encoded.dictionary), 1) + codes)
        codes = pairs % max(len(encoded.dictionary), 1)
    counts = np.bincount(codes, minlength=len(encoded.dictionary)).tolist()
    known: list[Any] = encoded.dictionary.to_pylist()
    best = sorted(zip(known, counts, strict=True), key=lambda each: (-each[1], each[0]))
    told = [FacetValue(value, count) for value, count in best[: facet.size]]
    return Facet(told, len(best) - len(told), int((~there).sum()))
