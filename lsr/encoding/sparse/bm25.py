"""BM25 as a sparse encoder (Robertson and Zaragoza 2009).

BM25 is an inner product: a document's weight of a term is its frequency, damped by the document's length; a query's is
the term's inverse document frequency. So these vectors can be stored, indexed and searched like learned sparse vectors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import kind_of, texts_of
from lsr.core.errors import InputError, MissingDependencyError
from lsr.vectors.sparse import SparseVectors

# Lucene's, as bm25s has them.
_STOP_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())

_WORD = re.compile(r"\b\w\w+\b")
# How many words' terms are cached, so that few are stemmed twice.
_REMEMBERED = 1 << 20


class Bm25Encoder:
    """BM25 in Lucene's variant, with the document frequencies and the mean length of one corpus. Make one with `fit`.

    Texts are put in lower case and cut into words of two characters or more; 33 English stop words are left out, the
    others go through the English Snowball stemmer. Scores are those of bm25s's "lucene" method (the "accurate" one of
    Kamphuis et al., ECIR 2020), to float32's accuracy; `lsr.eval.systems.bm25` measures with that library and these
    settings.

    Attributes:
        name: "bm25".
        dim: the number of terms.
        k1, b: the usual parameters.
        documents: how many documents the statistics come from.
        mean_length: their mean number of words.
    """

    name = "bm25"

    def __init__(
        self, terms: dict[str, int], frequencies: Sequence[int], documents: int, words: int, *, k1: float, b: float
    ) -> None:
        self._analyse = _analyser(terms)
        self.k1, self.b = k1, b
        self.documents = documents
        self.mean_length = words / documents
        found_in = np.array(frequencies, dtype=np.float64)
        self._idf = np.log1p((documents - found_in + 0.5) / (found_in + 0.5)).astype(np.float32)
        self.dim = max(1, len(terms))

    @classmethod
    def fit(
        cls, texts: Iterable[str], *, k1: float = 1.2, b: float = 0.75, progress: Callable[[int], None] | None = None
    ) -> Bm25Encoder:
        """Read a corpus once for its statistics; only the terms stay in memory.

        Raises InputError for an empty corpus or invalid parameters; MissingDependencyError without PyStemmer.
        """
        if not (math.isfinite(k1) and k1 >= 0 and 0 <= b <= 1):
            raise InputError(f"BM25 needs a k1 of at least 0 and a b in 0 … 1, not {k1} and {b}")
        terms: dict[str, int] = {}
        frequencies: list[int] = []
        documents = words = 0
        analyse = _analyser(terms, grow=True)
        for text in texts_of(texts):
            found = analyse(text)
            frequencies.extend([0] * (len(terms) - len(frequencies)))
            for term in set(found):
                frequencies[term] += 1
            documents += 1
            words += len(found)
            if progress:
                progress(1)
        if not documents:
            raise InputError("BM25 needs a corpus, but there are no texts")
        return cls(terms, frequencies, documents, words, k1=k1, b=b)

    def encode_documents(
        self, texts: Iterable[str], ids: Sequence[str] | None = None, *, progress: Callable[[int], None] | None = None
    ) -> SparseVectors:
        """tf / (tf + k1 (1 - b + b length / mean length)) for every term of each text; ids default to "0", "1", …."""
        rows, terms, counts, lengths = self._count(texts, progress)
        damping = self.k1 * (1 - self.b + self.b * lengths / (self.mean_length or 1.0))
        return self._vectors(rows, terms, counts / (counts + damping[rows]), len(lengths), ids)

    def encode_queries(
        self, texts: Iterable[str], ids: Sequence[str] | None = None, *, progress: Callable[[int], None] | None = None
    ) -> SparseVectors:
        """log(1 + (N - df + 0.5) / (df + 0.5)) for every term of each text, times its number of occurrences."""
        rows, terms, counts, lengths = self._count(texts, progress)
        return self._vectors(rows, terms, counts * self._idf[terms], len(lengths), ids)

    def settings(self) -> dict[str, Any]:
        """The variant and the corpus's size, as JSON values."""
        return {"model": self.name, "k1": self.k1, "b": self.b, "documents": self.documents, "terms": self.dim}

    def _count(
        self, texts: Iterable[str], progress: Callable[[int], None] | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(text, term, count) triples by text, then term; and the words of each text."""
        found: list[npt.NDArray[np.int64]] = []
        for text in texts_of(texts):
            found.append(np.array(self._analyse(text), dtype=np.int64))
            if progress:
                progress(1)
        lengths = np.array([len(words) for words in found], dtype=np.int64)
        words = np.concatenate(found) if found else np.empty(0, np.int64)
        places = np.repeat(np.arange(len(found)), lengths) * self.dim + words
        distinct, counts = np.unique(places[words >= 0], return_counts=True)
        rows, terms = np.divmod(distinct, self.dim)
        return rows, terms, counts.astype(np.float64), lengths.astype(np.float64)

    def _vectors(
        self,
        rows: npt.NDArray[np.int64],
        terms: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float64],
        count: int,
        ids: Sequence[str] | None,
    ) -> SparseVectors:
        indptr = np.searchsorted(rows, np.arange(count + 1))
        names = [str(row) for row in range(count)] if ids is None else ids
        return SparseVectors(indptr, terms, weights, names, self.dim, validate=ids is not None)

    def __repr__(self) -> str:
        return f"Bm25Encoder({self.documents:,} documents, {self.dim:,} terms, k1 {self.k1:g}, b {self.b:g})"


def _analyser(terms: dict[str, int], *, grow: bool = False) -> Callable[[str], list[int]]:
    """A function from a text to the term ids of its words, stop words left out.

    A term that is not among `terms` is -1, or with `grow` gets the next id.
    """
    try:
        from Stemmer import Stemmer
    except ImportError:
        raise MissingDependencyError(
            "BM25 needs PyStemmer, which is not installed: pip install 'lsr-engine[train]'"
        ) from None
    stem = Stemmer("english").stemWord
    ids: dict[str, int] = {}

    def find(word: str) -> int:
        stemmed = stem(word)
        id = terms.setdefault(stemmed, len(terms)) if grow else terms.get(stemmed, -1)
        if len(ids) >= _REMEMBERED:
            ids.clear()
        ids[word] = id
        return id

    def analyse(text: str) -> list[int]:
        if not isinstance(text, str):
            raise InputError(f"a text must be a string, not {kind_of(text)}")
        words = (word for word in _WORD.findall(text.lower()) if word not in STOP_WORDS)
        return [find(word) if (id := ids.get(word)) is None else id for word in words]

    return analyse
