"""Texts, vectors of terms and dense vectors, alone and together: asked of a server, the answers are the library's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from served import URL, AppTransport, serving

from lsr import Document, Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.build.dense import add_dense_vectors
from lsr.client import AsyncClient, Client
from lsr.core.errors import InputError
from lsr.encoding.dense.encoder import DenseEncoder

DOCUMENTS = [
    Document("owl", "Owls hunt mice at night."),
    Document("tern", "Terns migrate from pole to pole."),
    Document("swift", "Swifts sleep in the air."),
]
TEXT, VECTOR = "birds that migrate", {"owl": 1.5, "hunt": 0.5, "night": 0.25}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AppTransport, Retriever]]:
    root = tmp_path_factory.mktemp("root")
    dense = DenseEncoder.load("minilm")
    made = add_dense_vectors(index_corpus(DOCUMENTS, root / "birds", SparseEncoder.load("lsr-doc-tiny")), dense)
    with serving(root) as transport:
        yield transport, Retriever(made)


@pytest.mark.parametrize(
    "given",
    [
        {"vector": VECTOR},
        {"dense_vector": True},
        {"vector": VECTOR, "dense_vector": True},
        {"text": TEXT, "dense_vector": True},
        {"text": TEXT, "vector": VECTOR, "mode": "hybrid"},
        {"vector": VECTOR, "dense_vector": True, "mode": "sparse-first"},
        {"text": TEXT, "vector": VECTOR, "mode": "hybrid", "dense_weight": 0.9},
    ],
    ids=str,
)
def test_every_kind_of_vector_is_asked_with(served: tuple[AppTransport, Retriever], given: dict[str, Any]) -> None:
    transport, retriever = served
    if "dense_vector" in given:
        given = {**given, "dense_vector": retriever.dense_encoder.encode_queries(["mice"])[0].tolist()}
    expected = retriever.search(k=3, **given)

    async def asked() -> list[tuple[str, float]]:
        async with AsyncClient(URL, transport=httpx.ASGITransport(transport._asgi.app), retries=0) as client:
            return hits(await client.collection("birds").search(k=3, **given))

    with Client(URL, transport=transport, retries=0) as client:
        found = client.collection("birds").search(k=3, **given)
    assert found.hits and found.mode == expected.mode
    for answer in (hits(found), asyncio.run(asked())):
        assert [id for id, _ in answer] == [hit.id for hit in expected]
        assert [score for _, score in answer] == pytest.approx([hit.score for hit in expected], rel=1e-4)


def test_a_text_that_nothing_would_read_is_refused(served: tuple[AppTransport, Retriever]) -> None:
    transport, retriever = served
    dense = retriever.dense_encoder.encode_queries(["mice"])[0].tolist()
    with Client(URL, transport=transport, retries=0) as client:
        for given in ({"vector": VECTOR}, {"vector": VECTOR, "dense_vector": dense}):
            for search in (retriever.search, client.collection("birds").search):
                with pytest.raises(InputError, match="the text beside them would not be read"):
                    search(TEXT, **given)


def hits(answer: Any) -> list[tuple[str, float]]:
    return [(hit.id, hit.score) for hit in answer.hits]
