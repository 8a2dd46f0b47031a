"""What the segment in memory has to answer, from a dictionary."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np

from lsr.core.documents import Document
from lsr.index.live.memory.tables import MemorySettings
from lsr.index.live.writes import Put


def put(
    id: str,
    terms: dict[int, float],
    words: dict[str, float] | None = None,
    *,
    tokens: tuple[int, ...] = (),
    length: int = 0,
    dense: list[float] | None = None,
    text: str = "",
) -> Put:
    """A document of these weights."""
    words = words or {}
    return Put(
        Document(id, text),
        np.array(sorted(terms), np.uint32),
        np.array([terms[term] for term in sorted(terms)], np.float32),
        tuple(words),
        np.array(list(words.values()), np.float32),
        np.array(sorted(tokens), np.uint32),
        length,
        None if dense is None else np.array(dense, np.float32),
    )


@dataclasses.dataclass
class Oracle:
    """Documents by id."""

    settings: MemorySettings
    documents: dict[str, Put] = dataclasses.field(default_factory=dict)

    def copy(self) -> Oracle:
        return Oracle(self.settings, dict(self.documents))

    def stored(self, weight: float) -> Fraction:
        """What a weight is stored as."""
        parts = 1 << self.settings.bits - 8
        exact = Fraction(float(np.float32(weight))) / Fraction(self.settings.scale)
        return Fraction(min(max(round(exact * parts), 1), 255 * parts), parts)

    def score(self, document: Put, query: dict[int | str, float]) -> np.float32:
        """The exact sum, rounded once. Weights of a query are times the scale already."""
        total = Fraction(0)
        for name, weight in [
            *zip(document.terms.tolist(), document.weights.tolist(), strict=True),
            *zip(document.words, document.word_weights.tolist(), strict=True),
        ]:
            if name in query:
                total += self.stored(weight) * Fraction(query[name])
        return np.float32(float(total))

    def search(self, query: dict[int | str, float], k: int, ids: set[str], least: float) -> list[tuple[str, float]]:
        """(id, score) of the best of these ids, equal ones by the bytes of their ids."""
        found = [(id, self.score(self.documents[id], query)) for id in self.documents if id in ids]
        found = [(id, float(score)) for id, score in found if score > 0 and score >= least]
        return sorted(found, key=lambda hit: (-hit[1], hit[0].encode()))[:k]

    def saturated(self) -> int:
        """How many weights are heavier than what can be stored."""
        parts = 1 << self.settings.bits - 8
        return sum(
            round(Fraction(weight) / Fraction(self.settings.scale) * parts) > 255 * parts
            for document in self.documents.values()
            for weight in [*document.weights.tolist(), *document.word_weights.tolist()]
        )
