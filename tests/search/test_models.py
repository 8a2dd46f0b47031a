"""Models that several indexes share."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE

from lsr import Document, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.collection.collection import Collection
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.sparse.transformer import TransformerTower
from lsr.index import Index
from lsr.search.models import Models
from lsr.search.retriever import Retriever

TEXTS = ["terns migrate from pole to pole", "owls hunt at night"]


class Model:
    """Something that can be shared."""


def test_what_is_the_same_is_loaded_once_and_gone_with_the_last_that_has_it() -> None:
    models, loads = Models(), []

    def load() -> Model:
        loads.append(1)
        return Model()

    first = models.shared("sparse", {"a": 1, "b": 2}, None, load=load)
    assert models.shared("sparse", {"b": 2, "a": 1}, None, load=load) is first and len(loads) == 1
    others = [
        models.shared(*wanted, load=load) for wanted in (("dense", {"a": 1, "b": 2}, None), ("sparse", {"a": 1}, None))
    ]
    assert first not in others and len(loads) == 3
    del first
    gc.collect()
    models.shared("sparse", {"a": 1, "b": 2}, None, load=load)
    assert len(loads) == 4


def test_who_wants_one_that_is_loaded_waits_for_it_and_others_do_not() -> None:
    models, began, may_end = Models(), threading.Event(), threading.Event()
    found: dict[int, Model] = {}

    def load() -> Model:
        assert not began.is_set()  # but once
        began.set()
        assert may_end.wait(PATIENCE)
        return Model()

    def want(number: int) -> None:
        found[number] = models.shared("slow", load=load)

    threads = [threading.Thread(target=want, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    assert began.wait(PATIENCE)
    assert isinstance(models.shared("another", load=Model), Model) and not found
    may_end.set()
    for each in threads:
        each.join(PATIENCE)
    assert len(found) == 4 and len(set(found.values())) == 1


def test_one_that_cannot_be_loaded_is_tried_again() -> None:
    models = Models()

    def broken() -> Model:
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"):
        models.shared("a", load=broken)
    assert isinstance(models.shared("a", load=Model), Model)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models whose weights were read."""
    loads: list[str] = []
    sparse, dense = TransformerTower.__init__, DenseEncoder.__init__

    def read_sparse(self: Any, spec: Any, **options: Any) -> None:
        loads.append(spec.folder.name)
        sparse(self, spec, **options)

    def read_dense(self: Any, name: str, *given: Any, **options: Any) -> None:
        loads.append(name)
        dense(self, name, *given, **options)

    monkeypatch.setattr(TransformerTower, "__init__", read_sparse)
    monkeypatch.setattr(DenseEncoder, "__init__", read_dense)
    return loads


def made(path: Path, **settings: Any) -> Path:
    with Collection.create(path, weight_scale=0.02, **settings) as collection:
        collection.add([{"_id": str(number), "text": text} for number, text in enumerate(TEXTS)])
    return path


def test_two_collections_of_one_model_have_it_in_memory_once(tmp_path: Path, counted: list[str]) -> None:
    paths = [made(tmp_path / name, model="splade-tiny", dense="minilm") for name in "ab"]
    paths.append(made(tmp_path / "words beside", model="splade-tiny", language="german", title_weight=2.0))
    alone = [Retriever.open(path).search(TEXTS[0], 2) for path in paths]
    counted.clear()
    models = Models()
    retrievers = [Retriever(Index.open(path), gathers=True, models=models) for path in paths]
    for retriever, expected in zip(retrievers, alone, strict=True):
        assert [(hit.id, hit.score) for hit in retriever.search(TEXTS[0], 2).hits] == [
            (hit.id, hit.score) for hit in expected.hits
        ]
    for retriever in retrievers[:2]:
        retriever.search(TEXTS[0], 2, mode="hybrid")
    assert len(counted) == 2, counted
    assert len({id(each.encoder) for each in retrievers}) == 1
    assert retrievers[0].dense_encoder is retrievers[1].dense_encoder
    # And what they search for at one time is read in one run.
    assert len({id(each._encoders._sparse_runs) for each in retrievers}) == 1


def test_another_length_is_another_model(tmp_path: Path, encoder: SparseEncoder) -> None:
    documents = [Document(str(number), text) for number, text in enumerate(TEXTS)]
    models = Models()
    made_by = [encoder, SparseEncoder.load("splade-tiny", max_length=32)]
    found = [
        Retriever(index_corpus(documents, tmp_path / str(each.max_length), each), models=models).encoder
        for each in made_by
    ]
    assert [each.max_length for each in found] == [64, 32]
