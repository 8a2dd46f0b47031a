"""A collection of very many terms, so that several of a document share a column of an index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from index_oracle import Pairs

from lsr.index import BmpSettings, Index, IndexBuilder, IndexSettings, SeismicSettings
from lsr.index.format.columns import COLUMNS, SHARED
from lsr.vectors.sparse import SparseVectors

TOKENS, WORDS = 30_000, 170_000
DIM = TOKENS + WORDS
FIRST = COLUMNS - SHARED
TURNS = -(-(DIM - FIRST) // SHARED)
MODES: dict[str, dict[str, Any]] = {
    "exact": {},
    "exhaustive": {},
    "approximate": {"cut": 0.0, "heap_factor": 1.0, "max_blocks": 1 << 40},
    "seismic": {"query_cut": None, "heap_factor": 1.0},
    "bmp": {},
}
EVERYTHING = {"seismic": SeismicSettings(n_postings=None, summary_energy=1.0), "bmp": BmpSettings(8)}


def rare_of(*columns: int) -> list[int]:
    """All terms of the shared columns of these numbers, counted from the first."""
    return [FIRST + column + SHARED * turn for column in columns for turn in range(TURNS)]


# So few shared columns, and so many terms of each, that documents hold several terms of one.
RARE = rare_of(0, 1, 2, 17, SHARED - 1)
RARE = [term for term in RARE if term < DIM]


def made(documents: int = 1500, seed: int = 0) -> SparseVectors:
    """Documents of tokens, words by Zipf's law, and some of RARE."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(documents):
        tokens = (random.pareto(0.6, 12) * 20).astype(np.int64) % TOKENS
        words = TOKENS + (random.pareto(0.5, 15) * 30).astype(np.int64) % WORDS
        rare = random.choice(RARE, random.integers(0, 6))
        terms = np.unique(np.concatenate([tokens, words, rare]))
        rows.append((terms, random.gamma(2, 0.5, len(terms)) + 0.01))
    return SparseVectors.from_rows(rows, [f"d{i}" for i in range(documents)], DIM)


VECTORS = made()


def build(path: Path, vectors: SparseVectors, **settings: Any) -> Index:
    """An index whose rare terms share columns, with the blocks of all modes."""
    chosen = IndexSettings(**{**EVERYTHING, **settings})
    with IndexBuilder(path, dim=vectors.dim, settings=chosen, rare_last=True) as builder:
        for start in range(0, len(vectors), 400):
            builder.add(vectors[start : start + 400])
        return builder.finish()


def queries() -> list[Pairs]:
    """Of rare terms alone, of one column, of no document, of terms of all kinds, and very long ones."""
    random = np.random.default_rng(2)
    asked: list[Pairs] = [
        ([FIRST], [1.0]),
        (RARE[:2], [1.0, 0.3]),  # of one column
        (RARE[:TURNS], random.random(TURNS) + 0.1),  # all terms of a column
        (RARE, random.random(len(RARE)) + 0.1),
        ([DIM - 1, FIRST + 5, FIRST + 5 + SHARED], [1.0, 2.0, 0.5]),
        ([FIRST + 3000], [1.0]),  # of no document, but its column may be
        ([5, TOKENS + 3, FIRST - 1, FIRST, FIRST + SHARED], [1.0, 0.5, 2.0, 1.0, 1.0]),
        ([], []),
    ]
    for row in range(0, len(VECTORS), 150):
        terms, weights = VECTORS.row(row)
        asked.append((terms, weights * random.uniform(0.2, 2, len(terms)).astype(np.float32)))
    for many in (90, 130, 300):  # bounds in 32 bits, places of more than a byte
        terms = np.unique(np.concatenate([random.choice(DIM, many, replace=False), RARE]))
        asked.append((terms, random.exponential(1.0, len(terms)) + 0.01))
    return asked
