"""The words of a collection: counted while its documents go by, and then weighed by BM25.

A document's weight of a word is tf / (tf + k1 (1 - b + b length / mean length)), a query's its IDF in the form "bm25"
(`lsr.encoding.sparse.idf.inverse_document_frequency`): Lucene's variant (Kamphuis et al., ECIR 2020). Words are
numbered by the documents that hold them, the most first, ties by their letters, so that their numbers do not depend on
the order of the documents, and rare words, which are most of them, have the highest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.encoding.lexical.analysis import ANALYSIS, Analyser
from lsr.encoding.lexical.settings import LexicalRecord, LexicalSettings
from lsr.vectors.beside import beside
from lsr.vectors.sparse import SparseVectors

# How many are counted at a time.
_ROWS = 1 << 14

_Counts = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]


class WordCounter:
    """Counts the words of a collection's texts, in the order of its rows; as context manager, for it keeps a file.

    Memory holds each different word once; the words of each text go to a temporary file in `folder` (default: the
    system's), four bytes each.

    `mean_length` is that which weights go by, as `LexicalRecord.mean_length` of an index has it, so that a text has the
    same weights in another; default: that of these texts. InputError unless it is a number from 0. With `title_weight`,
    words of titles count 1 + so many times, in lengths, too (`lsr.encoding.titles`).
    """

    def __init__(
        self,
        settings: LexicalSettings,
        folder: Path | None = None,
        *,
        mean_length: float | None = None,
        title_weight: float = 0.0,
    ) -> None:
        if mean_length is not None and not 0 <= mean_length < math.inf:
            raise InputError(f"must be a number from 0, not {mean_length}", field="mean_length")
        self.settings = settings
        self._mean_length, self._title_weight = mean_length, title_weight
        self._analyser = Analyser.of(settings)
        self._numbers: dict[str, int] = {}
        self._lengths: list[npt.NDArray[np.int64]] = []
        self._titles: list[npt.NDArray[np.int64]] = []
        self._file: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115 (closed on leaving the context)

    def __repr__(self) -> str:
        return f"WordCounter({len(self._numbers):,} words)"

    def __enter__(self) -> WordCounter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, texts: Sequence[str], titles: Sequence[str] = ()) -> None:
        """Count the words of further texts, which begin with their titles if these are given."""
        in_titles = [len(self._analyser.words(title)) for title in titles if self._title_weight]
        self.add_words(map(self._analyser.words, texts), in_titles or [0] * len(texts))

    def add_words(self, texts: Iterable[Sequence[str]], in_titles: Sequence[int]) -> None:
        """Count the words of further texts, given as these; of each, the first so many are the title's, if that counts.

        They are those of an `Analyser` of the same settings.
        """
        numbers, lengths = self._numbers, []
        self._titles.append(np.array(in_titles, np.int64))
        for words in texts:
            lengths.append(len(words))
            found = np.fromiter((numbers.setdefault(word, len(numbers)) for word in words), np.uint32, len(words))
            self._file.write(found.data)
        self._lengths.append(np.array(lengths, np.int64))

    def finish(self) -> CollectionWords:
        """What was counted, with the words in their order."""
        self._file.flush()
        none = [np.zeros(0, np.int64)]
        lengths, titles = np.concatenate(self._lengths or none), np.concatenate(self._titles or none)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        found = np.memmap(self._file, np.uint32, "r") if starts[-1] else np.zeros(0, np.uint32)
        documents = np.zeros(len(self._numbers), np.int64)
        for first in range(0, len(lengths), _ROWS):
            last = min(first + _ROWS, len(lengths))
            part = found[starts[first] : starts[last]]
            _, words, _, _ = _counts(part, lengths[first:last], titles[first:last], len(documents))
            documents += np.bincount(words, minlength=len(documents))
        names = np.array(list(self._numbers), dtype=object)
        order = sorted(range(len(names)), key=lambda number: (-documents[number], names[number]))
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        mean_length = self._mean_length
        if mean_length is None:
            mean_length = float(weighted(starts[-1], titles.sum(), self._title_weight) / max(len(lengths), 1))
        ordered = [str(name) for name in names[order]]
        return CollectionWords(
            self.settings, ordered, documents[order], starts, found, places, titles, self._title_weight, mean_length
        )


@dataclass(frozen=True, slots=True)
class CollectionWords:
    """The words of a collection, and of each of its rows. Good while the `WordCounter` that made it is open.

    Attributes:
        settings: by which they were counted.
        words: the different ones, in their order; documents: int64: how many rows hold each.
        starts: int64 [rows + 1]: where each row's words begin in `found`.
        found: uint32: numbers of words by their first occurrence; places: int64: their places in `words`.
        titles: int64 [rows]: how many of a row's first words are its title's, which count 1 + title_weight times.
        mean_length: the number of words that lengths of rows are compared with: their mean, unless another was given.
    """

    settings: LexicalSettings
    words: list[str]
    documents: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    found: npt.NDArray[np.uint32]
    places: npt.NDArray[np.int64]
    titles: npt.NDArray[np.int64]
    title_weight: float
    mean_length: float

    def record(self) -> LexicalRecord:
        """What the index says of them."""
        return LexicalRecord(settings=self.settings, mean_length=self.mean_length, analysis=ANALYSIS)

    def beside(self, vectors: SparseVectors, first: int) -> SparseVectors:
        """The vectors of rows `first` … with their words as further terms, of dim `vectors.dim` + the words.

        InputError for more vectors than there were texts.
        """
        if first + len(vectors) >= len(self.starts):
            raise InputError("there are more vectors than texts whose words were counted")
        last = first + len(vectors)
        lengths = np.diff(self.starts[first : last + 1])
        found = self.places[self.found[self.starts[first] : self.starts[last]]]
        titles = self.titles[first:last]
        rows, words, counts, of_titles = _counts(found, lengths, titles, len(self.words))
        weights = damped(
            weighted(counts, of_titles, self.title_weight),
            weighted(lengths, titles, self.title_weight)[rows],
            self.mean_length,
            self.settings,
        )
        indptr = np.searchsorted(rows, np.arange(len(vectors) + 1))
        dim = vectors.dim + len(self.words)
        return beside(vectors, SparseVectors(indptr, words + vectors.dim, weights, vectors.ids, dim, validate=False))


def damped(
    counts: npt.NDArray[Any], lengths: npt.NDArray[Any], mean_length: float, settings: LexicalSettings
) -> npt.NDArray[np.float32]:
    """BM25's document side: the weight of words that occur `counts` times in texts of `lengths` words: float32 [n]."""
    damping = settings.k1 * (1 - settings.b + settings.b * lengths / (mean_length or 1.0))
    return (counts / (counts + damping)).astype(np.float32)


def weighted(counts: Any, of_titles: Any, title_weight: float) -> Any:
    """Numbers of words, of which so many are of titles, as weights go by them."""
    return counts + title_weight * of_titles if title_weight else counts


def _counts(
    found: npt.NDArray[np.integer], lengths: npt.NDArray[np.int64], titles: npt.NDArray[np.int64], words: int
) -> _Counts:
    """(row, word, how often, how often in the title) of each different word of each row, by row, then word."""
    row = np.repeat(np.arange(len(lengths)), lengths)
    keys = row * np.int64(max(words, 1)) + found
    distinct, counts = np.unique(keys, return_counts=True)
    of_titles = np.zeros(len(distinct), np.int64)
    if titles.any():
        within = np.arange(len(found)) - np.repeat(np.cumsum(lengths) - lengths, lengths) < titles[row]
        in_titles, times = np.unique(keys[within], return_counts=True)
        of_titles[np.searchsorted(distinct, in_titles)] = times
    rows, numbers = np.divmod(distinct, max(words, 1))
    return rows, numbers, counts, of_titles
