"""Learned sparse retrieval: encode, index, search, serve, measure."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lsr.core.moved import install as _install_moved_names

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lsr.collection.collection import Collection
    from lsr.core.documents import Document, Query
    from lsr.core.errors import InputError, LsrError
    from lsr.core.vocabulary import Vocabulary
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.index import Index, IndexBuilder
    from lsr.search.live import LiveRetriever
    from lsr.search.plan import SearchPlan
    from lsr.search.retriever import Retriever
    from lsr.text import open_corpus, open_queries
    from lsr.vectors.files import read_vectors, write_vectors
    from lsr.vectors.sparse import SparseVectors

# Names are resolved on first use, so that `import lsr` costs nothing and `lsr.index` never pulls in torch.
_HOMES = {
    "Collection": "lsr.collection.collection",
    "DenseEncoder": "lsr.encoding.dense.encoder",
    "Document": "lsr.core.documents",
    "Index": "lsr.index",
    "IndexBuilder": "lsr.index",
    "InputError": "lsr.core.errors",
    "LiveRetriever": "lsr.search.live",
    "LsrError": "lsr.core.errors",
    "Query": "lsr.core.documents",
    "Retriever": "lsr.search.retriever",
    "SearchPlan": "lsr.search.plan",
    "SparseEncoder": "lsr.encoding.sparse.encoder",
    "SparseVectors": "lsr.vectors",
    "Vocabulary": "lsr.core.vocabulary",
    "open_corpus": "lsr.text",
    "open_queries": "lsr.text",
    "read_vectors": "lsr.vectors",
    "write_vectors": "lsr.vectors",
}

__all__ = [
    "Collection",
    "DenseEncoder",
    "Document",
    "Index",
    "IndexBuilder",
    "InputError",
    "LiveRetriever",
    "LsrError",
    "Query",
    "Retriever",
    "SearchPlan",
    "SparseEncoder",
    "SparseVectors",
    "Vocabulary",
    "__version__",
    "open_corpus",
    "open_queries",
    "read_vectors",
    "write_vectors",
]


_install_moved_names()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lsr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
