"""LangChain: a vector store and a retriever of a collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.extras import needed
from lsr.index.filters.tree import Eq, In, every
from lsr.integrations.names import fields_of, metadata_of
from lsr.integrations.store import Store

with needed("langchain-core", "langchain_core", "langchain"):
    from langchain_core.documents import Document as LangChainDocument
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.vectorstores import VectorStore
    from pydantic import ConfigDict, Field

if TYPE_CHECKING:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.embeddings import Embeddings

    from lsr.integrations.store import Place

_IN_JSON = {"must", "should", "must_not", "eq", "in", "range", "prefix", "exists"}


class LsrVectorStore(VectorStore):
    """A collection as a vector store. Its vectors are those of the collection's own models.

    A search gives `k` documents where there are so many, as those of other vector stores do: those that share no term
    with the query come last, in the order of their ids, and have the score 0. `unmatched=False` leaves them out.

    `filter` is a filter of lsr, as a string, JSON or a tree, or a dict of metadata and the value, or list of values,
    of which each has to be one. Other keywords say how to search (`mode="hybrid"`, `min_score=5`).

    A title in the metadata is no part of the text that is searched. A context manager, which closes the collection.
    """

    def __init__(self, place: Place, *, key: str | None = None, unmatched: bool = True, **settings: Any) -> None:
        """Open a collection: a folder, a server's address, or one that is open. See `Store` for the arguments."""
        self.store = Store(place, key=key, **settings)
        self.unmatched = unmatched

    def __enter__(self) -> LsrVectorStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others write to the collection."""
        self.store.close()

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None = None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        place: Place | None = None,
        ids: list[str] | None = None,
        **settings: Any,
    ) -> LsrVectorStore:
        """A store at `place` with these texts. InputError for an embedding: a collection has models of its own."""
        if embedding is not None:
            raise InputError(
                "a collection encodes texts by its own models: give None, and name a model, and a dense one for hybrid "
                "search, where the collection is made",
                field="embedding",
            )
        if place is None:
            raise InputError("name the folder, or the server's address, of the collection", field="place")
        store = cls(place, **settings)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def add_documents(self, documents: list[LangChainDocument], *, ids: list[str] | None = None, **_: Any) -> list[str]:
        """Add documents, or replace those of their ids; return these. InputError for what cannot be written."""
        if ids is not None and len(ids) != len(documents):
            raise ValueError(f"there are {len(ids)} ids for {len(documents)} documents")
        found = [
            id or document.id or str(uuid4())
            for document, id in zip(documents, repeat(None) if ids is None else ids, strict=False)
        ]
        self.store.add(
            Document(id, document.page_content, fields=fields_of(document.metadata))
            for id, document in zip(found, documents, strict=True)
        )
        return found

    def delete(self, ids: list[str] | None = None, *, filter: Any = None, **_: Any) -> bool:
        """Delete documents by id, or those whose metadata fulfil a filter; all, if neither is given."""
        if ids is not None:
            self.store.delete(ids)
        if ids is None or filter is not None:
            self.store.delete_where(_conditions(filter))
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[LangChainDocument]:
        """The documents of these ids; there may be fewer."""
        return [_given(document) for document in self.store.get(ids)]

    def similarity_search(self, query: str, k: int = 4, **how: Any) -> list[LangChainDocument]:
        """The `k` documents nearest to a query; see the class."""
        return [document for document, _ in self.similarity_search_with_score(query, k, **how)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, *, filter: Any = None, unmatched: bool | None = None, **how: Any
    ) -> list[tuple[LangChainDocument, float]]:
        """The `k` documents nearest to a query, with scores: higher is nearer, 0 is nothing in common."""
        where = _conditions(filter)
        filled = self.unmatched if unmatched is None else unmatched
        if filled and how.get("min_score") is None and how.get("min_relevance") is None:
            return [(_given(document), score) for document, score in self.store.nearest(query, k, where, **how)]
        return [(_given(hit.document), float(hit.score)) for hit in self.store.search(query, k, where, **how)]

    def _similarity_search_with_relevance_scores(
        self, query: str, k: int = 4, *, filter: Any = None, **how: Any
    ) -> list[tuple[LangChainDocument, float]]:
        """The `k` documents nearest to a query, with the relevance that a calibrated collection gives them.

        InputError for one that was not calibrated.
        """
        how.pop("unmatched", None)
        hits = self.store.search(query, k, _conditions(filter), **{"min_relevance": 0.0, **how})
        return [(_given(hit.document), float(hit.relevance or 0.0)) for hit in hits]


class LsrRetriever(BaseRetriever):
    """Retrieves the documents of a collection that have to do with a query, and no others.

    Attributes:
        place: a folder, which has to be a collection; a server's address; or an open collection.
        k: how many documents, at most.
        filter: what their metadata must be, as for `LsrVectorStore`.
        how: other keywords of a search, such as `{"mode": "hybrid", "min_score": 5}`.
        key: for a server that asks for one.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    place: Any
    k: int = 4
    filter: Any = None
    how: dict[str, Any] = Field(default_factory=dict)
    key: str | None = None

    _store: Any = None

    def model_post_init(self, context: Any) -> None:
        """Open the collection: only for reading, where it is a folder."""
        self._store = Store(self.place, key=self.key, read_only=True)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **given: Any
    ) -> list[LangChainDocument]:
        asked = {"k": self.k, "filter": self.filter} | self.how | given
        asked["filter"] = _conditions(asked["filter"])
        return [
            _given(hit.document, {"score": float(hit.score)})
            for hit in self._store.search(query, asked.pop("k"), asked.pop("filter"), **asked)
        ]


def _given(document: Document, more: Mapping[str, Any] | None = None) -> LangChainDocument:
    return LangChainDocument(
        id=document.id, page_content=document.text, metadata=metadata_of(document) | dict(more or {})
    )


def _conditions(filter: Any) -> Any:
    """A filter of lsr, also of a dict of metadata and values."""
    if not isinstance(filter, Mapping) or not filter or _IN_JSON & filter.keys():
        return filter
    return every(
        In(key, tuple(value)) if isinstance(value, list | tuple | set) else Eq(key, value)
        for key, value in filter.items()
    )
