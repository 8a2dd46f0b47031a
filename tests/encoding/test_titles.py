from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsr.build.corpus import index_corpus
from lsr.collection.collection import Collection
from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.encoding.lexical.alone import WordsAlone
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.encoding.titles import check_title_weight, encode_titled
from lsr.index import IndexSettings
from lsr.search.retriever import Retriever

DOCUMENTS = [
    Document("a", "It flies far each year, to the south and back.", "Arctic tern"),
    Document("b", "An arctic tern was seen beside the glacier, by a tern lover, in an arctic summer.", "A diary"),
    Document("c", "Bread made with wild yeast.", ""),
]


@pytest.fixture(scope="module")
def encoder() -> SparseEncoder:
    return SparseEncoder.load("lsr-doc-tiny")


def test_the_vectors_of_titles_are_added(encoder: SparseEncoder) -> None:
    whole = encoder.encode_documents([document.contents for document in DOCUMENTS]).to_scipy().toarray()
    titles = encoder.encode_documents([document.title for document in DOCUMENTS]).to_scipy().toarray()
    made = encode_titled(encoder, DOCUMENTS, 0.5)
    np.testing.assert_allclose(made.to_scipy().toarray(), whole + 0.5 * titles, rtol=1e-6)
    assert made.ids == ["a", "b", "c"]
    assert (whole[2] == made.to_scipy().toarray()[2]).all(), "without a title, nothing is added"
    assert np.diff(encode_titled(encoder, DOCUMENTS, 0.5, top_k=7).indptr).tolist() == [7, 7, 7]


def test_without_a_weight_documents_are_encoded_as_they_are(encoder: SparseEncoder) -> None:
    plain = encoder.encode_documents([document.contents for document in DOCUMENTS], ["a", "b", "c"])
    made = encode_titled(encoder, DOCUMENTS, 0.0)
    assert (made.weights == plain.weights).all() and (made.indices == plain.indices).all()


@pytest.mark.parametrize("weight", [-0.1, 101, float("nan"), "1", True])
def test_a_weight_that_is_none(weight: float) -> None:
    with pytest.raises(InputError, match="title_weight"):
        check_title_weight(weight)


@pytest.mark.parametrize("model", ["bm25", "lsr-doc-tiny"])
def test_a_document_has_the_scores_of_an_index_wherever_it_is_added(
    tmp_path: Path, encoder: SparseEncoder, model: str
) -> None:
    index = index_corpus(
        DOCUMENTS,
        tmp_path / "index",
        WordsAlone() if model == "bm25" else encoder,
        lexical=LexicalSettings(),
        title_weight=0.3,
        settings=IndexSettings(weight_bits=24 if model == "bm25" else 8),
    )
    record = index.encoder or {}
    assert record["title_weight"] == 0.3
    made = Collection.create(
        tmp_path / "collection",
        model=model,
        title_weight=0.3,
        mean_length=record["lexical"]["mean_length"],
        weight_scale=index.manifest.weight_scale,
    )
    with made as collection, Collection.open(tmp_path / "index") as indexed:
        collection.add(DOCUMENTS)
        found = [
            [(hit.id, hit.score) for hit in each.search("arctic tern", mode="exact")] for each in (collection, indexed)
        ]
        assert found[0] == found[1] and len(found[0]) >= 2
        # What is added later is encoded by the same weight.
        indexed.add(Document("d", DOCUMENTS[0].text, DOCUMENTS[0].title))
        scores = {hit.id: hit.score for hit in indexed.search("arctic tern", mode="exact")}
        assert scores["d"] == scores["a"]


def test_titles_lead_the_ranking_when_they_count_more(tmp_path: Path) -> None:
    ranked = []
    for weight in (0.0, 4.0):
        index = index_corpus(
            DOCUMENTS, tmp_path / str(weight), WordsAlone(), lexical=LexicalSettings(), title_weight=weight
        )
        ranked.append([hit.id for hit in Retriever(index).search("arctic tern")])
    assert ranked == [["b", "a"], ["a", "b"]]
