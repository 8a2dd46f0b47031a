"""What a new segment is made of: rows in the order of their ids, from memory or from segments."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.types import Vectors
from lsr.index.filters.allowed import AllowedRows
from lsr.index.live.memory.state import MemoryState
from lsr.index.live.searched import SearchedSegment
from lsr.text.windows import only_window, split_window_id
from lsr.vectors.sparse import SparseVectors

BATCH = 1024


class Batch(NamedTuple):
    """Some rows: their vectors, documents and, float32 [n, dim], dense vectors, or None."""

    vectors: SparseVectors
    documents: list[Document]
    dense: Vectors | None


class Rows(NamedTuple):
    """The rows of a segment to be.

    Attributes:
        rows: how many there are.
        words: the words of its last terms, by the number of rows that hold them, descending.
        tokens: int64 [model's terms]: in how many rows' texts each is a token.
        batches: the rows, by id; terms are the model's, then words by their place in `words`.
    """

    rows: int
    words: list[str]
    tokens: npt.NDArray[np.int64]
    batches: Iterator[Batch]


def ordered_words(counts: Counter[str]) -> list[str]:
    """Words by the number of rows that hold them, descending, ties by their letters."""
    return sorted(counts, key=lambda word: (-counts[word], word))


def row_key(id: str, *, windows: bool) -> tuple[str, int]:
    """What rows of this id go by: the document's, and the number of its window."""
    return split_window_id(id) if windows else (id, 0)


def rows_of_memory(state: MemoryState, model: int, *, windows: bool) -> Rows:
    """The rows of a memory that live; `windows`: whether they are windows of documents."""
    order = sorted(state.live_rows().tolist(), key=lambda row: row_key(state.id(row), windows=windows))
    puts = [state.put(row) for row in order]
    words = ordered_words(Counter(word for put in puts for word in put.words))
    places = {word: model + place for place, word in enumerate(words)}
    tokens = np.zeros(model, np.int64)
    for put in puts:
        tokens[put.tokens] += 1
    dim = model + len(words)

    def batches() -> Iterator[Batch]:
        for first in range(0, len(puts), BATCH):
            part = puts[first : first + BATCH]
            rows = []
            for put in part:
                ids = np.array([places[word] for word in put.words], np.uint32)
                order = np.argsort(ids)
                rows.append(
                    (
                        np.concatenate([put.terms, ids[order]]).astype(np.uint32),
                        np.concatenate([put.weights, put.word_weights[order]]).astype(np.float32),
                    )
                )
            vectors = SparseVectors.from_rows(rows, [put.id for put in part], dim)
            dense = None
            if state.dense is not None:
                dense = np.zeros((len(part), state.dense_record.dim), np.float32)
                for place, put in enumerate(part):
                    if put.dense is not None:
                        dense[place] = put.dense
            yield Batch(vectors, [put.document for put in part], dense)

    return Rows(len(puts), words, tokens, batches())


def rows_of_segments(segments: Sequence[SearchedSegment], model: int, scale: np.float32, *, windows: bool) -> Rows:
    """The rows of segments that are not deleted, at the time of this call.

    With `windows`, a row that is a whole document becomes its only window.
    """
    counts: Counter[str] = Counter()
    tokens = np.zeros(model, np.int64)
    for segment in segments:
        known = segment.counts
        if known.tokens is not None:
            tokens += known.tokens[:model]
        if segment.words is not None:
            for number in np.flatnonzero(known.documents[model:]).tolist():
                counts[segment.words.name(number)] += int(known.documents[model + number])
    words = ordered_words(counts)
    places = {word: model + place for place, word in enumerate(words)}
    numbers = [_renumbered(segment, places, model) for segment in segments]
    dim = model + len(words)
    has_dense = all(segment.has_part("dense") for segment in segments)

    def batches() -> Iterator[Batch]:
        held: list[_Place] = []
        for each in in_order(segments):
            held.append(each)
            # All windows of a document stand together; a batch may part them.
            if len(held) == BATCH:
                yield made(held)
                held = []
        if held:
            yield made(held)

    def made(held: list[_Place]) -> Batch:
        rows, documents, dense = [], [], []
        for _, number, row in held:
            segment = segments[number]
            terms, weights = segment.vector(row, scale)
            known = numbers[number]
            if known is not None:
                terms = known[terms].astype(np.uint32)
                order = np.argsort(terms)
                terms, weights = terms[order], weights[order]
            rows.append((terms.astype(np.uint32), weights))
            document = segment.store.document(row)
            documents.append(only_window(document) if windows and segment.windows is None else document)
            if has_dense:
                dense.append(segment.part("dense").vectors[row])
        vectors = SparseVectors.from_rows(rows, [document.id for document in documents], dim)
        return Batch(vectors, documents, np.stack(dense) if has_dense else None)

    count = sum(len(segment) - segment.deleted for segment in segments)
    return Rows(count, words, tokens, batches())


_Place = tuple[tuple[str, int], int, int]


def paced_rows(rows: Rows, rate: float | None) -> Rows:
    """The rows, of which no more megabytes a second are read than `rate`, if that is given."""
    if rate is None:
        return rows

    def paced() -> Iterator[Batch]:
        started, read = time.monotonic(), 0
        for batch in rows.batches:
            read += 8 * len(batch.vectors.indices) + sum(document.size for document in batch.documents)
            ahead = read / (rate * 1e6) - (time.monotonic() - started)
            if ahead > 0:
                time.sleep(ahead)
            yield batch

    return rows._replace(batches=paced())


def in_order(segments: Sequence[SearchedSegment]) -> Iterator[_Place]:
    """(What it goes by, number of the segment, row) of all rows that live, in the order of a segment made of them."""
    return heapq.merge(*(_in_order(number, segment) for number, segment in enumerate(segments)))


def _in_order(number: int, segment: SearchedSegment) -> Iterator[_Place]:
    """Those of one segment."""
    rows = AllowedRows(len(segment)).among(segment.alive).numbers()
    # Of segments that were written by other builders, rows may be as documents were added.
    keys = [row_key(id, windows=segment.windows is not None) for id in segment.ids.ids(rows)]
    for place in sorted(range(len(keys)), key=keys.__getitem__):
        yield keys[place], number, int(rows[place])


def _renumbered(segment: SearchedSegment, places: dict[str, int], model: int) -> npt.NDArray[np.int64] | None:
    """The new term id of each term of a segment; None if they are the same."""
    if segment.words is None:
        return None
    found = np.arange(model + len(segment.words))
    for number in range(len(segment.words)):
        found[model + number] = places.get(segment.words.name(number), -1)
    return found
