"""The words of a query, by the words of an index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lsr.core.errors import ModelError
from lsr.encoding.lexical.analysis import ANALYSIS, Analyser
from lsr.encoding.lexical.settings import LexicalRecord
from lsr.encoding.lexical.synonyms import Synonyms
from lsr.encoding.lexical.words import damped
from lsr.encoding.sparse.idf import inverse_document_frequency
from lsr.encoding.sparse.rows import NOTHING, Row


class WordTable(Protocol):
    """The words of an index."""

    def __len__(self) -> int: ...

    def find(self, word: str) -> int | None: ...


class WordNumbers(dict[str, int]):
    """A `WordTable` in memory: words in the order of their numbers."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__((word, number) for number, word in enumerate(words))

    def find(self, word: str) -> int | None:
        """The number of a word; None if it is not one of them."""
        return self.get(word)


class IndexWords:
    """Weighs the words of texts as an index's documents and queries are weighed. Safe to use from several threads.

    Args:
        record: what the index says of its words.
        words: of the index: `find` gives the term id of one, or None.
        documents: how many of the `rows` hold each of some term ids: int64 [n].
        synonyms: rules of `lsr.encoding.lexical.synonyms`, for queries.

    ModelError for an index whose words were cut by other rules than today's.
    """

    def __init__(
        self,
        record: LexicalRecord,
        words: WordTable,
        documents: Callable[[npt.NDArray[np.uint32]], npt.NDArray[np.int64]],
        rows: int,
        synonyms: Sequence[str] = (),
    ) -> None:
        if record.analysis != ANALYSIS:
            raise ModelError(
                f"the words of this index were cut by rules of version {record.analysis}, and these are of version "
                f"{ANALYSIS}",
                remedies=["build the index again", "search it with a lexical_weight of 0, by its model alone"],
            )
        self.record = record
        self._words, self._documents, self._rows = words, documents, rows
        self._analyser = Analyser.of(record.settings)
        self._synonyms = Synonyms(synonyms, self._analyser.words, "the synonyms of this index")
        self._lock = Lock()  # stemmers are for one thread at a time

    def __repr__(self) -> str:
        return f"IndexWords({len(self._words):,} words, {self.record.settings.language})"

    def query(self, text: str, weight: float | None = None) -> Row:
        """The words' term ids, ascending, and IDF times `weight` (default: the settings') times their number."""
        ids, counts = self._found(self._synonyms.counted(self._cut(text)))
        weight = self.record.settings.weight if weight is None else weight
        held = self._documents(ids)
        if not held.all():
            # Words of deleted documents alone: as if they had never been there.
            ids, counts, held = ids[held > 0], counts[held > 0], held[held > 0]
        if not len(ids):
            return NOTHING
        idf = inverse_document_frequency(held, self._rows)
        return ids, (idf * counts.astype(np.float32) * np.float32(weight)).astype(np.float32)

    def document(self, text: str) -> Row:
        """The term ids, ascending, and the weights of a document; words that the index does not hold have none."""
        words = self._cut(text)
        ids, counts = self._found(Counter(words))
        lengths = np.full(len(ids), len(words), np.int64)
        return ids, damped(counts, lengths, self.record.mean_length, self.record.settings)

    def _cut(self, text: str) -> list[str]:
        with self._lock:
            return self._analyser.words(text)

    def _found(self, counts: Counter[str]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[Any]]:
        """The term ids, ascending, of the words that the index holds, and how often they were counted."""
        found = sorted((id, count) for word, count in counts.items() if (id := self._words.find(word)) is not None)
        return np.array([id for id, _ in found], np.uint32), np.array([count for _, count in found])
