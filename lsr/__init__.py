"""Learned sparse retrieval: encode, index, search, serve, measure."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lsr.documents import Document, Query
    from lsr.encoder import SparseEncoder
    from lsr.errors import LsrError
    from lsr.retriever import Retriever
    from lsr.vectors import SparseVectors
    from lsr.vocabulary import Vocabulary

# Names are resolved on first use, so that `import lsr` costs nothing and `lsr.index` never pulls in torch.
_HOMES = {
    "Document": "lsr.documents",
    "LsrError": "lsr.errors",
    "Query": "lsr.documents",
    "Retriever": "lsr.retriever",
    "SparseEncoder": "lsr.encoder",
    "SparseVectors": "lsr.vectors",
    "Vocabulary": "lsr.vocabulary",
}

__all__ = ["Document", "LsrError", "Query", "Retriever", "SparseEncoder", "SparseVectors", "Vocabulary", "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lsr' has no attribute {name!r}")
