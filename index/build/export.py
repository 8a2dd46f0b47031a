"""The vectors of an index, as batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from lsr.core.vocabulary import Vocabulary
from lsr.index.kernels.ordering import gather_documents
from lsr.index.live.snapshot import Index
from lsr.index.parts.forward import as_floats
from lsr.index.parts.words import Words
from lsr.vectors.beside import apart
from lsr.vectors.sparse import SparseVectors

_WEIGHTS_AT_A_TIME = 1 << 22


def iter_vectors(
    index: Index, batch_rows: int = 8192, *, columns: bool = False, as_added: bool = False
) -> Iterator[SparseVectors]:
    """Every document's id, terms and weights as stored (quantised), in the order of the rows.

    Batches of `batch_rows` rows, the last one shorter; the weights are those of `Index.vector`. With `columns`, terms
    are numbered as `terms_of` has them; with `as_added`, documents come in the order in which they were added.
    """
    (segment,) = index.segments
    scale = np.float32(segment.record.weight_scale)
    forward = segment.forward
    every = index.documents.as_added() if as_added else np.arange(len(index))
    for first in range(0, len(index), batch_rows):
        rows = every[first : first + batch_rows]
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
        floats = as_floats(weights, deficits, scale)
        dim = segment.record.dim
        if segment.rare_terms is not None:
            terms, dim = segment.rare_terms.term_ids(forward, positions), index.dim
            places, sources = segment.rare_terms.columns.by_id(indptr, terms)
            terms[places], floats[places] = terms[sources], floats[sources]
        elif not columns and segment.has_part("term_ids"):
            terms, dim = segment.part("term_ids")[terms], index.dim
        yield SparseVectors(indptr, terms, floats, segment.part("ids").ids(rows), dim, validate=False)


def terms_of(index: Index) -> Vocabulary:
    """The terms by name; of an index without a vocabulary, the numbers of those that there are tables of."""
    if index.vocabulary is not None:
        return index.vocabulary
    (segment,) = index.segments
    numbers = segment.part("term_ids").tolist() if segment.has_part("term_ids") else range(index.dim)
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
    (segment,) = index.segments
    weights, deficits = segment.forward.weights, segment.forward.deficits
    scale = np.float32(segment.record.weight_scale)
    for start in range(0, len(weights), _WEIGHTS_AT_A_TIME):
        part = slice(start, start + _WEIGHTS_AT_A_TIME)
        yield as_floats(weights[part], None if deficits is None else deficits[part], scale)
