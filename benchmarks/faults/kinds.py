"""The two ways in which collections are tried: by vectors and brute force, and by texts."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from collection_oracle import LARGE, check, made_put, opened

from lsr.collection.collection import Collection
from lsr.core.documents import Document
from lsr.index import Index
from lsr.search.retriever import Retriever

Truth = Mapping[str, Any]


class Kind(Protocol):
    """What is written to a collection, and what it has to answer then. `more`: a document, under that id."""

    more: Any

    def open(self, path: Path) -> Any:
        """Who writes to it."""

    def snapshot(self, writer: Any) -> Index:
        """What the writer shows."""

    def documents(self, truth: Truth) -> dict[str, Document]:
        """The documents of a truth."""

    def write(self, writer: Any) -> None:
        """Write `more`."""

    def check(self, index: Index, truth: Truth) -> None:
        """AssertionError if a search does not find what it has to."""

    def compact(self, writer: Any) -> None:
        """Make it one segment."""
        writer.compact()


class Vectors(Kind):
    """Terms, words, tokens and dense vectors, looked for by brute force: see `collection_oracle`."""

    def __init__(self, policy: Any = LARGE) -> None:
        self._policy = policy
        self.more = made_put(np.random.default_rng(7), "more", 7)

    def open(self, path: Path) -> Any:
        return opened(path, self._policy)

    def snapshot(self, writer: Any) -> Index:
        return writer.snapshot()  # type: ignore[no-any-return]

    def documents(self, truth: Truth) -> dict[str, Document]:
        return {id: put.document for id, put in truth.items()}

    def write(self, writer: Any) -> None:
        writer.apply([self.more])

    def check(self, index: Index, truth: Truth) -> None:
        check(index, truth, np.random.default_rng(3), queries=1)


class Texts(Kind):
    """Texts, by their words, beside a collection made afresh of the same documents."""

    _queries = ("bird", "river stone", "bread")

    def __init__(self) -> None:
        self.more = Document("more", "a bird of bread")
        self._known: dict[str, list[list[tuple[str, float]]]] = {}

    def open(self, path: Path) -> Any:
        return Collection.open(path, policy=LARGE)

    def snapshot(self, writer: Any) -> Index:
        return writer.snapshot  # type: ignore[no-any-return]

    def documents(self, truth: Truth) -> dict[str, Document]:
        return dict(truth)

    def write(self, writer: Any) -> None:
        writer.add(self.more)

    def check(self, index: Index, truth: Truth) -> None:
        assert self._answers(Retriever(index)) == self._wanted(truth), "other answers"

    def _wanted(self, truth: Truth) -> list[list[tuple[str, float]]]:
        key = repr(sorted(truth.items()))
        if key not in self._known:
            with (
                tempfile.TemporaryDirectory() as folder,
                Collection.create(Path(folder) / "fresh", model="bm25") as fresh,
            ):
                fresh.add(truth.values())
                self._known[key] = self._answers(fresh)
        return self._known[key]

    def _answers(self, searched: Any) -> list[list[tuple[str, float]]]:
        return [[(hit.id, hit.score) for hit in searched.search(query, 8).hits] for query in self._queries]
