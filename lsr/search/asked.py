"""What a search is asked with: a text, vectors, or many of either, checked and brought to one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import kind_of
from lsr.core.documents import is_blank
from lsr.core.errors import InputError
from lsr.index.fusion.query import HybridQuery, SparseQuery
from lsr.index.fusion.settings import RetrieveSettings
from lsr.vectors.files import read_vectors, read_vocabulary
from lsr.vectors.pairs import vectors_of_pairs
from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.core.vocabulary import Vocabulary
    from lsr.index import Index
    from lsr.search.encoders import IndexEncoders

_TEXTS = "a text, a list of texts, or SparseVectors"
_VECTORS = "weights by term, (term ids, weights), SparseVectors, or a list of these"


@dataclass(frozen=True, slots=True)
class Asked:
    """One query or many.

    Attributes:
        texts: [n]; None for a query that is asked by vectors alone.
        sparse: [n] sparse queries as they were given; None if none were.
        dense: float32 [n, dim] as they were given; None if none were.
        many: whether it was a batch, which is answered by a list.
    """

    texts: Sequence[str | None]
    sparse: Sequence[SparseQuery] | None
    dense: npt.NDArray[np.float32] | None
    many: bool

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def _has_vectors(self) -> bool:
        return self.sparse is not None or self.dense is not None

    @property
    def mode(self) -> str:
        """The way to search that suits what was given, where none was asked for."""
        if self.dense is None:
            return "auto"
        alone = self.sparse is None and all(text is None for text in self.texts)
        return "dense" if alone else "hybrid"

    def check(self, retrieve: RetrieveSettings, *, reranks: bool) -> None:
        """InputError where a plan lacks what is neither given nor made of a text, or has no use for what is given."""
        no_text = any(text is None for text in self.texts)
        if self.sparse is not None and not retrieve.needs_sparse:
            raise InputError("a dense search has no use for a vector of terms: leave it out, or choose mode hybrid")
        if self.dense is not None and not retrieve.needs_dense:
            raise InputError("a search of the sparse index has no use for a dense vector: choose mode dense or hybrid")
        if self.sparse is not None and retrieve.lexical_weight is not None:
            raise InputError(
                "is of the vectors that are made of texts: a vector of terms is searched with as it is",
                field="lexical_weight",
            )
        if no_text and retrieve.needs_sparse and self.sparse is None:
            raise InputError(f"a {retrieve.mode} search needs a vector of terms as well, or a text to make it from")
        if no_text and retrieve.needs_dense and self.dense is None:
            raise InputError(f"a {retrieve.mode} search needs a dense vector as well, or a text to make it from")
        made = (retrieve.needs_sparse and self.sparse is None) or (retrieve.needs_dense and self.dense is None)
        if self.texts and not no_text and not made and not reranks:
            raise InputError(
                f"the vectors are all that a {retrieve.mode} search needs, so the text beside them would not be read: "
                "leave one of them out; re-ranking reads the text, and mode hybrid makes of it the vector that it lacks"
            )
        if reranks and any(text is None or (self._has_vectors and is_blank(text)) for text in self.texts):
            raise InputError("re-ranking reads the question: give its text beside the vectors")


def asked_with(text: Any, vector: Any, dense_vector: Any, index: Index, vocabulary: Vocabulary | None) -> Asked:
    """What `Retriever.search` was given, in one form.

    `vocabulary` names the terms of vectors that are given by term; None for an index of term ids alone, whose terms are
    named by their numbers. InputError for arguments of other kinds, of different lengths, or of other vocabularies.
    """
    if isinstance(text, (SparseVectors, Mapping)):
        if vector is not None:
            raise InputError("two vectors were given: one in place of the text, and one as vector")
        text, vector = None, text
    texts, sparse, dense = _texts(text), _sparse(vector, index, vocabulary), _dense(dense_vector)
    given = [each for each in (texts, sparse, dense) if each is not None]
    if not given:
        raise InputError(f"there is nothing to search for: give {_TEXTS}, or vectors")
    lengths = {len(each) for each, _ in given}
    many = {several for _, several in given}
    if len(lengths) > 1 or len(many) > 1:
        raise InputError("texts and vectors must be as many, one of each for every query")
    (count,) = lengths
    return Asked(
        texts=[None] * count if texts is None else texts[0],
        sparse=None if sparse is None else sparse[0],
        dense=None if dense is None else dense[0],
        many=many.pop(),
    )


def encode_asked(
    asked: Asked, encoders: IndexEncoders, retrieve: RetrieveSettings
) -> tuple[list[HybridQuery], dict[str, float]]:
    """The vectors of many queries, those that were not given encoded together, and the milliseconds for each."""
    texts = [text or "" for text in asked.texts]
    sparse, dense = asked.sparse, asked.dense
    milliseconds: dict[str, float] = {}
    start = perf_counter()
    if retrieve.needs_sparse and sparse is None:
        ids = [str(number) for number in range(len(texts))]
        encoded = encoders.sparse_queries(texts, ids, retrieve.lexical_weight)
        sparse = [encoded.row(number) for number in range(len(texts))]
        milliseconds["encode sparse"] = (perf_counter() - start) * 1e3 / len(texts)
    start = perf_counter()
    if retrieve.needs_dense and dense is None:
        dense = encoders.dense.encode_queries(texts)
        milliseconds["encode dense"] = (perf_counter() - start) * 1e3 / len(texts)
    queries = [
        HybridQuery(sparse[number] if sparse is not None else None, dense[number] if dense is not None else None)
        for number in range(len(texts))
    ]
    return queries, milliseconds


def _texts(text: Any) -> tuple[list[str], bool] | None:
    if text is None:
        return None
    if isinstance(text, str):
        return [text], False
    if not isinstance(text, Sequence | np.ndarray) or isinstance(text, bytes | bytearray):
        raise InputError(f"a search takes {_TEXTS}, not {kind_of(text)}")
    for number, each in enumerate(text):
        if not isinstance(each, str):
            raise InputError(f"query {number} must be a text, not {kind_of(each)}")
    return [str(each) for each in text], True


def _sparse(vector: Any, index: Index, vocabulary: Vocabulary | None) -> tuple[list[SparseQuery], bool] | None:
    if vector is None:
        return None
    if isinstance(vector, SparseVectors):
        fitted = fitted_to(vector, index)
        return [fitted.row(number) for number in range(len(fitted))], True
    if isinstance(vector, Mapping):
        return [vector_of_terms(vector, index, vocabulary)], False
    if isinstance(vector, tuple) and len(vector) == 2 and not isinstance(vector[0], Mapping):
        return [_row(vector)], False
    if isinstance(vector, Sequence) and not isinstance(vector, str | bytes):
        rows = [_sparse(each, index, vocabulary) for each in vector]
        if all(row is not None and not row[1] for row in rows):
            return [row[0][0] for row in rows if row is not None], True
    raise InputError(f"a vector is {_VECTORS}, not {kind_of(vector)}")


def _row(pair: tuple[Any, Any]) -> SparseQuery:
    """Term ids and weights; the index checks their values when they are searched with."""
    try:
        terms, weights = np.asarray(pair[0]), np.asarray(pair[1], np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"a vector is {_VECTORS}: {error}") from None
    if terms.size == 0:
        terms = terms.astype(np.uint32)
    if terms.dtype.kind not in "iu" or terms.ndim != 1 or terms.shape != weights.shape:
        raise InputError("a vector of (term ids, weights) holds as many whole numbers as weights")
    return terms, weights


def vector_of_terms(vector: Mapping[Any, Any], index: Index, vocabulary: Vocabulary | None) -> SparseQuery:
    """Term ids, ascending, and weights of weights by term (or by term id). InputError names the term that is wrong."""
    weights: dict[int, np.float32] = {}
    for term, given in vector.items():
        id = _term_id(term, index, vocabulary)
        if isinstance(given, bool) or not isinstance(given, int | float | np.integer | np.floating):
            raise InputError(f"a weight must be a number, not {kind_of(given)}", field=f"vector.{term}")
        try:
            with np.errstate(over="ignore", under="ignore"):
                weight = np.float32(given)
        except OverflowError:
            weight = np.float32(np.inf)
        if not 0 < weight < np.inf:
            raise InputError(f"a weight must be positive and finite in float32, not {given}", field=f"vector.{term}")
        if id in weights:
            raise InputError("the term stands twice", field=f"vector.{term}")
        weights[id] = weight
    terms = sorted(weights)
    return np.array(terms, dtype=np.uint32), np.array([weights[term] for term in terms], dtype=np.float32)


def _term_id(term: Any, index: Index, vocabulary: Vocabulary | None) -> int:
    if isinstance(term, int | np.integer) and not isinstance(term, bool):
        id: int | None = int(term)
    elif not isinstance(term, str):
        raise InputError(f"a term is a string or a term id, not {kind_of(term)}", field=f"vector.{term}")
    elif vocabulary is not None:
        id = vocabulary.id(term)
    else:
        id = _known_id(term, None, index.dim)
    if id is None or not 0 <= id < index.dim:
        known = "" if vocabulary is not None else f": its terms are numbers below {index.dim:,}"
        raise InputError(f"the index has no term {term!r}{known}", field=f"vector.{term}")
    return id


def fitted_to(vectors: SparseVectors, index: Index) -> SparseVectors:
    """Queries of the size of the index's vocabulary.

    Smaller ones are of the first of its terms. In an index of bare term ids, larger ids are in no document: they are
    left out. InputError for vectors of a larger vocabulary than that of an index whose terms have names.
    """
    if vectors.dim == index.dim:
        return vectors
    bare = index.vocabulary is None and index.encoder is None
    if vectors.dim > index.dim and not bare:
        raise InputError(f"the index has {index.dim:,} terms and these queries {vectors.dim:,}")
    if vectors.dim > index.dim:
        vectors = vectors.keep(vectors.indices < index.dim)
    return SparseVectors(vectors.indptr, vectors.indices, vectors.weights, vectors.ids, index.dim, validate=False)


def read_query_vectors(index: Index, path: str | Path) -> SparseVectors:
    """The queries of a file of vectors, by the index's terms.

    Terms that are in no document are left out of queries for an index of own vectors, which names no model. InputError
    for a file of another vocabulary than that of an index that does, or of terms where the index knows only term ids.
    """
    names = read_vocabulary(path)
    if index.encoder is not None:
        # A file of term ids may be of the model alone, to which an index of words is one of further terms.
        words = index.parts.get("words")
        if names is None and words is not None and (read := read_vectors(path)).dim == words.first:
            return fitted_to(read, index)
        return read_vectors(path, vocabulary=index.vocabulary, dim=index.dim)
    if names is None:
        return fitted_to(read_vectors(path), index)
    queries = read_vectors(path, vocabulary=names)
    known = index.vocabulary
    ids = [_known_id(term, known, index.dim) for term in names]
    if known is None and not any(id is not None for id in ids):
        raise InputError("holds terms by name, and the index was made of term ids", source=str(path))
    columns = np.array([-1 if id is None else id for id in ids], np.int64)[queries.indices]
    rows = np.repeat(np.arange(len(queries)), np.diff(queries.indptr))[columns >= 0]
    lengths = np.bincount(rows, minlength=len(queries))
    weights = queries.weights[columns >= 0]
    return vectors_of_pairs(lengths, columns[columns >= 0], weights, queries.ids, index.dim, source=str(path))


def _known_id(term: str, vocabulary: Vocabulary | None, dim: int) -> int | None:
    if vocabulary is not None:
        return vocabulary.id(term)
    number = int(term) if term.isascii() and term.isdigit() and len(term) <= 10 else dim
    return number if number < dim else None


def _dense(vector: Any) -> tuple[npt.NDArray[np.float32], bool] | None:
    if vector is None:
        return None
    try:
        given = np.asarray(vector)
        if given.dtype.kind not in "iuf":
            raise TypeError
        with np.errstate(over="ignore"):
            given = given.astype(np.float32)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"a dense vector is a list or an array of numbers, not {kind_of(vector)}") from None
    if given.ndim not in (1, 2) or not given.shape[-1]:
        raise InputError(f"dense vectors are an array [dim] or [queries, dim], not of shape {given.shape}")
    if not np.isfinite(given).all():
        raise InputError("a dense vector holds numbers that are not finite")
    return np.atleast_2d(given), given.ndim == 2


class NumberedTerms:
    """The terms of an index that has no names for them: their numbers."""

    def __repr__(self) -> str:
        return "NumberedTerms()"

    def term(self, id: int) -> str:
        """The number, in digits."""
        return str(id)
