"""Haystack: a document store and a retriever of a collection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.extras import needed
from lsr.index.filters.words import name_text
from lsr.integrations.haystack_filters import metadata_key, tree_of
from lsr.integrations.names import EXTRAS, extras_of, field_of, fields_of, key_of, metadata_of
from lsr.integrations.store import Store

with needed("haystack-ai", "haystack", "haystack"):
    from haystack import Document as HaystackDocument
    from haystack import component, default_from_dict, default_to_dict
    from haystack.document_stores.errors import DuplicateDocumentError
    from haystack.document_stores.types import DuplicatePolicy, FilterPolicy, apply_filter_policy
    from haystack.errors import FilterError
    from haystack.utils import Secret

if TYPE_CHECKING:
    from lsr.integrations.store import Place

P = ParamSpec("P")
T = TypeVar("T")


def _in_thread(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], Awaitable[T]]:
    """A method that is awaited while another thread does the work of this one."""

    @wraps(method)
    async def asked(self: Any, *args: P.args, **given: P.kwargs) -> T:
        return await asyncio.to_thread(method, self, *args, **given)

    asked.__name__ = f"{method.__name__}_async"
    return asked


@contextmanager
def _filtering() -> Iterator[None]:
    """What is wrong with a filter is Haystack's error."""
    try:
        yield
    except InputError as error:
        if error.field == "filter":
            raise FilterError(str(error)) from error
        raise


