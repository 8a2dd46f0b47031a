"""LangChain's own tests of vector stores and retrievers, on ours; and what they do not ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_core", reason="needs langchain-core")
pytest.importorskip("langchain_tests", reason="needs langchain-tests")

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_tests.integration_tests import RetrieversIntegrationTests, VectorStoreIntegrationTests
from places import new_folder

from lsr import Collection
from lsr.core.errors import InputError
from lsr.integrations.langchain import LsrRetriever, LsrVectorStore


@pytest.mark.anyio
class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, place: str) -> Iterator[LsrVectorStore]:
        with LsrVectorStore(place, model="bm25") as store:
            yield store


@pytest.mark.anyio
class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _place(self, place: str) -> None:
        with LsrVectorStore(place) as store:
            store.add_texts([f"bird number {number}" for number in range(5)])
        self.place = place

    @property
    def retriever_constructor(self) -> type[LsrRetriever]:
        return LsrRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"place": self.place}

    @property
    def retriever_query_example(self) -> str:
        return "which bird"


TEXTS = ["Owls hunt at night.", "Terns migrate.", "Storks migrate over land."]
METADATAS: list[dict[str, Any]] = [
    {"year": 2020, "title": "owl", "text": 3, "_id": 7, ".title": "dotted", "tags": ["a", "b"]},
    {"year": 2024, "title": "tern"},
    {"year": 2024, "title": "stork", "nested": {"list": [1, {"x": None}]}},
]


@pytest.fixture
def birds(either: str) -> Iterator[LsrVectorStore]:
    with LsrVectorStore.from_texts(TEXTS, None, METADATAS, place=either, ids=["owl", "tern", "stork"]) as store:
        yield store


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_metadata_come_back_as_they_were(birds: LsrVectorStore) -> None:
    found = birds.get_by_ids(["stork", "none", "owl", "tern"])
    assert [(each.id, each.page_content, each.metadata) for each in found] == [
        (id, TEXTS[place], METADATAS[place]) for id, place in (("stork", 2), ("owl", 0), ("tern", 1))
    ]


def test_filters_are_of_metadata(birds: LsrVectorStore) -> None:
    cases: list[tuple[Any, list[str]]] = [
        ({"year": 2024}, ["stork", "tern"]),
        ({"year": [2020, 2019]}, ["owl"]),
        ({"title": "tern", "year": 2024}, ["tern"]),
        ({"eq": {"title": "owl"}}, ["owl"]),
        ('year >= 2020 and title in ("owl", "tern")', ["owl", "tern"]),
        ('tags = "b"', ["owl"]),
        ("text = 3", ["owl"]),
        ('`.title` = "dotted"', ["owl"]),
        ('_id = "tern"', ["tern"]),
        ({"unheard_of": 1}, []),
        ('unheard_of = 1 or title = "owl"', ["owl"]),
        ("not exists(unheard_of) and year = 2020", ["owl"]),
        ({}, ["owl", "stork", "tern"]),
    ]
    for given, expected in cases:
        assert sorted(map(str, ids(birds.similarity_search("migrate", k=5, filter=given)))) == expected, given


def test_what_shares_no_term_comes_last_or_not_at_all(birds: LsrVectorStore) -> None:
    found = birds.similarity_search_with_score("terns that migrate", k=3)
    assert ids([document for document, _ in found]) == ["tern", "stork", "owl"]
    scores = [score for _, score in found]
    assert scores[0] > scores[1] > scores[2] == 0
    assert ids(birds.similarity_search("terns that migrate", unmatched=False)) == ["tern", "stork"]
    least = {"k": 3, "min_score": (scores[0] + scores[1]) / 2}
    assert ids(birds.as_retriever(search_kwargs=least).invoke("terns that migrate")) == ["tern"]
    with pytest.raises(InputError, match="not calibrated"):
        birds.similarity_search_with_relevance_scores("terns")


def test_documents_are_deleted_by_filter_and_all_together(birds: LsrVectorStore) -> None:
    assert birds.delete(filter={"year": 2020}) and ids(birds.similarity_search("owls")) == ["stork", "tern"]
    assert birds.delete() and birds.similarity_search("owls") == []


def test_a_retriever_of_a_folder_sees_what_is_written(empty: Path, tmp_path: Path) -> None:
    path = new_folder(empty, tmp_path)
    found = LsrRetriever(place=path, filter="year = 2024", how={"min_score": 0.0})
    assert found.invoke("birds") == []
    with LsrVectorStore(path) as store:
        store.add_texts(TEXTS, METADATAS, ids=["owl", "tern", "stork"])
        [first] = LsrRetriever(place=store.store.collection, k=1).invoke("owls")
    assert (first.id, first.metadata.pop("score") > 0, first.metadata) == ("owl", True, METADATAS[0])
    assert ids(LsrRetriever(place=path, filter={"year": 2024}).invoke("migrate terns owls")) == ["tern", "stork"]


def test_what_cannot_be_done_is_said(empty: Path, tmp_path: Path) -> None:
    path = new_folder(empty, tmp_path)
    with pytest.raises(InputError, match="by its own models"):
        LsrVectorStore.from_texts(["a"], DeterministicFakeEmbedding(size=3), place=path)
    with pytest.raises(InputError, match="place"):
        LsrVectorStore.from_texts(["a"], None)
    with Collection.open(path) as collection:
        store = LsrVectorStore(collection)
        with pytest.raises(InputError, match=r"1 of the documents were refused: 'x': .*a"):
            store.add_texts(["text", "more"], [{"a": object()}, {}], ids=["x", "y"])
        assert ids(store.get_by_ids(["x", "y"])) == ["y"]
        with pytest.raises(ValueError, match="2 ids for 1 documents"):
            store.add_documents([Document(page_content="a")], ids=["a", "b"])
        store.close()
        assert len(collection) == 1  # which is open yet: it was not opened by the store
