"""Checking an index against its manifest and itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError, LsrError
from lsr.core.files import crc32
from lsr.index.format.manifest import Manifest, published_segment
from lsr.index.parts.bmp.blocks import LEVELS, BmpBlocks
from lsr.index.parts.dense.ann import Ann
from lsr.index.parts.dense.part import Dense, open_dense
from lsr.index.parts.dense.record import ANN_NAME, VECTORS_NAME
from lsr.index.parts.dense.record import NAME as DENSE
from lsr.index.parts.documents import BATCH_ROWS
from lsr.index.parts.forward import Postings
from lsr.index.parts.late.record import NAME as LATE
from lsr.index.parts.late.vectors import open_late
from lsr.index.parts.part import part_problems
from lsr.index.parts.segment import POSITIONS_NAME, ROWS_NAME, TOKENS_NAME, Segment, file_problems
from lsr.index.parts.seismic.blocks import SeismicBlocks
from lsr.index.parts.summaries.blocks import Summaries

_CHUNK = 1 << 22
_DENSE_ROWS = 1 << 14


def verify(path: str | Path) -> list[str]:
    """Every problem of the index in the folder `path`, each naming its file; empty if the index is sound.

    Compares sizes and CRC-32 checksums of all files with the manifest, then looks for what a search trusts: offsets
    that ascend, term ids and rows in range and ascending, weights that are not zero, an id table in order. Reads every
    file once or twice, in chunks. An index that is replaced meanwhile is checked anew.
    """
    path = Path(path)
    while True:
        segment = published_segment(path)
        problems = _problems(path)
        if not problems or published_segment(path) == segment:
            return problems


def _problems(path: Path) -> list[str]:
    try:
        manifest = Manifest.read(path)
    except IndexFormatError as error:
        return [error.message()]
    return _segment_problems(path / manifest.segment, manifest) + _parts_problems(path, manifest)


def _segment_problems(folder: Path, manifest: Manifest) -> list[str]:
    problems = file_problems(folder, manifest)
    if problems:
        return problems
    for name, record in manifest.files.items():
        try:
            found = crc32(folder / name)
        except OSError as error:
            problems.append(f"{folder / name}: not readable ({error})")
            continue
        if found != record.crc32:
            problems.append(f"{folder / name}: expected CRC-32 {record.crc32:08x}, found {found:08x}")
    if problems:
        return problems
    try:
        segment = Segment.open(folder, manifest)
    except IndexFormatError as error:
        return [error.message()]
    return [f"{folder / problem}" for problem in _structure_problems(segment, manifest)]


def _parts_problems(path: Path, manifest: Manifest) -> list[str]:
    problems = []
    for name, part in manifest.parts.items():
        damaged = part_problems(path, manifest, name, contents=True)
        folder = path / manifest.segment / part.folder
        if not damaged:
            try:
                if name == DENSE:
                    damaged = list(_dense_problems(folder, open_dense(folder, part.record, manifest.documents)))
                elif name == LATE:
                    damaged = [f"{folder / problem}" for problem in open_late(folder, part.record).problems()]
            except LsrError as error:
                damaged = [error.problem]
        problems += [f"{problem} (the {name} part; searches without it still answer)" for problem in damaged]
    return problems


def _dense_problems(folder: Path, dense: Dense) -> Iterator[str]:
    for start in range(0, len(dense), _DENSE_ROWS):
        if not np.isfinite(dense.vectors[start : start + _DENSE_ROWS]).all():
            yield f"{folder / VECTORS_NAME}: a number is not finite"
            break
    if dense.kind != "flat":
        Ann(folder / ANN_NAME, dense.kind, len(dense), dense.dim)


def _structure_problems(segment: Segment, manifest: Manifest) -> Iterator[str]:
    documents, dim = manifest.documents, manifest.dim
    problems = list(_postings_problems(segment.forward, dim))
    yield from problems
    if not problems and not np.array_equal(_term_documents(segment.forward, dim), segment.term_documents):
        yield "term_documents.npy: not the number of documents of each term"
    tokens = segment.term_tokens
    if tokens is not None and not ((tokens >= 0) & (tokens <= documents)).all():
        yield f"{TOKENS_NAME}: a token stands in more documents than there are, or in fewer than none"
    if not np.array_equal(np.sort(segment.document_rows), np.arange(documents)):
        yield f"{ROWS_NAME}: not every row stands there once"
    elif not np.array_equal(segment.row_positions[segment.document_rows], np.arange(documents)):
        yield f"{POSITIONS_NAME}: not the positions of the rows in {ROWS_NAME}"
    yield from _summaries_problems(segment.summaries, "summary")
    if segment.seismic is not None:
        yield from _seismic_problems(segment.seismic, documents, dim)
    if segment.bmp is not None:
        yield from _bmp_problems(segment.bmp)
    if segment.windows is not None:
        yield from segment.windows.problems()
    ids = segment.ids
    if not _offsets_ascend(ids.indptr, len(ids.bytes)):
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


def _postings_problems(forward: Postings, dim: int) -> Iterator[str]:
    if not _offsets_ascend(forward.indptr, len(forward.indices)):
        yield f"forward_indptr.npy: offsets do not ascend from 0 to {len(forward.indices):,}"
        return
    if _largest(forward.indices) >= dim:
        yield f"forward_terms.npy: a number is not below {dim:,}"
    if not _ascend_within_rows(forward.indptr, forward.indices):
        yield "forward_terms.npy: numbers do not ascend within a row"
    if any((chunk == 0).any() for chunk in _chunks(forward.weights)):
        yield "forward_weights.npy: a weight is zero"


def _term_documents(forward: Postings, dim: int) -> npt.NDArray[np.int64]:
    counts = np.zeros(dim, np.int64)
    for chunk in _chunks(forward.indices):
        counts += np.bincount(chunk, minlength=dim)
    return counts


def _summaries_problems(summaries: Summaries, prefix: str) -> Iterator[str]:
    starts, blocks, dim = summaries.list_starts, summaries.list_blocks, len(summaries.term_maxima)
    rows = summaries.frequent_numbers[summaries.frequent_numbers >= 0]
    if not np.array_equal(np.sort(rows), np.arange(len(summaries.frequent_weights))):
        yield f"{prefix}_dense_terms.npy: terms are not different and in range"
    for term in np.flatnonzero(summaries.frequent_numbers >= 0):
        if summaries.frequent_weights[summaries.frequent_numbers[term]].max() > summaries.term_maxima[term]:
            yield f"{prefix}_dense_weights.npy: a weight exceeds its term's maximum"
            break
    if not _offsets_ascend(starts, len(blocks)):
        yield f"{prefix}_list_starts.npy: offsets do not ascend from 0 to {len(blocks):,}"
        return
    for number, first in enumerate(range(0, summaries.blocks, summaries.window)):
        last = min(first + summaries.window, summaries.blocks)
        window = slice(int(starts[number * dim]), int(starts[(number + 1) * dim]))
        if _largest(blocks[window]) >= last - first:
            yield f"{prefix}_list_blocks.npy: a block is outside its window"
        weights = summaries.list_weights[window]
        ascents = np.flatnonzero(weights[1:] > weights[:-1]) + 1 + window.start
        if not np.array_equal(starts[np.searchsorted(starts, ascents)], ascents):
            yield f"{prefix}_list_weights.npy: weights do not descend within a list"
        if (weights > np.repeat(summaries.term_maxima, np.diff(starts[number * dim : (number + 1) * dim + 1]))).any():
            yield f"{prefix}_term_maxima.npy: a weight exceeds its term's maximum"


def _bmp_problems(blocks: BmpBlocks) -> Iterator[str]:
    yield from _summaries_problems(blocks.summaries, "bmp")
    levels = blocks.kth_weights.reshape(len(LEVELS), -1)
    if (levels[0] != blocks.summaries.term_maxima).any() or (levels[1:] > levels[:-1]).any():
        yield "bmp_kth_weights.npy: weights do not descend from their term's maximum"


def _seismic_problems(blocks: SeismicBlocks, documents: int, dim: int) -> Iterator[str]:
    offsets = {
        "indptr": (blocks.indptr, len(blocks.unbounded)),
        "starts": (blocks.starts, len(blocks.rows)),
        "summary_indptr": (blocks.summary_indptr, len(blocks.summary_terms)),
        "entry_indptr": (blocks.entry_indptr, len(blocks.entry_blocks)),
    }
    for name, (values, end) in offsets.items():
        if not _offsets_ascend(values, end):
            yield f"seismic_{name}.npy: offsets do not ascend from 0 to {end:,}"
            return
    if _largest(blocks.rows) >= documents:
        yield f"seismic_rows.npy: a number is not below {documents:,}"
    if _largest(blocks.summary_terms) >= dim or not _ascend_within_rows(blocks.summary_indptr, blocks.summary_terms):
        yield f"seismic_summary_terms.npy: numbers are not below {dim:,} and ascending within a list"
    summarised = np.flatnonzero(np.diff(blocks.summary_indptr))
    last_ends = blocks.summary_ends[blocks.summary_indptr[summarised + 1] - 1]
    entries = np.diff(blocks.entry_indptr)
    if not _ascend_within_rows(blocks.summary_indptr, blocks.summary_ends) or (last_ends != entries[summarised]).any():
        yield "seismic_summary_ends.npy: ends do not ascend to the number of entries of a list"
    filled = np.flatnonzero(entries)
    if len(filled):
        highest = np.maximum.reduceat(blocks.entry_blocks, blocks.entry_indptr[filled])
        if (highest >= np.diff(blocks.indptr)[filled]).any():
            yield "seismic_entry_blocks.npy: a block is outside its list"
    if any((chunk == 0).any() for chunk in _chunks(blocks.entry_weights)):
        yield "seismic_entry_weights.npy: a weight is zero"


def _offsets_ascend(offsets: npt.NDArray[np.int64], end: int) -> bool:
    """Whether offsets never descend, start at 0 and end at `end`."""
    return bool(offsets[0] == 0 and offsets[-1] == end and (offsets[1:] >= offsets[:-1]).all())


def _largest(values: npt.NDArray[Any]) -> int:
    """The largest value of a long array, or -1 if it is empty."""
    return max((int(chunk.max()) for chunk in _chunks(values)), default=-1)


def _chunks(values: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Views of consecutive parts of a long array."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _ascend_within_rows(indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any]) -> bool:
    for start in range(0, len(indices) - 1, _CHUNK):
        part = indices[start : start + _CHUNK + 1]
        descents = np.flatnonzero(part[1:] <= part[:-1]) + start + 1
        # A descent is right only where a row begins.
        if len(descents) and not np.array_equal(indptr[np.searchsorted(indptr, descents)], descents):
            return False
    return True
