"""A segment that is being built, as its parts see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.vocabulary import Vocabulary
from lsr.index.format.columns import SharedColumns
from lsr.index.format.postings import Postings
from lsr.index.format.settings import IndexSettings
from lsr.index.parts.rare_terms.turns import RareTerms
from lsr.text.windows import WindowSettings


class DocumentStream(Protocol):
    """Takes the documents of a draft, batch by batch, as they are added."""

    def check(self, documents: Sequence[Document]) -> None:
        """Check documents before they are written. InputError if they cannot follow the earlier ones."""
        ...

    def append(self, documents: Sequence[Document]) -> None:
        """Write documents that `check` accepted."""
        ...

    def finish(self) -> None:
        """Write what is known only at the end, and close. InputError if the documents do not fit together."""
        ...

    def close(self) -> None:
        """Close the files, after `finish` or instead of it."""
        ...


@dataclass(slots=True)
class SegmentDraft:
    """What is known of a segment while it is built.

    Attributes:
        folder: where its files go.
        dim: number of terms in the vocabulary; of those that occur, once `term_ids` says which these are; of columns,
            where rare terms share some.
        settings: how it is built.
        vocabulary: to be stored, or None.
        windows: how documents were cut, if its rows are windows; windows_record: what the manifest says of them.
        token_frequencies: int64 [dim]: the number of documents in whose text each term is a token, or None.
        term_ids: uint32 [dim], ascending: what each column stands for, if that is not the term of its number.
        documents: how many came.
        by_id: whether rows go by the documents' ids, not as they are added.
        arrivals: uint32 [documents]: which of the documents, as they were added, each row is; None if they are rows as
            they were added. Known once the streams have finished.
        shared: which columns rare terms share, or None; rare_terms: which of them they are, once that is written.
        words: the names of the last terms, or None.
        compact: whether counts and offsets are stored in as few bytes as they need (`lsr.index.format.arrays.STORED`).
        forward: the forward index, once it is written.
        threads: how many work at once.
    """

    folder: Path
    dim: int
    settings: IndexSettings
    vocabulary: Vocabulary | None = None
    windows: WindowSettings | None = None
    windows_record: dict[str, Any] | None = None
    token_frequencies: npt.NDArray[np.int64] | None = None
    term_ids: npt.NDArray[np.uint32] | None = None
    shared: SharedColumns | None = None
    rare_terms: RareTerms | None = None
    words: Sequence[str] | None = None
    documents: int = 0
    by_id: bool = False
    arrivals: npt.NDArray[np.uint32] | None = None
    compact: bool = False
    forward: Postings = field(init=False)
    threads: int | None = None
