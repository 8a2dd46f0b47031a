"""Building small indexes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lsr.core.documents import Document
from lsr.index import Index, IndexBuilder
from lsr.vectors.sparse import SparseVectors


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Index]:
    """Build an index of vectors in a fresh folder."""

    def build(vectors: SparseVectors, documents: list[Document] | None = None, **options) -> Index:
        path = options.pop("path", tmp_path / f"index-{len(list(tmp_path.iterdir()))}")
        with IndexBuilder(path, dim=vectors.dim, **options) as builder:
            for start in range(0, max(len(vectors), 1), 100):
                part = slice(start, start + 100)
                builder.add(vectors[part], None if documents is None else documents[part])
            return builder.finish()

    return build