class LsrDocumentStore:
    """A collection as a document store. Texts are encoded by the collection's own models.

    Embeddings of documents are kept, and come back as they were, but are not searched. Documents come in the order of
    their ids. A policy of `NONE` is `FAIL`. The collection is opened when it is first asked.
    """

    def __init__(self, place: Place, *, key: Secret | None = None, settings: dict[str, Any] | None = None) -> None:
        """Documents at a place.

        Args:
            place: a folder, a server's address (`http://localhost:8080/birds`), or an open collection.
            key: for a server that asks for one, such as `Secret.from_env_var("LSR_KEY")`.
            settings: for a collection that is made, if there is none: see `lsr.Collection.create`.
        """
        self.place, self.key, self.settings = place, key, settings
        self._store: Store | None = None

    @property
    def store(self) -> Store:
        """The collection, open."""
        if self._store is None:
            key = self.key.resolve_value() if self.key is not None else None
            self._store = Store(self.place, key=key, **self.settings or {})
        return self._store

    def close(self) -> None:
        """Let others write to the collection; it is opened again when it is asked."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values. InputError for a store of an open collection, which has no name."""
        if hasattr(self.place, "search"):
            raise InputError("a store of an open collection cannot be written down: name its folder", field="place")
        return default_to_dict(self, place=str(self.place), key=self.key, settings=self.settings)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LsrDocumentStore:
        """The store that `to_dict` wrote."""
        made: LsrDocumentStore = default_from_dict(cls, data)
        return made

    def count_documents(self) -> int:
        """How many documents there are."""
        return self.store.count()

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[HaystackDocument]:
        """The documents that fulfil a filter, or all, in the order of their ids."""
        with _filtering():
            return [_given(document) for document in self.store.matching(tree_of(filters))]

    def write_documents(self, documents: list[HaystackDocument], policy: DuplicatePolicy = DuplicatePolicy.NONE) -> int:
        """Write documents; how many. DuplicateDocumentError, before any is written, for ids that are there."""
        if not isinstance(documents, list) or not all(isinstance(each, HaystackDocument) for each in documents):
            raise ValueError("documents are a list of Haystack's Documents")
        new = {document.id: document for document in documents}
        if policy != DuplicatePolicy.OVERWRITE:
            there = {document.id for document in self.store.get(new)}
            if policy == DuplicatePolicy.SKIP:
                new = {id: document for id, document in new.items() if id not in there}
            elif there or len(new) < len(documents):
                twice = sorted(there) or [each.id for each in documents if each is not new[each.id]]
                raise DuplicateDocumentError(f"there is a document of the id {twice[0]!r} already")
        self.store.add(map(_kept, new.values()))
        return len(documents) if policy == DuplicatePolicy.OVERWRITE else len(new)

    def delete_documents(self, document_ids: list[str]) -> None:
        """Delete documents by id, as far as they are there."""
        self.store.delete(document_ids)

    def delete_all_documents(self) -> None:
        """Delete all documents."""
        self.store.delete_where(None)

    def delete_by_filter(self, filters: dict[str, Any]) -> int:
        """Delete the documents that fulfil a filter; how many."""
        with _filtering():
            return self.store.delete_where(tree_of(filters))

    def update_by_filter(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """Set metadata of the documents that fulfil a filter; of how many."""
        with _filtering():
            ids = [document.id for document in self.store.matching(tree_of(filters))]
        for id in ids:
            self.store.collection.update_fields(id, fields_of(meta))
        return len(ids)

    def count_documents_by_filter(self, filters: dict[str, Any]) -> int:
        """How many documents fulfil a filter."""
        with _filtering():
            return self.store.count(tree_of(filters))

    def count_unique_metadata_by_filter(self, filters: dict[str, Any], metadata_fields: list[str]) -> dict[str, int]:
        """How many values each of these fields has among the documents that fulfil a filter."""
        return {
            metadata_key(field): len(self._values(metadata_key(field), tree_of(filters))) for field in metadata_fields
        }

    def get_metadata_fields_info(self) -> dict[str, dict[str, str]]:
        """The metadata that documents can be filtered by, and their types, as `keyword` or `integer[]`."""
        return {key_of(field): {"type": kind} for field, kind in self.store.types().items() if field != EXTRAS}

    def get_metadata_field_min_max(self, metadata_field: str) -> dict[str, Any]:
        """The least and the largest value of a field; None where there is none."""
        name = name_text(field_of(metadata_key(metadata_field)))
        if field_of(metadata_key(metadata_field)) not in self.store.fields():
            return {"min": None, "max": None}
        ends = {"min": name, "max": f"-{name}"}
        found = {end: self.store.collection.search(None, 1, sort=sort).hits for end, sort in ends.items()}
        return {end: hits[0].sort[0] if hits else None for end, hits in found.items()}

    def get_metadata_field_unique_values(
        self,
        metadata_field: str,
        search_term: str | None = None,
        from_: int = 0,
        size: int = 10,
        filters: dict[str, Any] | None = None,
    ) -> tuple[list[Any], int]:
        """Some of the values of a field, in order, and how many there are; `search_term` is part of their text."""
        values = self._values(metadata_key(metadata_field), tree_of(filters))
        if search_term is not None:
            values = [value for value in values if search_term.lower() in str(value).lower()]
        return values[from_ : from_ + size], len(values)

    def _values(self, key: str, where: Any) -> list[Any]:
        """The different values of a field; 1, 1.0, true and "1" are four."""
        found: dict[tuple[str, str], Any] = {}
        with _filtering():
            for document in self.store.matching(where):
                given = metadata_of(document).get(key)
                for value in given if isinstance(given, list) else [given]:
                    if value is not None:
                        found[type(value).__name__, str(value)] = value
        return [found[key] for key in sorted(found, key=lambda each: (each[0], _order(found[each])))]

    count_documents_async = _in_thread(count_documents)
    filter_documents_async = _in_thread(filter_documents)
    write_documents_async = _in_thread(write_documents)
    delete_documents_async = _in_thread(delete_documents)
    delete_all_documents_async = _in_thread(delete_all_documents)
    delete_by_filter_async = _in_thread(delete_by_filter)
    update_by_filter_async = _in_thread(update_by_filter)
    count_documents_by_filter_async = _in_thread(count_documents_by_filter)
    count_unique_metadata_by_filter_async = _in_thread(count_unique_metadata_by_filter)
    get_metadata_fields_info_async = _in_thread(get_metadata_fields_info)
    get_metadata_field_min_max_async = _in_thread(get_metadata_field_min_max)
    get_metadata_field_unique_values_async = _in_thread(get_metadata_field_unique_values)


@component
class LsrRetriever:
    """Retrieves the documents of a store that have to do with a query, with their scores."""

    def __init__(
        self,
        document_store: LsrDocumentStore,
        *,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        filter_policy: FilterPolicy = FilterPolicy.REPLACE,
        how: dict[str, Any] | None = None,
    ) -> None:
        """A retriever of a store.

        Args:
            document_store: where documents are.
            filters: what they must be, in Haystack's form; `filter_policy`: what becomes of it beside one of a run.
            top_k: how many documents, at most.
            how: keywords of a search, such as `{"mode": "hybrid", "min_score": 5}`.
        """
        if not isinstance(document_store, LsrDocumentStore):
            raise ValueError(f"document_store must be an LsrDocumentStore, not {type(document_store).__name__}")
        if top_k < 1:
            raise ValueError(f"top_k must be at least 1, not {top_k}")
        self.document_store, self.filters, self.top_k, self.how = document_store, filters, top_k, how
        self.filter_policy = FilterPolicy.from_str(filter_policy) if isinstance(filter_policy, str) else filter_policy

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return default_to_dict(
            self,
            document_store=self.document_store,
            filters=self.filters,
            top_k=self.top_k,
            filter_policy=self.filter_policy.value,
            how=self.how,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LsrRetriever:
        """The retriever that `to_dict` wrote."""
        made: LsrRetriever = default_from_dict(cls, data)
        return made

    @component.output_types(documents=list[HaystackDocument])
    def run(self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None) -> dict[str, Any]:
        """The documents for a query, best first, as `documents`."""
        where = tree_of(apply_filter_policy(self.filter_policy, self.filters, filters))
        with _filtering():
            hits = self.document_store.store.search(
                query, self.top_k if top_k is None else top_k, where, **self.how or {}
            )
        return {"documents": [_given(hit.document, float(hit.score)) for hit in hits]}

    @component.output_types(documents=list[HaystackDocument])
    async def run_async(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, Any]:
        """`run`, awaited."""
        return await asyncio.to_thread(self.run, query, filters, top_k)


def _kept(document: HaystackDocument) -> Document:
    """A document as it is stored: what is no text and no metadata is in a field of its own."""
    extras = {
        name: value
        for name, value in document.to_dict(flatten=False).items()
        if name in ("blob", "embedding", "sparse_embedding") and value is not None
    }
    if document.content is None:
        extras["content"] = None
    return Document(document.id, document.content or "", fields=fields_of(document.meta, extras))


def _given(document: Document, score: float | None = None) -> HaystackDocument:
    given = {"id": document.id, "content": document.text, "meta": metadata_of(document), "score": score}
    return HaystackDocument.from_dict(given | extras_of(document))


def _order(value: Any) -> Any:
    return value if isinstance(value, int | float) else str(value)
