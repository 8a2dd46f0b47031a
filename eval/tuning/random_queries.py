"""Queries that no document is an answer to: of words of a collection that were drawn from one document each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lsr.core.errors import InputError
from lsr.index.filters.allowed import AllowedRows

if TYPE_CHECKING:
    from lsr.index import Index

# How many words a query has.
_FEWEST, _MOST = 3, 12
# Draws for each word that is wanted, before a collection counts as one without texts.
_TRIES = 20


def random_queries(index: Index, count: int, *, seed: int = 0) -> list[str]:
    """So many queries of 3 to 12 words, each of another document. InputError for an index without texts.

    Common words come as often as they do in texts, so that a query looks like one of the collection's subject.
    """
    generator = np.random.default_rng(seed)
    rows = AllowedRows.of(None, len(index)).among(index.documents.alive).numbers()
    if not len(rows):
        raise InputError(f"the index at {index.path} holds no documents to draw words from")
    queries = []
    for _ in range(count):
        words: list[str] = []
        wanted = int(generator.integers(_FEWEST, _MOST + 1))
        for _ in range(_TRIES * wanted):
            document, _window = index.documents.passage(int(generator.choice(rows)))
            held = f"{document.title} {document.text}".split()
            if held:
                words.append(held[int(generator.integers(len(held)))])
            if len(words) == wanted:
                break
        else:
            raise InputError(f"the index at {index.path} stores too few texts to draw words from")
        queries.append(" ".join(words))
    return queries
