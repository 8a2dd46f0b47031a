"""All that the golden tests need of lsr: where a module moves or a member is renamed, this is the file to edit.

`lsr`, `lsr.index` and the command line are public faces. What follows after them has no public import; the functions
at the end are for members of `Index` and of its answers, which may come to live elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lsr import Document, LsrError, Retriever, SparseEncoder, SparseVectors, Vocabulary
from lsr.build.corpus import index_corpus
from lsr.build.dense import add_dense_vectors
from lsr.build.late import add_token_vectors
from lsr.cli.app import main
from lsr.core.errors import IndexFormatError, InputError, OutputExistsError
from lsr.encoding.cross.encoder import CrossEncoder
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.late.encoder import TokenEncoder
from lsr.encoding.sparse.bm25 import Bm25Encoder
from lsr.eval import read_run
from lsr.index import DenseSettings, Index, IndexBuilder, IndexSettings, verify
from lsr.text import open_corpus
from lsr.text.windows import WindowSettings
from lsr.training.data import TrainingSet, open_training_set
from lsr.vectors.files import iter_vectors, read_vocabulary, recorded_scale, write_vectors

__all__ = [
    "Bm25Encoder",
    "CrossEncoder",
    "DenseEncoder",
    "DenseSettings",
    "Document",
    "Index",
    "IndexBuilder",
    "IndexFormatError",
    "IndexSettings",
    "InputError",
    "LsrError",
    "OutputExistsError",
    "Retriever",
    "SparseEncoder",
    "SparseVectors",
    "TokenEncoder",
    "TrainingSet",
    "Vocabulary",
    "WindowSettings",
    "add_dense_vectors",
    "add_token_vectors",
    "dense_vectors",
    "facts",
    "index_corpus",
    "iter_vectors",
    "late_scores",
    "main",
    "open_corpus",
    "open_training_set",
    "read_run",
    "read_vocabulary",
    "recorded_scale",
    "retriever",
    "row_ids",
    "verify",
    "work",
    "write_vectors",
]


_GOLDEN_NAMES = {"frequent_share": "dense_share", "summaries": "summary", "terms": "term"}


def digest(*arrays: Any) -> str:
    """SHA-256 of arrays' bytes, or of strings: 16 hexadecimal digits."""
    hashed = hashlib.sha256()
    for array in arrays:
        hashed.update(array.encode() if isinstance(array, str) else np.ascontiguousarray(array).tobytes())
        hashed.update(b"\0")
    return hashed.hexdigest()[:16]


def facts(index: Index) -> dict[str, Any]:
    """What an index says of itself, as JSON values, but for where it lies and what its manifest takes on disk."""
    described = {name: value for name, value in index.describe().items() if name not in ("path", "bytes")}
    # The answers have the names that the golden code gave.
    described["settings"] = {_GOLDEN_NAMES.get(name, name): each for name, each in described["settings"].items()}
    rows = [index.vector(row) for row in range(len(index))]
    tokens = index.parts["terms"].tokens
    return {
        **described,
        "rows": len(index),
        "document_count": len(index.documents),
        "ids": digest(*row_ids(index)),
        "vectors": digest(*(part for row in rows for part in row)),
        "documents_stored": digest(*(repr(index.documents.at(row)) for row in range(len(index)))),
        "document_frequencies": digest(index.parts["terms"].documents),
        "token_frequencies": None if tokens is None else digest(tokens),
        "vocabulary": None if index.vocabulary is None else digest(*index.vocabulary),
        "sizes": {
            _GOLDEN_NAMES.get(name, name): size
            for name, size in index.describe()["bytes"].items()
            if name not in ("manifest", "total")
        },
    }


def work(stats: Any) -> list[Any] | None:
    """Which way a search of the sparse index went, and what it did; None where it was not searched."""
    if stats is None:
        return None
    return [
        stats.mode,
        stats.postings,
        stats.frequent_cells,
        stats.blocks,
        stats.blocks_skipped,
        stats.documents_scored,
        stats.direct,
    ]


def row_ids(index: Index) -> list[str]:
    """The ids of all rows."""
    return index.documents.row_ids(np.arange(len(index)))


def late_scores(index: Index, query: np.ndarray) -> np.ndarray:
    """float32: MaxSim of a query's token vectors and every row's."""
    return index.parts["late"].scores(query, np.arange(len(index)))


def dense_vectors(index: Index) -> np.ndarray:
    """float32 [rows, dim]: the dense vectors that an index stores."""
    return index.parts["dense"].vectors


def retriever(
    path: Path,
    sparse: Callable[[list[str]], SparseVectors] | None = None,
    dense: Callable[[list[str]], np.ndarray] | None = None,
) -> Retriever:
    """Opened at `path`; queries get the vectors that the functions give for their texts, where there are functions."""
    opened = Retriever.open(path)
    if sparse is not None:
        opened.encoder = _Stored(sparse)  # type: ignore[assignment]
    if dense is not None:
        opened.dense_encoder = _Stored(dense)  # type: ignore[assignment]
    return opened


class _Stored:
    """Stands in for an encoder."""

    inference_free = False

    def __init__(self, encode: Callable[[list[str]], Any]) -> None:
        self._encode = encode

    def encode_queries(self, texts: list[str], ids: Any = None) -> Any:
        return self._encode(list(texts))
