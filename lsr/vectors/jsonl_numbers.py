"""Sparse vectors of term ids as JSON lines: `{"id": …, "indices": [term id, …], "values": [weight, …]}`.

The two lists may stand in an object of their own, under `vector` or `sparse_values`, as vector databases write it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lsr.core.errors import InputError
from lsr.core.unique_ids import UniqueIds
from lsr.vectors.pairs import vectors_of_pairs
from lsr.vectors.sparse import SparseVectors

PLACES = ("vector", "sparse_values", "sparse_vector")
"""Where the two lists may be, if not beside the id."""

Objects = Iterator[tuple[int, str, dict[str, Any]]]
"""Line number, id and fields of every line."""

_LARGEST = (2 - 2**-24) * 2.0**127  # from here on, rounding to float32 gives infinity


def lists_of(values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What has `indices` and `values` in the fields of a line; None if the line holds terms by name."""
    for place in (values, *(values.get(name) for name in PLACES)):
        if isinstance(place, Mapping) and isinstance(place.get("indices"), list) and "values" in place:
            return place
    return None


def largest_id(path: Path, objects: Callable[[Path], Objects]) -> int:
    """The largest term id in the file, or -1; reads it whole."""
    return max((max(_lists(path, line, values)[0], default=-1) for line, _, values in objects(path)), default=-1)


def read_numbers(path: Path, dim: int, batch_rows: int, objects: Callable[[Path], Objects]) -> Iterator[SparseVectors]:
    """Batches of at most `batch_rows` rows. InputError names the line and the field."""
    seen, first, lines = UniqueIds(), 0, objects(path)
    while batch := list(islice(lines, batch_rows)):
        lengths, terms, weights = [], [], []
        for line, id, values in batch:
            if not seen.add(id):
                message = f"the id {id!r} came before; ids must be unique"
                raise InputError(message, source=str(path), line=line, field="id")
            indices, numbers = _lists(path, line, values)
            if (beyond := max(indices, default=-1)) >= dim:
                message = f"term id {beyond} is outside the vocabulary of {dim:,} terms"
                raise InputError(message, source=str(path), line=line, field="indices")
            lengths.append(len(indices))
            terms += indices
            weights += numbers
        yield vectors_of_pairs(
            lengths,
            np.array(terms, np.int64),
            np.array(weights, np.float64),
            [id for _, id, _ in batch],
            dim,
            source=str(path),
            first_row=first,
        )
        first += len(batch)
    if not first:
        yield SparseVectors.empty(dim)


def _lists(path: Path, line: int, values: Mapping[str, Any]) -> tuple[list[int], list[float]]:
    """The term ids and weights of a line, checked."""
    place = lists_of(values)
    if place is None:
        message = "every line of this file must have lists of indices and values, as the first has"
        raise InputError(message, source=str(path), line=line, field="indices")
    indices, weights = place["indices"], place["values"]
    for index in indices:
        if type(index) is not int or not 0 <= index < 2**32:
            message = f"a term id must be a whole number in 0 … 2³² − 1, not {json.dumps(index)[:40]}"
            raise InputError(message, source=str(path), line=line, field="indices")
    if not isinstance(weights, list) or len(weights) != len(indices):
        count = len(weights) if isinstance(weights, list) else "no list of"
        raise InputError(f"{len(indices)} indices but {count} values", source=str(path), line=line, field="values")
    for weight in weights:
        if type(weight) not in (int, float) or not 0 <= weight < _LARGEST:
            message = f"a weight must be a finite number (float32) of at least 0, not {json.dumps(weight)[:40]}"
            raise InputError(message, source=str(path), line=line, field="values")
    if len(set(indices)) < len(indices):
        twice = next(index for index in indices if indices.count(index) > 1)
        raise InputError(f"term id {twice} stands twice", source=str(path), line=line, field="indices")
    return indices, weights
