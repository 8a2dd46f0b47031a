"""Sparse vectors: in memory, in files, pruned, explained."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsr.vectors.files import iter_vectors, read_vectors, read_vocabulary, write_vectors
    from lsr.vectors.sparse import SparseVectors

# Resolved on first use: files need Arrow.
_HOMES = {
    "SparseVectors": "lsr.vectors.sparse",
    "iter_vectors": "lsr.vectors.files",
    "read_vectors": "lsr.vectors.files",
    "read_vocabulary": "lsr.vectors.files",
    "write_vectors": "lsr.vectors.files",
}

__all__ = ["SparseVectors", "iter_vectors", "read_vectors", "read_vocabulary", "write_vectors"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lsr.vectors' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
