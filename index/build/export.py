"""The vectors of an index, as batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from lsr.core.types import Rows
from lsr.core.vocabulary import Vocabulary
from lsr.index.kernels.ordering import gather_documents
from lsr.index.live.snapshot import Index
from lsr.index.parts.forward import as_floats
from lsr.index.parts.segment import Segment
from lsr.index.parts.words import Words
from lsr.vectors.beside import apart
from lsr.vectors.sparse import SparseVectors

_WEIGHTS_AT_A_TIME = 1 << 22


def iter_vectors(
    index: Index, batch_rows: int = 8192, *, columns: bool = False, as_added: bool = False
) -> Iterator[SparseVectors]:
    """Every document's id, terms and weights as stored (quantised), in the order of the rows, without deleted ones.

    What was written since, and is in the log alone, comes last. Batches of `batch_rows` rows, the last of a segment
    shorter; the weights are those of `Index.vector`. With `columns`, terms are numbered as `terms_of` has them; with
    `as_added`, documents of a segment come in the order in which they were added.
    """
    for _, vectors in iter_rows(index, batch_rows, columns=columns, as_added=as_added):
        yield vectors


def iter_rows(
    index: Index, batch_rows: int = 8192, *, columns: bool = False, as_added: bool = False
) -> Iterator[tuple[Rows, SparseVectors]]:
    """The same, each batch with its rows in the index."""
    alive, start = index.documents.alive, 0
    columns = columns and index.sparse.only is not None  # several segments have no columns in common
    for number, segment in enumerate(index.segments):
        rows = _living(alive, start, start + len(segment)) - start
        places = segment.part("documents").places
        if as_added and places is not None:
            rows = rows[np.argsort(places[rows])]
        for first in range(0, len(rows), batch_rows):
            some = rows[first : first + batch_rows]
            yield start + some, _vectors_of(index, number, segment, some, columns=columns)
        start += len(segment)
    rows = _living(alive, start, len(index))
    for first in range(0, len(rows), batch_rows):
        some = rows[first : first + batch_rows]
        vectors = [index.vector(row) for row in some.tolist()]
        indptr = np.cumsum([0, *(len(terms) for terms, _ in vectors)], dtype=np.int64)
        terms, weights = (np.concatenate(side) for side in zip(*vectors, strict=True))
        yield some, SparseVectors(indptr, terms, weights, index.documents.row_ids(some), index.dim, validate=False)


def _living(alive: npt.NDArray[np.uint8] | None, start: int, stop: int) -> Rows:
    """The rows from `start` on and before `stop` that are not deleted."""
    if alive is None:
        return np.arange(start, stop)
    first = start >> 3
    bits = np.unpackbits(alive[first : (stop + 7) >> 3], bitorder="little")
    return start + np.flatnonzero(bits[start - 8 * first : stop - 8 * first])


def _vectors_of(
    index: Index, number: int, segment: Segment, rows: npt.NDArray[np.int64], *, columns: bool
) -> SparseVectors:
    """The vectors of rows of a segment."""
    forward = segment.forward
    positions = segment.row_positions[rows]
    lengths = forward.indptr[positions.astype(np.int64) + 1] - forward.indptr[positions]
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    terms = np.empty(indptr[-1], forward.indices.dtype)
    weights = np.empty(indptr[-1], np.uint8)
    gather_documents(forward.indptr, forward.indices, positions, terms)
    gather_documents(forward.indptr, forward.weights, positions, weights)
    deficits = None
    if forward.deficits is not None:
        deficits = np.empty(indptr[-1], forward.deficits.dtype)
        gather_documents(forward.indptr, forward.deficits, positions, deficits)
    floats = as_floats(weights, deficits, np.float32(segment.record.weight_scale))
    dim = segment.record.dim
    if segment.rare_terms is not None:
        terms, dim = segment.rare_terms.term_ids(forward, positions), index.dim
        places, sources = segment.rare_terms.columns.by_id(indptr, terms)
        terms[places], floats[places] = terms[sources], floats[sources]
    elif not columns and segment.has_part("term_ids"):
        terms, dim = segment.part("term_ids")[terms], index.dim
    if index.sparse.only is None:
        terms, dim = index.sparse.terms.of_segment(number, terms), index.dim
        order = np.lexsort((terms, np.repeat(np.arange(len(rows)), lengths)))
        terms, floats = terms[order], floats[order]
    return SparseVectors(indptr, terms, floats, segment.part("ids").ids(rows), dim, validate=False)


def terms_of(index: Index) -> Vocabulary:
    """The terms by name; of an index without a vocabulary, the numbers of those that there are tables of."""
    if index.vocabulary is not None:
        return index.vocabulary
    segment = index.sparse.only
    compact = segment is not None and segment.has_part("term_ids")
    numbers = segment.part("term_ids").tolist() if segment is not None and compact else range(index.dim)
    return Vocabulary(map(str, numbers))


def side_of(vectors: SparseVectors, first: int, model: bool) -> SparseVectors:
    """The terms of the model, which are those below `first`, or the words, numbered from 0."""
    terms, words = apart(vectors, first)
    part, dim = (terms, first) if model else (words, vectors.dim - first)
    indices = part.indices if model else part.indices - np.uint32(first)
    return SparseVectors(part.indptr, indices, part.weights, part.ids, dim, validate=False)


def vocabulary_of(index: Index, words: Words, model: bool) -> Vocabulary:
    """The names of those terms: a model's tokens, or words as they are."""
    return Vocabulary(islice(terms_of(index), words.first) if model else words)


def iter_weights(index: Index) -> Iterator[npt.NDArray[np.float32]]:
    """Yield all weights as `Index.vector` gives them, in chunks, in the order in which they are stored."""
    for segment in index.segments:
        weights, deficits = segment.forward.weights, segment.forward.deficits
        scale = np.float32(segment.record.weight_scale)
        for start in range(0, len(weights), _WEIGHTS_AT_A_TIME):
            part = slice(start, start + _WEIGHTS_AT_A_TIME)
            yield as_floats(weights[part], None if deficits is None else deficits[part], scale)
