"""Dense vectors of a collection that is encoded anew by another sparse model: they stay, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reindexed import DENSE, DOC, SPLADE, check_as_fresh, create, document

from lsr.collection.collection import Collection
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.index import verify
from lsr.index.parts.dense.record import DenseRecord
from lsr.index.parts.dense.vectors import prepare_vectors


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that the dense model is asked for."""
    texts: list[str] = []
    encode = DenseEncoder.encode_documents

    def asking(self: DenseEncoder, given: Any, *arguments: Any, **options: Any) -> Any:
        texts.extend(given)
        return encode(self, given, *arguments, **options)

    monkeypatch.setattr(DenseEncoder, "encode_documents", asking)
    return texts


def vectors(collection: Collection) -> dict[tuple[str, str], bytes]:
    """The stored dense vectors of rows, as bytes, by their documents and texts."""
    index = collection.snapshot
    alive = np.ones(len(index), np.bool_)
    if index.documents.alive is not None:
        alive = np.unpackbits(index.documents.alive, count=len(index), bitorder="little").astype(np.bool_)
    rows = np.flatnonzero(alive)
    texts = [index.documents.at(row).contents for row in rows.tolist()]
    stored = map(bytes, index.parts["dense"].vectors[rows])
    return dict(zip(zip(index.documents.ids(rows), texts, strict=True), stored, strict=True))


@pytest.mark.parametrize("models", [("bm25", DOC), (DOC, "bm25"), (DOC, SPLADE)], ids=["to", "from", "between"])
def test_the_same_dense_model_is_not_asked_again(tmp_path: Path, asked: list[str], models: tuple[str, str]) -> None:
    """Of documents in segments and in memory; only for rows that no model before has cut like this."""
    before, after = models
    with create(tmp_path / "collection", before, dense=DENSE) as collection:
        stored = vectors(collection)
        asked.clear()
        collection.reindex(after)
        made = vectors(collection)
        assert sorted(asked) == sorted(text for _, text in made.keys() - stored.keys())
        alike = made.keys() & stored.keys()
        assert len(alike) > 5 and {row: made[row] for row in alike} == {row: stored[row] for row in alike}
        assert {id for id, _ in made} == {each.id for each in collection.scan()}
        collection.compact()
        assert vectors(collection) == made
        assert verify(collection.path) == []
    with Collection.open(tmp_path / "collection") as collection:
        assert vectors(collection) == made


def test_what_is_written_meanwhile_is_encoded(tmp_path: Path, asked: list[str]) -> None:
    """Texts that are new or have changed, once, as they are written; and what a version is gone back to with."""
    with create(tmp_path / "collection", "bm25", dense=DENSE) as collection:
        asked.clear()
        collection.reindex("bm25", keep=True, progress=lambda count: collection.update_fields("d5", {"version": 9}))
        texts = [document(5)["text"], document(70)["text"], document(6, 1)["text"]]
        assert {*asked} <= {texts[0], f"A title {texts[0]}"}, "as its fields were changed, not as it was moved"
        asked.clear()
        collection.add([document(70), document(6, 1)])
        stored = vectors(collection)
        assert [text.removeprefix("A title ") for text in asked] == texts[1:]
        asked.clear()
        collection.go_back()
        assert not asked and vectors(collection) == stored
        check_as_fresh(collection, tmp_path / "fresh", "bm25", dense=DENSE)


def test_another_dense_model_is_asked(tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with create(tmp_path / "collection", "bm25", dense=DENSE) as collection:
        asked.clear()
        # Which one it was that made them is what tells.
        monkeypatch.setattr(
            "lsr.collection.stored_dense.StoredDense.__call__", lambda self, row: pytest.fail("of another model")
        )
        record = dict(collection.snapshot.manifest.live.dense)  # type: ignore[union-attr, arg-type]
        other = {**record, "encoder": {**record["encoder"], "max_length": 7}}
        monkeypatch.setattr("lsr.collection.reindexing.dense_record", lambda *given: other)
        collection.reindex("bm25", dense=DENSE)
        assert len(asked) == len(collection)


def test_preparing_a_vector_twice_changes_no_bit() -> None:
    random = np.random.default_rng(0)
    for dim in (1, 2, 3, 8, 384):
        given = (random.normal(size=(4000, dim)) * random.gamma(1, 10, (4000, 1))).astype(np.float32)
        record = DenseRecord(dim, dim, "cosine", "flat", None)
        once, _ = prepare_vectors(given, record)
        twice, _ = prepare_vectors(once, record)
        assert once.tobytes() == twice.tobytes()
        assert np.allclose(np.linalg.norm(once.astype(np.float64), axis=1), 1, atol=2.0**-22)
