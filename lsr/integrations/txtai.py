"""txtai: a collection as the sparse index of `Embeddings`, alone or beside dense vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.extras import needed
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.integrations.store import Store

with needed("txtai", "txtai", "txtai"):
    from txtai.scoring import Scoring

METHOD = "lsr.integrations.txtai.LsrScoring"
"""What `Embeddings` calls it."""


class LsrScoring(Scoring):
    """A sparse index that encodes texts by a model of lsr, and searches them with it.

    `Embeddings({"defaults": False, "scoring": {"method": METHOD, "terms": True, "model": "lsr-doc-tiny"}})`: `terms`
    tells txtai that it is a sparse index, and `defaults` that no dense model is to be fetched. Other keys: `settings`,
    keywords of `lsr.Collection.create`; `how`, keywords of a search; `normalize`, whether scores of a query are divided
    by its best, as a hybrid search with dense vectors wants them.
    """

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        super().__init__(config)
        self._store: Store | None = None
        self._folder = Path(mkdtemp(prefix="lsr-txtai-"))
        self._remove = finalize(self, rmtree, self._folder, ignore_errors=True)

    @property
    def _open(self) -> Store:
        if self._store is None:
            settings = {"model": self.config.get("path") or self.config.get("model", DEFAULT_MODEL)}
            self._store = Store(self._folder / "collection", **settings | self.config.get("settings", {}))
        return self._store

    def insert(
        self, documents: Iterable[tuple[Any, Any, Any]], index: int | None = None, checkpoint: Any = None
    ) -> None:
        """Add documents, `(id, text or {"text": …} or tokens, tags)`; those without a text are left out.

        With `index`, they are called by numbers from there on, which is what txtai goes by.
        """
        self._open.add(self._documents(documents, index))

    def _documents(self, documents: Iterable[tuple[Any, Any, Any]], index: int | None) -> Iterator[Document]:
        for id, given, _ in documents:
            text = given.get(self.text, given.get(self.object)) if isinstance(given, dict) else given
            if text is not None:
                name = str(id if index is None else index)
                yield Document(name, " ".join(map(str, text)) if isinstance(text, list) else str(text))
                index = None if index is None else index + 1

    def delete(self, ids: Iterable[Any]) -> None:
        """Delete documents by id, as far as they are there."""
        self._open.delete(map(str, ids))

    def weights(self, tokens: Any) -> None:
        """None: it does not weight the words of other vectors."""

    def search(self, query: str, limit: int = 3) -> list[tuple[int, float]]:
        """The best documents for a text: ids and scores."""
        hits = self._open.search(query, limit, **self.config.get("how", {}))
        best = float(hits[0].score) if hits and self.isnormalized() else 1.0
        return [(int(hit.id), float(hit.score) / best) for hit in hits]

    def batchsearch(self, queries: list[str], limit: int = 3, threads: Any = True) -> list[list[tuple[int, float]]]:
        """The best documents for each of several texts."""
        return [self.search(query, limit) for query in queries]

    def count(self) -> int:
        """How many documents there are."""
        return self._open.count()

    def save(self, path: str) -> None:
        """Save a copy as a folder, which `lsr search` and others can open."""
        self._open.close()
        self._store = None
        rmtree(path, ignore_errors=True)
        copytree(self._folder / "collection", path)

    def load(self, path: str) -> None:
        """Take a copy of a saved folder; the saved one is never written to. InputError if it is none."""
        if not Path(path).is_dir():
            raise InputError("is no saved index", source=path)
        self._let_go()
        copytree(path, self._folder / "collection")

    def close(self) -> None:
        """Close the index, and remove what was not saved."""
        self._let_go()
        self._remove()

    def _let_go(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
        rmtree(self._folder / "collection", ignore_errors=True)

    def findmodel(self) -> None:
        """None: no vector model of txtai's."""

    def issparse(self) -> bool:
        """True: it has an index of its own."""
        return True

    def isnormalized(self) -> bool:
        """Whether the best score of each query is 1."""
        return bool(self.config.get("normalize", False))
