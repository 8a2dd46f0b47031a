"""Learned sparse retrieval: encode, index, search, serve, measure."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lsr.core.moved import install as _install_moved_names

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lsr.core.documents import Document, Query
    from lsr.core.errors import LsrError
    from lsr.core.vocabulary import Vocabulary
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.search.retriever import Retriever
    from lsr.vectors.sparse import SparseVectors

# Names are resolved on first use, so that `import lsr` costs nothing and `lsr.index` never pulls in torch.
_HOMES = {
    "Document": "lsr.core.documents",
    "LsrError": "lsr.core.errors",
    "Query": "lsr.core.documents",
    "Retriever": "lsr.search.retriever",
    "SparseEncoder": "lsr.encoding.sparse.encoder",
    "SparseVectors": "lsr.vectors",
    "Vocabulary": "lsr.core.vocabulary",
}

__all__ = ["Document", "LsrError", "Query", "Retriever", "SparseEncoder", "SparseVectors", "Vocabulary", "__version__"]


_install_moved_names()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lsr' has no attribute {name!r}")
