"""The IDF of the collection in an inference-free query: counted at index time, blended at search time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lsr import Document, SparseEncoder
from lsr.build.corpus import index_corpus, index_vectors
from lsr.core.errors import ModelError
from lsr.encoding.catalogue import resolve
from lsr.index import verify
from lsr.search.retriever import Retriever


@pytest.fixture(scope="module")
def table_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged model with a table of ones for queries, which wants half of the weight from the collection."""
    bare = tmp_path_factory.mktemp("models") / "bare"
    shutil.copytree(Path(resolve("splade-tiny")), bare)
    tokens = SparseEncoder.load("splade-tiny", queries_only=True).vocabulary
    words = ["ice", "the", "bread", "of", "wheels", "bow", "year"]
    (bare / "idf.json").write_text(json.dumps({word: 1.0 for word in words if tokens.id(word) is not None}))
    path = bare.with_name("saved")
    SparseEncoder.load(bare).save(path)
    config = path / "config_sentence_transformers.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"lsr_query_idf": 0.5}))
    return path


def weights(retriever: Retriever, text: str) -> dict[str, float]:
    return retriever.encode(text)


def test_the_collection_weighs_its_words(table_model: Path, toy_documents: list[Document], tmp_path: Path) -> None:
    encoder = SparseEncoder.load(table_model)
    assert encoder.query_idf == 0.5
    index = index_corpus(toy_documents, tmp_path / "index", encoder)
    assert verify(index.path) == []
    found = index.parts["terms"].tokens
    assert found is not None
    by_hand = {word: sum(word in d.contents.lower().split() for d in toy_documents) for word in ("ice", "of", "bread")}
    assert {word: int(found[encoder.vocabulary.id(word)]) for word in by_hand} == by_hand
    plain = weights(Retriever(index, query_idf=0), "the ice of bread")
    assert set(plain.values()) == {1.0}
    alone = weights(Retriever(index, query_idf=1), "the ice of bread")
    assert alone["ice"] == alone["bread"] > alone["of"] > 0

    def idf(count: int) -> float:
        return float(np.log1p((5 - count + 0.5) / (count + 0.5)))

    assert alone["ice"] / alone["of"] == pytest.approx(idf(1) / idf(by_hand["of"]), rel=1e-5)
    wanted = weights(Retriever.open(index.path), "the ice of bread")  # half, as the model wants it, of five documents
    share = 0.5 * 5 / 15
    for word in plain:
        assert wanted[word] == pytest.approx((1 - share) * plain[word] + share * alone[word], rel=1e-5)
    given = Retriever(index)
    given.encoder = encoder
    assert weights(given, "the ice of bread") == wanted


def test_an_index_of_vectors_has_no_words_to_count(table_model: Path, tmp_path: Path) -> None:
    encoder = SparseEncoder.load(table_model)
    index = index_vectors([encoder.encode_documents(["ice and bread"])], tmp_path / "index", encoder=encoder)
    assert index.parts["terms"].tokens is None
    assert set(weights(Retriever(index), "the ice").values()) == {1.0}


def test_models_that_run_for_queries_count_nothing(
    encoder: SparseEncoder, toy_documents: list[Document], tmp_path: Path
) -> None:
    assert index_corpus(toy_documents, tmp_path / "index", encoder).parts["terms"].tokens is None
    assert encoder.query_idf == 0
    with pytest.raises(ModelError, match="no table"):
        encoder.token_frequencies(["ice"])


@pytest.mark.parametrize("value", ["half", -0.1, 1.5, True])
def test_a_blend_that_is_none(table_model: Path, tmp_path: Path, value: object) -> None:
    shutil.copytree(table_model, tmp_path / "model")
    config = tmp_path / "model" / "config_sentence_transformers.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"lsr_query_idf": value}))
    with pytest.raises(ModelError, match=r"lsr_query_idf is .* from 0 to 1"):
        SparseEncoder.load(tmp_path / "model")
