"""Haystack's own tests of document stores, on ours; and what they do not ask."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("haystack", reason="needs haystack-ai")

from haystack import Document, Pipeline
from haystack.dataclasses import ByteStream, SparseEmbedding
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy, FilterPolicy
from haystack.errors import FilterError
from haystack.testing import document_store as suites
from haystack.testing import document_store_async as asynchronous
from haystack.utils import Secret
from places import new_folder

from lsr import Collection
from lsr.core.errors import InputError
from lsr.integrations.haystack import LsrDocumentStore, LsrRetriever

SUITES = [
    each
    for module in (asynchronous, suites)
    for name, each in inspect.getmembers(module, inspect.isclass)
    if name.endswith("Test")
]


@pytest.fixture
def document_store(either: str) -> Iterator[LsrDocumentStore]:
    store = LsrDocumentStore(either)
    yield store
    store.close()


@pytest.mark.anyio
class TestDocumentStore(*SUITES):  # type: ignore[misc]
    """Every suite that Haystack has for document stores."""

    @pytest.fixture
    def document_store(self, place: str) -> Iterator[LsrDocumentStore]:
        store = LsrDocumentStore(place)
        yield store
        store.close()

    @staticmethod
    def assert_documents_are_equal(received: list[Document], expected: list[Document]) -> None:
        assert received == sorted(expected, key=lambda document: str(document.id))

    def test_write_documents(self, document_store: LsrDocumentStore) -> None:
        """Without a policy, a document that is there is an error."""
        assert document_store.write_documents([Document(id="1", content="test doc")]) == 1
        with pytest.raises(DuplicateDocumentError, match="'1'"):
            document_store.write_documents([Document(id="2", content="b"), Document(id="1", content="c")])
        assert document_store.count_documents() == 1

    async def test_write_documents_async(self, document_store: LsrDocumentStore) -> None:
        assert await document_store.write_documents_async([Document(id="1", content="test doc")]) == 1
        assert await document_store.count_documents_async() == 1


def test_haystack_has_suites() -> None:
    assert len(SUITES) >= 20


OWLS = [
    Document(id="owl", content="Owls hunt at night.", meta={"year": 2020, "title": "owl", "_extras": [1]}),
    Document(
        id="pair", content="Two owls.", embedding=[0.1, 1 / 3], sparse_embedding=SparseEmbedding([1, 5], [0.5, 2])
    ),
    Document(id="picture", content=None, blob=ByteStream(b"\x00\xff", meta={"a": 1}, mime_type="image/png")),
    Document(id="tern", content="Terns migrate.", meta={"year": 2024, "title": "tern", "tags": ["sea"]}),
]


def test_documents_come_back_as_they_were(document_store: LsrDocumentStore) -> None:
    document_store.write_documents(OWLS)
    assert document_store.filter_documents() == OWLS


def test_filters(document_store: LsrDocumentStore) -> None:
    document_store.write_documents(OWLS)
    for filters, expected in (
        ({"field": "meta.title", "operator": "==", "value": "tern"}, ["tern"]),
        ({"field": "id", "operator": "in", "value": ["owl", "pair"]}, ["owl", "pair"]),
        ({"field": "tags", "operator": "==", "value": "sea"}, ["tern"]),
        ({"field": "meta.year", "operator": "in", "value": [2020, None]}, ["owl", "pair", "picture"]),
        ({"field": "meta.year", "operator": "not in", "value": [None]}, ["owl", "tern"]),
        ({"field": "meta.year", "operator": "in", "value": []}, []),
        ({"field": "meta.no", "operator": "!=", "value": 1}, ["owl", "pair", "picture", "tern"]),
    ):
        assert [document.id for document in document_store.filter_documents(filters)] == expected, filters


def test_wrong_filters(document_store: LsrDocumentStore) -> None:
    document_store.write_documents(OWLS)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"field": "content", "operator": "==", "value": "a"}, "not by their content"),
        ({"field": "meta.year", "operator": "==", "value": "a"}, "year"),
        ({"field": "meta.year", "operator": "==", "value": [1]}, "one value"),
        ({"field": "meta.year", "operator": "~", "value": 1}, "no operator '~'"),
        ({"operator": "XOR", "conditions": [{"field": "a", "operator": "==", "value": 1}]}, "XOR"),
        ({"operator": "AND", "conditions": []}, "at least one"),
        ({"operator": "AND", "conditions": ["a"]}, "not str"),
    ]
    for filters, problem in wrong:
        with pytest.raises(FilterError, match=problem):
            document_store.filter_documents(filters)
        with pytest.raises(FilterError, match=problem):
            LsrRetriever(document_store).run("owls", filters=filters)


@pytest.mark.anyio
async def test_a_retriever_in_a_pipeline_that_was_written_down(document_store: LsrDocumentStore) -> None:
    document_store.write_documents(OWLS)
    pipeline = Pipeline()
    old = {"field": "meta.year", "operator": "<", "value": 2022}
    policy = FilterPolicy.MERGE
    pipeline.add_component("retriever", LsrRetriever(document_store, filters=old, top_k=3, filter_policy=policy))
    written = pipeline.dumps()
    document_store.close()  # one at a time opens a folder for writing
    again = Pipeline.loads(written, allowed_modules=["lsr.integrations.*"]).get_component("retriever")
    [owl] = again.run("owls")["documents"]
    assert (owl.id, owl.content, owl.meta, owl.score > 0) == ("owl", OWLS[0].content, OWLS[0].meta, True)
    assert again.run("owls", filters={"field": "id", "operator": "==", "value": "pair"})["documents"] == []
    plain = LsrRetriever(again.document_store, top_k=1)
    assert [each.id for each in (await plain.run_async("owls and terns", top_k=3))["documents"]] == [
        "tern",
        "pair",
        "owl",
    ]
    again.document_store.close()


def test_what_is_written_down_of_a_store(empty: Path, tmp_path: Path) -> None:
    store = LsrDocumentStore("http://localhost/x", key=Secret.from_env_var("LSR_KEY"), settings={"model": "bm25"})
    written = store.to_dict()
    assert written["init_parameters"] == {
        "place": "http://localhost/x",
        "key": {"type": "env_var", "env_vars": ["LSR_KEY"], "strict": True},
        "settings": {"model": "bm25"},
    }
    assert LsrDocumentStore.from_dict(written).to_dict() == written
    with (
        Collection.open(new_folder(empty, tmp_path)) as collection,
        pytest.raises(InputError, match="name its folder"),
    ):
        LsrDocumentStore(collection).to_dict()


def test_policies(document_store: LsrDocumentStore) -> None:
    twice = [Document(id="a", content="first"), Document(id="a", content="second")]
    with pytest.raises(DuplicateDocumentError, match="'a'"):
        document_store.write_documents(twice)
    assert document_store.write_documents(twice, policy=DuplicatePolicy.OVERWRITE) == 2
    assert [document.content for document in document_store.filter_documents()] == ["second"]
    with pytest.raises(InputError, match=r"'b': "):
        document_store.write_documents([Document(id="b", content="b", meta={"a": object()})])
