"""Checking an index against its manifest and itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.errors import IndexFormatError
from lsr.files import crc32
from lsr.index.documents import BATCH_ROWS
from lsr.index.manifest import Manifest
from lsr.index.segment import Postings, Segment, file_problems

_CHUNK = 1 << 22


def verify(path: str | Path) -> list[str]:
    """Every problem of the index in the folder `path`, each naming its file; empty if the index is sound.

    Compares sizes and CRC-32 checksums of all files with the manifest, then looks for what a search trusts: offsets
    that ascend, term ids and rows in range and ascending, weights that are not zero, an id table in order. Reads every
    file once or twice, in chunks.
    """
    try:
        manifest = Manifest.read(path)
    except IndexFormatError as error:
        return [str(error)]
    folder = Path(path) / manifest.segment
    problems = file_problems(folder, manifest)
    if problems:
        return problems
    for name, record in manifest.files.items():
        found = crc32(folder / name)
        if found != record.crc32:
            problems.append(f"{folder / name}: expected CRC-32 {record.crc32:08x}, found {found:08x}")
    if problems:
        return problems
    try:
        segment = Segment.open(folder, manifest)
    except IndexFormatError as error:
        return [str(error)]
    return [f"{folder / problem}" for problem in _structure_problems(segment, manifest)]


def _structure_problems(segment: Segment, manifest: Manifest) -> Iterator[str]:
    documents, dim = manifest.documents, manifest.dim
    yield from _postings_problems(segment.forward, "forward", "forward_terms.npy", dim)
    yield from _postings_problems(segment.inverted, "inverted", "inverted_rows.npy", documents)
    ids = segment.ids
    if not offsets_ascend(ids.indptr, len(ids.bytes)):
        yield f"ids_indptr.npy: offsets do not ascend from 0 to {len(ids.bytes):,}"
    if (ids.hashes[1:] < ids.hashes[:-1]).any():
        yield "id_hashes.npy: hashes are not sorted"
    if not np.array_equal(np.sort(ids.rows), np.arange(documents)):
        yield "id_rows.npy: not every row stands there once"
    store = segment.documents
    last = store.rows_in_batch(store.batches - 1) if store.batches else 0
    stored = (store.batches - 1) * BATCH_ROWS + last
    if stored != documents:
        yield f"documents.arrow: expected {documents:,} documents, found {stored:,}"


def _postings_problems(postings: Postings, name: str, indices_name: str, end: int) -> Iterator[str]:
    if not offsets_ascend(postings.indptr, len(postings.indices)):
        yield f"{name}_indptr.npy: offsets do not ascend from 0 to {len(postings.indices):,}"
        return
    if largest(postings.indices) >= end:
        yield f"{indices_name}: a number is not below {end:,}"
    if not _ascend_within_rows(postings):
        yield f"{indices_name}: numbers do not ascend within a row"
    if any((chunk == 0).any() for chunk in chunks(postings.weights)):
        yield f"{name}_weights.npy: a weight is zero"


def offsets_ascend(offsets: npt.NDArray[np.int64], end: int) -> bool:
    """Whether offsets never descend, start at 0 and end at `end`."""
    return bool(offsets[0] == 0 and offsets[-1] == end and (offsets[1:] >= offsets[:-1]).all())


def largest(values: npt.NDArray[Any]) -> int:
    """The largest value of a long array, or -1 if it is empty."""
    return max((int(chunk.max()) for chunk in chunks(values)), default=-1)


def chunks(values: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Views of consecutive parts of a long array."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _ascend_within_rows(postings: Postings) -> bool:
    indices, indptr = postings.indices, postings.indptr
    for start in range(0, len(indices) - 1, _CHUNK):
        part = indices[start : start + _CHUNK + 1]
        descents = np.flatnonzero(part[1:] <= part[:-1]) + start + 1
        # A descent is right only where a row begins.
        if len(descents) and not np.array_equal(indptr[np.searchsorted(indptr, descents)], descents):
            return False
    return True
