"""Titles that count more than the text that follows them.

What the index stores of a document is the vector of its whole text, title included, plus `weight` times that of its
title alone; words of the title count 1 + weight times, as in BM25F (Robertson, Zaragoza and Taylor, CIKM 2004). A
factor at query time would rank by the same sums, in an index of more terms, by queries of twice as many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.vectors.sparse import SparseVectors

RECORD = "title_weight"
"""The field of an encoder's record that holds the weight; not there for 0."""


class EncodesDocuments(Protocol):
    """A sparse encoder, or `WordsAlone`."""

    @property
    def dim(self) -> int: ...

    def encode_documents(
        self,
        texts: Iterable[str],
        ids: Sequence[str],
        *,
        top_k: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> SparseVectors: ...


def check_title_weight(weight: float) -> float:
    """The weight. InputError unless it is a number from 0 to 100."""
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 100:
        raise InputError(f"must be a number from 0 to 100, not {weight!r}", field=RECORD)
    return float(weight)


def title_weight_of(record: dict[str, Any] | None) -> float:
    """The weight by which the documents of an encoder's record were encoded. InputError for one that is none."""
    return check_title_weight((record or {}).get(RECORD, 0.0))


def recorded(weight: float) -> dict[str, float]:
    """What an encoder's record says of it: nothing for 0, as records had it before there was one."""
    return {RECORD: weight} if weight else {}


def encode_titled(
    encoder: EncodesDocuments,
    documents: Sequence[Document],
    weight: float,
    *,
    top_k: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> SparseVectors:
    """The vectors of documents, to which those of their titles are added, times `weight`.

    top_k: keep each row's heaviest terms; progress: called with the number of documents just encoded.
    """
    texts, ids = [document.contents for document in documents], [document.id for document in documents]
    if not weight or not encoder.dim:
        return encoder.encode_documents(texts, ids, top_k=top_k, progress=progress)
    whole = encoder.encode_documents(texts, ids, progress=progress)
    titles = encoder.encode_documents([document.title for document in documents], ids)
    added = SparseVectors.from_scipy(whole.to_scipy() + np.float32(weight) * titles.to_scipy(), ids)
    return added if top_k is None else added.top_k(top_k)
