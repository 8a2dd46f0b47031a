"""Arguments of the wrong kind, of a collection and its index: each is an InputError, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lsr import Collection, Document, InputError, SparseVectors


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    with Collection.create(tmp_path_factory.mktemp("made") / "birds", model="bm25") as opened:
        opened.add([Document("owl", "Owls hunt."), Document("tern", "Terns migrate.")])
        yield opened


@pytest.mark.parametrize("wrong", [None, 5, 2.5, b"x", "owl", object(), True])
def test_what_is_no_documents(collection: Collection, wrong: Any) -> None:
    with pytest.raises(InputError, match="documents are `Document`s or dicts, not"):
        collection.add(wrong)
    with pytest.raises(InputError, match="documents are `Document`s or dicts, not"):
        list(collection.add_each(wrong))
    with pytest.raises(InputError, match="string"):
        collection.snapshot.documents.row(wrong) if wrong != "owl" else collection.get(5)  # type: ignore[arg-type]
    assert len(collection) == 2


def test_what_is_no_document_is_refused_by_itself(collection: Collection) -> None:
    for wrong in (None, 5, "owl", ["owl"], b"x"):
        (refused,) = collection.add([wrong]).refused  # type: ignore[list-item]
        assert refused.reason == f"a document is an object, not {type(wrong).__name__}"
    assert len(collection) == 2


def test_what_is_no_ids_no_text_and_no_path(collection: Collection, tmp_path: Path) -> None:
    for wrong in (None, 5, 2.5, True, object(), b"owl", {"owl": 1}):
        with pytest.raises(InputError, match="ids must be a list"):
            collection.delete(wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the text to count by must be a string"):
        collection.count(["owls"])  # type: ignore[arg-type]
    for name in ("a\0b", "\ud800"):
        with pytest.raises(InputError, match="characters that no file's name has"):
            Collection.create(name, model="bm25")
    assert len(collection) == 2 and list(tmp_path.iterdir()) == []


def test_an_index_that_is_searched_by_a_text_says_what_does_that(collection: Collection) -> None:
    for asked in ("owls", ["owls"], SparseVectors([0, 1], [1], [1.0], ["q"], 5)):
        with pytest.raises(InputError, match=r"there are no weights.*search_batch.*lsr.Retriever"):
            collection.snapshot.search(asked)
