"""This engine, given vectors, and given words alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lsr.core.documents import Document
from lsr.index.live.writes import Delete, Put
from peers.engine import PeerDocument, PeerEngine, Sizes, Vector

_PROMISE = "logged, and the log forced to the disk (fsync): stays if the power goes"


class OurVectors(PeerEngine):
    """`CollectionWriter`."""

    title, package, module = "lsr", "lsr-engine", "lsr"
    promise = _PROMISE

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        # Loading compiled kernels takes a second, which other engines need not wait for.
        from lsr.index.collection.create import create_collection
        from lsr.index.collection.writer import CollectionWriter

        if not folder.exists():
            create_collection(folder, terms=sizes.terms, weight_scale=sizes.heaviest / 255)
        self._writer = CollectionWriter(folder)

    def prepared(self, documents: Sequence[PeerDocument]) -> list[Put]:
        return [
            Put(
                Document(str(each.id), "", fields={"version": each.version}),
                np.array(each.vector.terms, np.uint32),
                np.array(each.vector.weights, np.float32),
            )
            for each in documents
        ]

    def add(self, prepared: list[Put]) -> None:
        self._writer.apply(prepared)

    replace = add

    def delete(self, ids: Sequence[int]) -> None:
        self._writer.apply([Delete(str(id)) for id in ids])

    def search(self, query: Vector, k: int = 10) -> list[int]:
        terms, weights = np.array(query.terms, np.uint32), np.array(query.weights, np.float32)
        return [int(id) for id in self._writer.snapshot().search(terms, weights, k=k, mode="exact").ids]

    def compact(self) -> None:
        self._writer.compact()

    def holds(self) -> dict[int, int]:
        return {int(each.id): each.fields["version"] for each in self._writer.snapshot().documents.scan()}

    def close(self) -> None:
        self._writer.close()


class OurWords(PeerEngine):
    """`lsr.Collection` of the model "bm25"."""

    title, package, module = "lsr, words alone", "lsr-engine", "lsr"
    promise = _PROMISE
    finds = "BM25"

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        from lsr import Collection

        made = folder.exists()
        self._collection = Collection.open(folder) if made else Collection.create(folder, model="bm25")

    def prepared(self, documents: Sequence[PeerDocument]) -> list[dict[str, Any]]:
        return [{"_id": str(each.id), "text": each.vector.text, "version": each.version} for each in documents]

    def add(self, prepared: list[dict[str, Any]]) -> None:
        self._collection.add(prepared)

    replace = add

    def delete(self, ids: Sequence[int]) -> None:
        self._collection.delete(map(str, ids))

    def search(self, query: Vector, k: int = 10) -> list[int]:
        return [int(hit.id) for hit in self._collection.search(query.words, k, mode="exact")]

    def compact(self) -> None:
        self._collection.compact()

    def holds(self) -> dict[int, int]:
        return {int(each.id): each.fields["version"] for each in self._collection.scan()}

    def close(self) -> None:
        self._collection.close()
