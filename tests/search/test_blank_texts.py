"""Nothing in, nothing out: a blank text is encoded as nothing, is not found, and finds nothing."""

from __future__ import annotations

import numpy as np
import pytest

from lsr import Document, Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.build.dense import add_dense_vectors
from lsr.build.late import add_token_vectors
from lsr.core.documents import is_blank
from lsr.core.errors import InputError
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.late.encoder import TokenEncoder
from lsr.index import Index
from lsr.search.plan import SearchPlan

BLANK = ["", " ", "\n\t", "\u00a0", "\u200b\u200d", "\ufeff"]
DOCUMENTS = [
    Document("birds", "birds fly"),
    Document("nothing", ""),
    Document("space", " ", "\t"),
    Document("rail", "trains"),
]


@pytest.mark.parametrize("text", BLANK)
def test_blank_texts_are_known(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", " …", "\u200b鳥", "\u2028."])
def test_other_texts_are_not(text: str) -> None:
    assert not is_blank(text)


@pytest.mark.parametrize("model", ["lsr-doc-tiny", "splade-tiny"])
def test_they_are_encoded_as_nothing(model: str) -> None:
    encoder = SparseEncoder.load(model)
    for encode in (encoder.encode_documents, encoder.encode_queries):
        vectors = encode([BLANK[0], "birds fly", *BLANK[1:]])
        lengths = np.diff(vectors.indptr)
        assert lengths[1] > 0 and lengths.sum() == lengths[1]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    pytest.importorskip("faiss")
    made = index_corpus(DOCUMENTS, tmp_path_factory.mktemp("blank") / "index", SparseEncoder.load("lsr-doc-tiny"))
    return add_dense_vectors(made, DenseEncoder.load("minilm"))


@pytest.mark.parametrize("mode", ["exact", "approximate", "exhaustive", "dense", "hybrid"])
def test_they_are_not_found_and_find_nothing(index: Index, mode: str) -> None:
    retriever = Retriever(index)
    ids = [hit.id for hit in retriever.search("do birds fly?", 10, mode=mode).hits]
    assert ids[0] == "birds" and not {"nothing", "space"} & set(ids)
    for text in BLANK[:3]:
        assert retriever.search(text, 10, mode=mode).hits == []


def test_a_blank_text_has_no_dense_vector(index: Index) -> None:
    dense = index.parts["dense"].flat.reshape(len(index), -1)
    ids = index.documents.row_ids(np.arange(len(index)))
    assert {id for id, row in zip(ids, dense, strict=True) if row.any()} == {"birds", "rail"}


def test_a_blank_query_among_others(index: Index) -> None:
    retriever, plan = Retriever(index), SearchPlan()
    ranked = retriever.rank(retriever.encode_queries(["birds", " "], plan), 10, plan)
    assert ranked[0].ids == ["birds"] and ranked[1].ids == []


def test_a_blank_text_has_no_token_vectors() -> None:
    encoder = TokenEncoder.load("minilm", threads=1)
    assert [len(vectors) for vectors in encoder.encode_queries([*BLANK, "birds"])] == [*[0] * len(BLANK), 3]
    [(indptr, vectors)] = encoder.stream_documents(["birds", *BLANK, "birds"])
    assert indptr.tolist() == [0, *[3] * (len(BLANK) + 1), 6] and vectors.shape == (6, encoder.dim)
    assert encoder.query_tokens(" ") == encoder.document_tokens("") == []


def test_a_blank_question_ranks_nothing_again(index: Index) -> None:
    retriever = Retriever(add_token_vectors(index, TokenEncoder.load("minilm", threads=1)))
    vector = retriever.dense_encoder.encode_queries(["birds"])
    assert retriever.search(" ", rerank="late", mode="hybrid").hits == []
    for text, dense_vector in ((" ", vector[0]), (["birds", "\u200b"], vector[[0, 0]])):
        with pytest.raises(InputError, match="re-ranking reads the question: give its text beside the vectors"):
            retriever.search(text, dense_vector=dense_vector, mode="dense", rerank="late")
    assert retriever.search("birds", dense_vector=vector[0], rerank="late").hits[0].id == "birds"
