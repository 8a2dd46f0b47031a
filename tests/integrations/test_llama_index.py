"""LlamaIndex on a collection: its indexes, its retrievers and its filters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llama_index.core", reason="needs llama-index-core")

from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.core.vector_stores.utils import build_metadata_filter_fn
from places import new_folder

from lsr import Collection
from lsr.core.errors import InputError
from lsr.integrations.llama_index import LsrVectorStore

METADATA: dict[str, dict[str, Any]] = {
    "owl": {"year": 2020, "title": "owl", "text": "of metadata"},
    "stork": {"year": 2024, "title": "stork", "tags": ["land", "far"]},
    "tern": {"year": 2024, "title": "tern", "tags": ["sea", "far"], "nested": {"a": [1, None]}},
}
TEXTS = {"owl": "Owls hunt at night.", "stork": "Storks migrate over land.", "tern": "Terns migrate."}


def node(id: str) -> TextNode:
    source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id="book" if id == "owl" else "page")}
    return TextNode(
        id_=id, text=TEXTS[id], metadata=METADATA[id], relationships=source, excluded_embed_metadata_keys=["year"]
    )


@pytest.fixture
def store(either: str) -> Iterator[LsrVectorStore]:
    store = LsrVectorStore(either)
    assert store.add([node(id) for id in TEXTS]) == [*TEXTS]
    yield store
    store.close()


def test_nodes_come_back_as_they_were(store: LsrVectorStore) -> None:
    assert store.get_nodes() == [node(id) for id in TEXTS]
    assert store.get_nodes(["tern", "none"]) == [node("tern")]
    assert store.get_nodes([]) == []


def test_an_index_retrieves_without_embeddings(store: LsrVectorStore) -> None:
    index = VectorStoreIndex.from_vector_store(store, embed_model=MockEmbedding(1))
    index.insert_nodes([TextNode(id_="auk", text="Auks dive, terns migrate.")])
    for mode in ("default", "sparse", "text_search"):
        found = index.as_retriever(similarity_top_k=2, vector_store_query_mode=mode).retrieve("terns that migrate")
        assert [each.node_id for each in found] == ["tern", "auk"], mode
        assert found[0].node == node("tern") and (found[0].score or 0) > (found[1].score or 0) > 0
    index.delete_ref_doc("page")
    assert [each.node_id for each in store.get_nodes()] == ["auk", "owl"]


def test_queries_of_some_nodes(store: LsrVectorStore) -> None:
    def ids(**asked: Any) -> list[str] | None:
        return store.query(VectorStoreQuery(query_str="migrate night", similarity_top_k=5, **asked)).ids

    assert sorted(ids() or []) == ["owl", "stork", "tern"]
    assert ids(doc_ids=["book"]) == ["owl"] and ids(node_ids=["tern"]) == ["tern"]
    assert len(ids(mode=VectorStoreQueryMode.SPARSE, sparse_top_k=1) or []) == 1
    with pytest.raises(InputError, match="mmr"):
        ids(mode=VectorStoreQueryMode.MMR)
    with pytest.raises(InputError, match="dense"):
        ids(mode=VectorStoreQueryMode.HYBRID)
    with pytest.raises(InputError, match="by text"):
        store.query(VectorStoreQuery(query_embedding=[0.1]))


def test_filters_are_those_of_llama_index(store: LsrVectorStore) -> None:
    """Its own reading of each filter, of which documents lack a field that others have, is what ours finds."""
    one = [
        *(MetadataFilter(key="year", value=2020, operator=each) for each in ("==", "!=", ">", ">=", "<", "<=")),
        MetadataFilter(key="title", value=["owl", "tern"], operator=FilterOperator.IN),
        MetadataFilter(key="title", value=["owl", "tern"], operator=FilterOperator.NIN),
        *(MetadataFilter(key="tags", value=["sea", "far"], operator=each) for each in ("any", "all")),
        MetadataFilter(key="tags", value="sea", operator=FilterOperator.CONTAINS),
        MetadataFilter(key="tags", value=None, operator=FilterOperator.IS_EMPTY),
        MetadataFilter(key="text", value="of metadata"),
        MetadataFilter(key="unheard_of", value=1),
    ]
    several = [
        MetadataFilters(filters=[one[0], one[6]], condition=condition)
        for condition in (FilterCondition.AND, FilterCondition.OR, FilterCondition.NOT)
    ]
    for filters in [*(MetadataFilters(filters=[each]) for each in one), *several]:
        fulfils = build_metadata_filter_fn(METADATA.__getitem__, filters)
        assert [each.node_id for each in store.get_nodes(filters=filters)] == [*filter(fulfils, METADATA)], filters
    nested = MetadataFilters(filters=[several[1], MetadataFilters(filters=[one[2]])])
    assert [each.node_id for each in store.get_nodes(filters=nested)] == ["tern"]
    match = MetadataFilter(key="title", value="o", operator=FilterOperator.TEXT_MATCH)
    with pytest.raises(InputError, match="text_match"):
        store.get_nodes(filters=MetadataFilters(filters=[match]))


def test_nodes_are_deleted(store: LsrVectorStore) -> None:
    store.delete_nodes(["owl", "tern"], MetadataFilters(filters=[MetadataFilter(key="year", value=2024)]))
    assert [each.node_id for each in store.get_nodes()] == ["owl", "stork"]
    with pytest.raises(InputError, match="clear"):
        store.delete_nodes()
    store.clear()
    assert store.get_nodes() == [] and len(store.client) == 0


def test_documents_of_others_are_nodes(empty: Path, tmp_path: Path) -> None:
    with Collection.open(new_folder(empty, tmp_path)) as birds:
        birds.add({"_id": "auk", "title": "The auk", "text": "Auks dive.", "year": 2020})
        [found] = LsrVectorStore(birds).query(VectorStoreQuery(query_str="auks")).nodes or []
    assert found == TextNode(id_="auk", text="Auks dive.", metadata={"title": "The auk", "year": 2020})
