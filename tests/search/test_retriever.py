from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lsr import Document, Retriever, SparseEncoder, SparseVectors
from lsr.build.corpus import index_corpus, index_vectors
from lsr.core.errors import InputError, ModelError, NotFoundError
from lsr.search.ranked import RankedIds
from lsr.search.response import Hit, SearchResponse

QUERY = "birds that fly far"


@pytest.fixture(scope="module")
def retriever(toy_index: Path) -> Retriever:
    return Retriever.open(toy_index)


def test_scores_are_the_inner_products_of_the_stored_vectors(retriever: Retriever, encoder: SparseEncoder) -> None:
    terms, weights = encoder.encode_queries([QUERY]).row(0)
    query = dict(zip(terms.tolist(), weights.tolist(), strict=True))
    expected = {}
    for row in range(len(retriever.index)):
        stored = zip(*(part.tolist() for part in retriever.index.vector(row)), strict=True)
        score = sum(query.get(term, 0.0) * weight for term, weight in stored)
        if score > 0:
            expected[retriever.index.documents.at(row).id] = score
    hits = retriever.search(QUERY, k=5).hits
    assert {hit.id: hit.score for hit in hits} == pytest.approx(expected, rel=1e-5)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_stored_weights_are_the_encoders_within_half_a_quantum(retriever: Retriever, encoder: SparseEncoder) -> None:
    document = retriever.index.documents.get("glacier")
    terms, weights = encoder.encode_documents([document.contents]).row(0)
    stored_terms, stored = retriever.index.vector(retriever.index.documents.row("glacier"))
    np.testing.assert_array_equal(stored_terms, terms)
    scale = retriever.index.describe()["weight_scale"]
    # A weight below half a quantum is kept at one quantum rather than lost.
    assert np.abs(stored - weights)[weights > scale].max() <= scale / 2 * (1 + 1e-5)


def test_explanations_add_up_to_the_score(retriever: Retriever) -> None:
    hit = retriever.search(QUERY, k=1, explain=True).hits[0]
    explanation = retriever.explain(QUERY, hit.id)
    assert hit.matches == explanation.matches and hit.matches
    assert sum(match.contribution for match in hit.matches) == pytest.approx(hit.score, rel=1e-5)
    assert explanation.score == pytest.approx(hit.score, rel=1e-5)
    assert retriever.search(QUERY, k=1).hits[0].matches is None


def test_searching_by_vector_equals_searching_by_text(retriever: Retriever) -> None:
    by_text = retriever.search(QUERY).hits
    by_vector = retriever.search_vector(retriever.encode(QUERY)).hits
    assert [(hit.id, hit.score) for hit in by_text] == [(hit.id, hit.score) for hit in by_vector]


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf"), 1e300, 1e-300])
def test_a_bad_weight_is_named(retriever: Retriever, weight: float) -> None:
    with pytest.raises(InputError, match=r"vector\.bird"):
        retriever.search_vector({"bird": weight})


def test_unknown_terms_and_documents_are_named(retriever: Retriever) -> None:
    with pytest.raises(InputError, match="no term 'qwertyuiop'"):
        retriever.search_vector({"qwertyuiop": 1.0})
    with pytest.raises(NotFoundError, match="nobody"):
        retriever.explain(QUERY, "nobody")


def test_nothing_to_search_for_finds_nothing(retriever: Retriever) -> None:
    assert retriever.search_vector({}).hits == []


def test_an_index_of_bare_vectors_asks_for_a_model(tmp_path: Path, encoder: SparseEncoder) -> None:
    vectors = encoder.encode_documents(["a bird", "a fish"], ["b", "f"])
    index_vectors([vectors], tmp_path / "index")
    with pytest.raises(ModelError, match="model="):
        Retriever.open(tmp_path / "index").search("bird")
    named = Retriever.open(tmp_path / "index", model="splade-tiny")
    assert named.search("bird").hits[0].id == "b"


