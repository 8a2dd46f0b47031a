"""What an engine has to do here, and the documents that it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from lsr.vectors.files import iter_vectors

# Words of consonants: no analyser takes one for a stop word, cuts it, or finds a stem in it.
_LETTERS = "bcdfghjklmnpqrtv"


def word(term: int) -> str:
    """The word that stands for a term below 65,536."""
    return "".join(_LETTERS[term >> shift & 15] for shift in (12, 8, 4, 0))


@dataclass(frozen=True, slots=True)
class Vector:
    """Terms, ascending, and their weights."""

    terms: list[int]
    weights: list[float]

    @property
    def text(self) -> str:
        """The words of the terms, each as often as its weight, rounded, says; once at least."""
        pairs = zip(self.terms, self.weights, strict=True)
        return " ".join(" ".join([word(term)] * max(1, round(weight))) for term, weight in pairs)

    @property
    def words(self) -> str:
        """The words of the terms, each once: a question."""
        return " ".join(map(word, self.terms))

    def marked(self, term: int) -> Vector:
        """The same with one more term, which is beyond the others."""
        return Vector([*self.terms, term], [*self.weights, 1.0])


@dataclass(frozen=True, slots=True)
class PeerDocument:
    """A document; `version` tells it from others that have been under its id."""

    id: int
    version: int
    vector: Vector


@dataclass(frozen=True, slots=True)
class Sizes:
    """What may have to be known when a collection is made: the number of terms, and the heaviest weight."""

    terms: int
    heaviest: float


class PeerEngine(ABC):
    """A collection of one engine.

    Attributes:
        title: as tables have it; package: the distribution that has to be installed; module: by which it is imported.
        promise: what has been done when a write returns.
        finds: "vectors" or "BM25".
    """

    title: ClassVar[str]
    package: ClassVar[str]
    module: ClassVar[str]
    promise: ClassVar[str]
    finds: ClassVar[str] = "vectors"

    @abstractmethod
    def __init__(self, folder: Path, sizes: Sizes) -> None:
        """Open what is in a folder; make it if there is nothing."""

    @abstractmethod
    def prepared(self, documents: Sequence[PeerDocument]) -> Any:
        """The documents as the engine takes them, which is not timed."""

    @abstractmethod
    def add(self, prepared: Any) -> None:
        """Add documents whose ids are new. What `promise` says has been done when this returns, as with all writes."""

    @abstractmethod
    def replace(self, prepared: Any) -> None:
        """Put documents in the place of those of their ids."""

    @abstractmethod
    def delete(self, ids: Sequence[int]) -> None:
        """Delete documents."""

    @abstractmethod
    def search(self, query: Vector, k: int = 10) -> list[int]:
        """The ids of the best documents, as all writes have left them."""

    @abstractmethod
    def compact(self) -> None:
        """Do what the engine offers for less space and faster searches, to its end."""

    @abstractmethod
    def holds(self) -> dict[int, int]:
        """The version of every document, by id."""

    @abstractmethod
    def close(self) -> None:
        """End it in order."""


def read(path: Path, most: int) -> list[Vector]:
    """The first vectors of a file."""
    rows = (
        Vector(terms.tolist(), weights.tolist())
        for batch in iter_vectors(path, batch_rows=1000)
        for terms, weights in map(batch.row, range(len(batch)))
    )
    return list(islice(rows, most))


def sizes_of(vectors: Sequence[Vector], markers: int) -> tuple[Sizes, int]:
    """What a collection of these and so many markers needs, and the first marker."""
    first = 1 + max(max(each.terms, default=0) for each in vectors)
    heaviest = max(max(each.weights, default=0.0) for each in vectors)
    return Sizes(first + markers, max(1.0, heaviest)), first
