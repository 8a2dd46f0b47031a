"""Exports to engines with a local form, searched by it: where their packages are installed."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_documents import TOY

from lsr import Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.core.errors import InputError, OutputExistsError
from lsr.exchange.source import Source
from lsr.exchange.targets import load_target
from lsr.index import Index
from lsr.index.build.export import iter_vectors
from lsr.vectors.sparse import SparseVectors

QUESTION = "bread and ice"


@pytest.fixture(scope="module")
def retriever(encoder: SparseEncoder, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    """The toy documents, by a model."""
    path = tmp_path_factory.mktemp("engines") / "toy"
    return Retriever(index_corpus(TOY, path, encoder))


def export(name: str, index: Index, place: Path, **options: Any) -> Any:
    """To a new folder."""
    return load_target(name).write(Source(index, name="toy", **options), str(place), force=False, query=None, k=10)


def expected(retriever: Retriever) -> list[tuple[str, float]]:
    """What exact search finds here."""
    terms, weights = retriever.sparse_queries([QUESTION]).row(0)
    hits = retriever.index.search(terms, weights, 5, mode="exact")
    return list(zip(retriever.index.documents.row_ids(hits.rows), hits.scores.tolist(), strict=True))


def check(found: list[tuple[str, float]], retriever: Retriever) -> None:
    """The same documents in the same order, with the same scores."""
    right = expected(retriever)
    assert [id for id, _ in found] == [id for id, _ in right] and len(right) > 1
    assert [score for _, score in found] == pytest.approx([score for _, score in right], rel=1e-5)


def test_qdrant_finds_the_same(retriever: Retriever, tmp_path: Path) -> None:
    client_of = pytest.importorskip("qdrant_client")
    done = export("qdrant", retriever.index, tmp_path / "points")
    assert done.documents == 5 and "IDF" in done.notes[-1]
    client = client_of.QdrantClient(path=str(tmp_path / "points"))
    assert client.get_collection("toy").config.params.sparse_vectors["vector"].modifier is None
    terms, weights = retriever.sparse_queries([QUESTION]).row(0)
    body = load_target("qdrant").body((terms, weights), 5, "toy")
    query = client_of.models.SparseVector(**body["query"])
    points = client.query_points("toy", query=query, using=body["using"], limit=5).points
    check([(each.payload["id"], each.score) for each in points], retriever)
    bicycle = next(each for each in client.scroll("toy")[0] if each.payload["id"] == "bicycle")
    assert bicycle.payload["fields"] == {"wheels": 2} and bicycle.payload["text"].startswith("A vehicle")
    assert uuid.UUID(bicycle.id).version == 5
    client.close()
    with pytest.raises(OutputExistsError):
        export("qdrant", retriever.index, tmp_path / "points")


def test_milvus_finds_the_same(retriever: Retriever, tmp_path: Path) -> None:
    milvus = pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    assert export("milvus", retriever.index, tmp_path / "lite").documents == 5
    client = milvus.MilvusClient(str(tmp_path / "lite" / "milvus.db"))
    client.load_collection("toy")
    query = dict(zip(*(side.tolist() for side in retriever.sparse_queries([QUESTION]).row(0)), strict=True))
    hits = client.search("toy", data=[query], anns_field="vector", limit=5, output_fields=["fields"])[0]
    check([(each["id"], each["distance"]) for each in hits], retriever)
    client.close()


def test_milvus_names_a_text_that_is_too_long(retriever: Retriever, tmp_path: Path) -> None:
    pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    from lsr.exchange import milvus

    original, milvus._LONGEST = milvus._LONGEST, 40
    try:
        with pytest.raises(InputError, match="its text is longer"):
            export("milvus", retriever.index, tmp_path / "lite")
    finally:
        milvus._LONGEST = original
    assert not (tmp_path / "lite").exists()


def test_lance_gives_back_the_same(retriever: Retriever, tmp_path: Path) -> None:
    lance = pytest.importorskip("lance")
    assert export("lance", retriever.index, tmp_path / "toy.lance").documents == 5
    rows = {row["id"]: row for row in lance.dataset(str(tmp_path / "toy.lance")).to_table().to_pylist()}
    for id, terms, weights in SparseVectors.concatenate(list(iter_vectors(retriever.index))):
        np.testing.assert_array_equal(np.array(rows[id]["indices"], np.uint32), terms)
        np.testing.assert_array_equal(np.array(rows[id]["values"], np.float32), weights)
    assert rows["bicycle"]["fields"] == '{"wheels": 2}'
    with pytest.raises(InputError, match=r"ends in \.lance"):
        export("lance", retriever.index, tmp_path / "toy")
