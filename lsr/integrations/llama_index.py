"""LlamaIndex: a vector store of a collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.extras import needed
from lsr.core.schema import ID
from lsr.index.filters.tree import Eq, Exists, Filter, In, Range, either, every, negated
from lsr.integrations.names import extras_of, fields_of, metadata_of
from lsr.integrations.store import Store

with needed("llama-index-core", "llama_index", "llama-index"):
    from llama_index.core.bridge.pydantic import Field, PrivateAttr
    from llama_index.core.schema import BaseNode, MetadataMode, TextNode
    from llama_index.core.vector_stores.types import (
        BasePydanticVectorStore,
        FilterCondition,
        FilterOperator,
        MetadataFilter,
        MetadataFilters,
        VectorStoreQuery,
        VectorStoreQueryMode,
        VectorStoreQueryResult,
    )
    from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

if TYPE_CHECKING:
    from lsr.integrations.store import Place

_BOUNDS = {
    FilterOperator.GT: "gt",
    FilterOperator.GTE: "gte",
    FilterOperator.LT: "lt",
    FilterOperator.LTE: "lte",
}
_SPARSE = (VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.SPARSE, VectorStoreQueryMode.TEXT_SEARCH)
# The document that a node is a part of.
_REF = "ref_doc_id"
# What node_to_metadata_dict adds for stores of other kinds.
_ADDED = ("document_id", "doc_id", "_node_content", "_node_type")


class LsrVectorStore(BasePydanticVectorStore):
    """A collection as a vector store. Nodes are encoded, and queries too, by the collection's own models.

    So it needs no embeddings: `VectorStoreIndex` makes some anyway unless it is given `MockEmbedding(1)`, and they are
    not kept. The modes `DEFAULT`, `SPARSE` and `TEXT_SEARCH` are the sparse search, `HYBRID` is that of a collection
    with dense vectors, `alpha` being how much these count.

    Attributes:
        place: a folder, a server's address (`http://localhost:8080/birds`), or an open collection.
        key: for a server that asks for one.
        settings: for a collection that is made, if there is none: see `lsr.Collection.create`.
    """

    stores_text: bool = True
    is_embedding_query: bool = False
    flat_metadata: bool = False

    place: Any
    key: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)

    _store: Store = PrivateAttr()

    def __init__(self, place: Place, *, key: str | None = None, **settings: Any) -> None:
        """Open a collection; see `Store` for the arguments."""
        super().__init__(place=place, key=key, settings=settings.pop("settings", settings))
        self._store = Store(place, key=key, **self.settings)

    @classmethod
    def class_name(cls) -> str:
        """The name that it is written down by."""
        return "LsrVectorStore"

    @property
    def client(self) -> Any:
        """The collection."""
        return self._store.collection

    def close(self) -> None:
        """Let others write to the collection."""
        self._store.close()

    def add(self, nodes: Sequence[BaseNode], **_: Any) -> list[str]:
        """Add nodes, or replace those of their ids; return these. InputError for what cannot be written."""
        self._store.add(map(_kept, nodes))
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **_: Any) -> None:
        """Delete the nodes of a document."""
        self._store.delete_where(Eq(_REF, ref_doc_id))

    def delete_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **_: Any) -> None:
        """Delete nodes of these ids whose metadata fulfil a filter. InputError if neither is given."""
        where = _all(_of_ids(ID, node_ids), tree_of(filters))
        if where is None:
            raise InputError("name the nodes, or a filter: `clear` deletes all", field="node_ids")
        self._store.delete_where(where)

    def clear(self) -> None:
        """Delete all nodes."""
        self._store.delete_where(None)

    def get_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None) -> list[BaseNode]:
        """The nodes of these ids whose metadata fulfil a filter, in the order of their ids."""
        where = _all(_of_ids(ID, node_ids), tree_of(filters))
        return [_given(document) for document in self._store.matching(where)]

    def query(self, query: VectorStoreQuery, **how: Any) -> VectorStoreQueryResult:
        """The nodes that have to do with a query's text; `how`: keywords of a search, such as `min_score=5`."""
        if query.query_str is None:
            raise InputError("a collection is searched by text, not by an embedding alone", field="query_str")
        k = query.similarity_top_k
        if query.mode == VectorStoreQueryMode.HYBRID:
            how = {"mode": "hybrid", "dense_weight": query.alpha} | how
            k = query.hybrid_top_k or k
        elif query.mode not in _SPARSE:
            raise InputError(f"a collection has no search of the mode {query.mode.value!r}", field="mode")
        elif query.mode == VectorStoreQueryMode.SPARSE:
            k = query.sparse_top_k or k
        # LlamaIndex's own retriever gives an empty list where it means all.
        where = _all(_of_ids(ID, query.node_ids or None), _of_ids(_REF, query.doc_ids or None), tree_of(query.filters))
        hits = self._store.search(query.query_str, k, where, **how)
        return VectorStoreQueryResult(
            nodes=[_given(hit.document) for hit in hits],
            similarities=[float(hit.score) for hit in hits],
            ids=[hit.id for hit in hits],
        )


def tree_of(filters: MetadataFilters | None) -> Filter | None:
    """The tree of a filter of LlamaIndex; None for an empty one. InputError for what fields cannot be asked."""
    if filters is None or not filters.filters:
        return None
    parts = [
        part
        for each in filters.filters
        if (part := tree_of(each) if isinstance(each, MetadataFilters) else _condition(each)) is not None
    ]
    if not parts:
        return None
    if filters.condition == FilterCondition.OR:
        return either(parts)
    return negated(either(parts)) if filters.condition == FilterCondition.NOT else every(parts)


def _condition(given: MetadataFilter) -> Filter:
    name, operator, value = given.key, given.operator, given.value
    if operator in _BOUNDS:
        return Range(name, **{_BOUNDS[operator]: value})
    if operator in (FilterOperator.EQ, FilterOperator.CONTAINS):
        return Eq(name, value)
    if operator == FilterOperator.NE:
        return negated(Eq(name, value))
    if operator == FilterOperator.IS_EMPTY:
        return negated(Exists(name))
    if operator in (FilterOperator.TEXT_MATCH, FilterOperator.TEXT_MATCH_INSENSITIVE):
        raise InputError(f"metadata are not searched for a part of a text ({operator.value})", field="filters")
    values = list(value) if isinstance(value, list | tuple) else [value]
    if not values:
        raise InputError(f"{operator.value!r} needs at least one value for {name!r}", field="filters")
    if operator == FilterOperator.ALL:
        return every([Eq(name, each) for each in values])
    one: Filter = In(name, tuple(values))
    return negated(one) if operator == FilterOperator.NIN else one


def _of_ids(name: str, ids: Sequence[str] | None) -> Filter | None:
    """One of these; None for all. No document has the empty id."""
    return None if ids is None else In(name, tuple(ids) or ("",))


def _all(*parts: Filter | None) -> Filter | None:
    given = [part for part in parts if part is not None]
    return every(given) if given else None


def _kept(node: BaseNode) -> Document:
    """A node as it is stored: its text, its metadata, and all else in a field of its own."""
    record = node_to_metadata_dict(node, remove_text=True, flat_metadata=False)
    extras = {name: record.pop(name) for name in _ADDED}
    return Document(node.node_id, node.get_content(MetadataMode.NONE), fields=fields_of(record, extras))


def _given(document: Document) -> BaseNode:
    """The node that a document holds, or one of a document that was not written as one."""
    extras = extras_of(document)
    if "_node_content" not in extras:
        return TextNode(id_=document.id, text=document.text, metadata=metadata_of(document))
    return metadata_dict_to_node(extras, text=document.text)
