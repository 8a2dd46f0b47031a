"""The tokens of texts in a collection that counts them: which no longer count, once documents are deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import LsrError
from lsr.index.format.live_record import LiveRecord
from lsr.index.live.replay import LiveState
from lsr.index.live.tombstones import Tombstones
from lsr.index.live.writes import Write

Tokens = npt.NDArray[np.uint32]
TokensOf = Callable[[Sequence[Document]], list[Tokens]]
"""The different token ids of each text, ascending: what the IDF of a collection counts."""


class TextTokens:
    """Finds the tokens of texts that are stored, in the collection at `path`, if it counts them."""

    def __init__(self, path: Path, live: LiveRecord | None, tokens_of: TokensOf | None) -> None:
        self._path, self._tokens_of = path, tokens_of
        self._counted = live is not None and live.tokens

    def find(self, state: LiveState, writes: Sequence[Write]) -> None:
        """Say with each write which tokens no longer count: those of the document in a segment that it replaces."""
        held: list[tuple[Write, tuple[Tombstones, range]]] = []
        for write in writes if self._counted else ():
            id = state.document_of(write)
            found = None if id is None else state.in_segment(id)
            if found is not None:
                held.append((write, found))
        if not held:
            return
        if self._tokens_of is None:
            raise LsrError(f"{self._path}: to replace or delete documents of this collection, its encoder is needed")
        texts = [each.segment.part("documents").documents(rows.start, rows.stop) for _, (each, rows) in held]
        tokens = iter(self._tokens_of([row for rows in texts for row in rows]))
        for (write, _), rows in zip(held, texts, strict=True):
            write.gone = np.sort(np.concatenate([next(tokens) for _ in rows]))

    def of_rows(self, rows: Sequence[Document]) -> Tokens:
        """The tokens of the rows of a document, each once for each row, ascending."""
        if not self._counted or self._tokens_of is None:
            return np.zeros(0, np.uint32)
        return np.sort(np.concatenate(self._tokens_of(rows)))