def test_vectors_and_texts_must_agree(tmp_path: Path, encoder: SparseEncoder) -> None:
    vectors = encoder.encode_documents(["a bird", "a fish"], ["b", "f"])
    for documents, message in [
        ([Document("b", "a bird"), Document("x", "a fish")], "'f', where the corpus has 'x'"),
        ([Document("b", "a bird")], "the corpus has ended"),
        ([Document("b", ""), Document("f", ""), Document("g", "")], "more documents than there are vectors"),
    ]:
        with pytest.raises(InputError, match=message):
            index_vectors([vectors], tmp_path / "index", documents=documents)
        assert not (tmp_path / "index").exists()


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    index_vectors([SparseVectors.from_rows([([0], [1.0])], ["a"], dim=7)], tmp_path / "index")
    with pytest.raises(ModelError, match="30,522 terms, the index 7"):
        Retriever.open(tmp_path / "index", model="splade-tiny").search("bird")


def test_a_model_that_changed_since_is_noticed(
    tmp_path: Path, encoder: SparseEncoder, toy_documents: list[Document]
) -> None:
    encoder.save(tmp_path / "model")
    model = SparseEncoder.load(tmp_path / "model", max_length=32)
    index_corpus(toy_documents, tmp_path / "index", model)
    reopened = Retriever.open(tmp_path / "index")
    assert reopened.encoder.max_length == 32, "queries are encoded as the index records"
    assert reopened.search("bird").hits[0].id == "arctic-tern"

    weights = tmp_path / "model" / "model.safetensors"
    tensors = load_file(weights)
    tensors["cls.predictions.bias"] += 1
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="not the one that made this index"):
        Retriever.open(tmp_path / "index").search("bird")
    assert Retriever.open(tmp_path / "index", model=str(tmp_path / "model")).search("bird").hits


def test_the_first_searches_at_once_load_the_model_once(toy_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load, loaded = SparseEncoder.of_record.__func__, []

    def counting(cls: type[SparseEncoder], *arguments: Any, **options: Any) -> SparseEncoder:
        loaded.append(arguments)
        return load(cls, *arguments, **options)

    monkeypatch.setattr(SparseEncoder, "of_record", classmethod(counting))
    retriever = Retriever.open(toy_index)
    together = threading.Barrier(8)

    def encode(kind: Any) -> Any:
        together.wait()
        return retriever.encode("bird", kind)

    with ThreadPoolExecutor(8) as pool:
        encoded = list(pool.map(encode, ["document", "query"] * 4))
    assert len(loaded) == 1
    assert encoded == [encoded[0]] * 8


def test_an_empty_answer_says_so(toy_index: Path) -> None:
    retriever = Retriever.open(toy_index)
    assert repr(retriever.search("ice", offset=100)) == "SearchResponse(no hits, exact)"
    assert repr(RankedIds([], np.zeros(0), None)) == "RankedIds(no hits)"


def test_fields_may_be_an_iterator() -> None:
    """Each hit has those that it names, and not the first alone."""
    hits = [Hit(n, str(n), 1.0, Document(str(n), "ice", fields={"year": n, "more": 0})) for n in (1, 2)]
    found = SearchResponse(hits, "exact", None, 0.0, 0.0)
    assert [each["fields"] for each in found.to_record(fields=iter(["year"]))["hits"]] == [{"year": 1}, {"year": 2}]
    with pytest.raises(InputError, match="fields must be"):
        hits[0].to_record(fields=5)  # type: ignore[arg-type]


def test_a_text_that_would_not_be_read_is_refused(toy_index: Path) -> None:
    retriever = Retriever.open(toy_index)
    with pytest.raises(InputError, match="the text beside them would not be read"):
        retriever.search("ice", vector={"bird": 1.0})
    with pytest.raises(InputError, match="the text beside them would not be read"):
        retriever.search(["ice", "bird"], vector=[{"bird": 1.0}, {"ice": 1.0}])
