"""Dense vectors that are stored already, for texts that did not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lsr.core.documents import Document
from lsr.core.errors import NotFoundError
from lsr.core.types import Vectors
from lsr.text.windows import split_window_id

if TYPE_CHECKING:
    from lsr.index import Index
    from lsr.index.format.manifest import Manifest


class StoredDense:
    """The dense vectors of a snapshot, by documents and texts of its rows: what its model made of them. For one thread.

    `cuts`: whether the rows that are asked for are windows of documents.
    """

    def __init__(self, index: Index, *, cuts: bool) -> None:
        self._documents, self._dense, self._cuts = index.documents, index.parts["dense"], cuts
        # The document that was asked for last, for its windows are asked for together.
        self._id, self._rows = "", dict[str, int]()

    def __call__(self, row: Document) -> Vectors | None:
        """float32 [dim]: what is stored of a row of the same document with the same text; None if there is none."""
        id = split_window_id(row.id)[0] if self._cuts else row.id
        if id != self._id:
            self._id, self._rows = id, self._texts_of(id)
        number = self._rows.get(row.contents)
        if number is None:
            return None
        found: Vectors = self._dense.vectors[np.array([number])][0]
        return found

    def _texts_of(self, id: str) -> dict[str, int]:
        try:
            return {self._documents.at(row).contents: row for row in self._documents.rows_of(id)}
        except NotFoundError:
            return {}


def stored_dense(index: Index, manifest: Manifest) -> StoredDense | None:
    """The vectors of a snapshot, if the collection of this manifest would have the same; else None."""
    live = manifest.live
    if live is None or live.dense is None or "dense" not in index.parts:
        return None
    record = index.parts["dense"].record
    # Without a record of the model, nobody knows which one made them.
    same = record.encoder is not None and {**record.to_record(), "kind": ""} == {**live.dense, "kind": ""}
    return StoredDense(index, cuts=live.windows is not None) if same else None
