"""Folders go both ways between this package and sentence-transformers, with equal vectors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SparseEncoder as Theirs
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling

from lsr import SparseEncoder, SparseVectors
from lsr.core.errors import ModelError, OutputExistsError

TEXTS = ["w1 w2 w3 w1", "w2", " ".join(f"w{i}" for i in range(60)), "w8 unknown", "w30"]


def transformer(folder: Path) -> Transformer:
    return Transformer(str(folder), transformer_task="fill-mask")


def table(folder: Path) -> SparseStaticEmbedding:
    tokenizer = transformer(folder).tokenizer
    weight = torch.linspace(0.1, 3.0, len(tokenizer))
    weight[:5] = 0  # special tokens
    return SparseStaticEmbedding(tokenizer, weight=weight)


def plain(make: Any) -> Theirs:
    return Theirs(modules=[transformer(make("bert")), SpladePooling("max")])


def double_log_sum(make: Any) -> Theirs:
    return Theirs(modules=[transformer(make("distilbert")), SpladePooling("sum", activation_function="log1p_relu")])


def prompted(make: Any) -> Theirs:
    return Theirs(modules=[transformer(make("bert")), SpladePooling("max")], prompts={"query": "w4 ", "document": ""})


def two_towers(make: Any) -> Theirs:
    sides = [[transformer(make("bert")), SpladePooling("max")], [transformer(make("roberta")), SpladePooling("sum")]]
    return Theirs(modules=[Router.for_query_document(*sides)])


def shared_towers(make: Any) -> Theirs:
    side = [transformer(make("bert")), SpladePooling("max")]
    return Theirs(modules=[Router.for_query_document(side, side)])


def inference_free(make: Any) -> Theirs:
    folder = make("bert")
    return Theirs(modules=[Router.for_query_document([table(folder)], [transformer(folder), SpladePooling("max")])])


KINDS = [plain, double_log_sum, prompted, two_towers, shared_towers, inference_free]


def assert_equal_vectors(ours: SparseEncoder, theirs: Theirs, texts: list[str] = TEXTS) -> None:
    for got, expected in (
        (ours.encode_documents(texts), theirs.encode_document(texts)),
        (ours.encode_queries(texts), theirs.encode_query(texts)),
    ):
        np.testing.assert_allclose(dense(got), padded(expected, got.dim), atol=1e-5)
        assert got.nnz > 0


def dense(vectors: SparseVectors) -> np.ndarray:
    return vectors.to_scipy().toarray()


def padded(vectors: torch.Tensor, dim: int) -> np.ndarray:
    """Their table is as wide as the tokenizer, our vectors as the model's head."""
    array = vectors.to_dense().numpy()
    return np.pad(array, ((0, 0), (0, dim - array.shape[1])))


@pytest.mark.parametrize("build", KINDS, ids=lambda build: build.__name__)
def test_both_ways(build: Callable[[Any], Theirs], make_model: Any, tmp_path: Path) -> None:
    theirs = build(make_model)
    theirs.save_pretrained(str(tmp_path / "theirs"))
    ours = SparseEncoder.load(tmp_path / "theirs", dtype="float32")
    assert ours.max_length == 40
    assert ours.inference_free == (build is inference_free)
    assert_equal_vectors(ours, theirs)

    ours.save(tmp_path / "ours")
    reopened = Theirs(str(tmp_path / "ours"))
    assert reopened.max_seq_length == 40
    assert_equal_vectors(ours, reopened)
    assert_equal_vectors(SparseEncoder.load(tmp_path / "ours", dtype="float32"), theirs)


def test_a_query_model_keeps_its_own_limit(make_model: Any, tmp_path: Path) -> None:
    """The index records one max_length, the documents'; queries must not be read to it where their model can't."""
    sides = [[transformer(make_model("bert", max_position_embeddings=size)), SpladePooling("max")] for size in (12, 48)]
    theirs = Theirs(modules=[Router.for_query_document(*sides)])
    sides[0][0].max_seq_length, sides[1][0].max_seq_length = 12, 40
    theirs.save_pretrained(str(tmp_path / "theirs"))
    ours = SparseEncoder.load(tmp_path / "theirs", dtype="float32")
    assert_equal_vectors(ours, theirs)
    again = SparseEncoder.load(tmp_path / "theirs", dtype="float32", max_length=ours.max_length)
    assert_equal_vectors(again, theirs)
    ours.save(tmp_path / "ours")
    assert_equal_vectors(ours, Theirs(str(tmp_path / "ours")))
    SparseEncoder.load(tmp_path / "ours", dtype="float32").save(tmp_path / "twice")
    assert_equal_vectors(ours, Theirs(str(tmp_path / "twice")))
    shorter = SparseEncoder.load(tmp_path / "theirs", max_length=6)
    assert dense(shorter.encode_queries(TEXTS)).shape == (len(TEXTS), 70)
    np.testing.assert_array_equal(
        dense(shorter.encode_queries(["w1 w2 w3 w4 w5"])), dense(shorter.encode_queries(["w1 w2 w3 w4"]))
    )


def test_the_packaged_model(tmp_path: Path) -> None:
    texts = ["Vitamin C does not prevent the common cold.", "What is BM25? " * 60]
    ours = SparseEncoder.load("splade-tiny", max_length=100, dtype="float32")
    ours.save(tmp_path / "model")
    assert not (tmp_path / "model" / "heads.pt").exists()
    theirs = Theirs(str(tmp_path / "model"))
    assert theirs.max_seq_length == 100
    assert_equal_vectors(ours, theirs, texts)
    description = ours.settings()["document"]
    assert SparseEncoder.load(tmp_path / "model").settings()["document"] == description


def test_an_idf_file_beside_a_bare_model_weighs_queries(make_model: Any, tmp_path: Path) -> None:
    folder = make_model("bert")
    idf = {"w1": 2.5, "w2": 0.5, "w3": 0.0}
    (folder / "idf.json").write_text(json.dumps(idf))
    encoder = SparseEncoder.load(folder, dtype="float32", activation="log1p_relu")
    assert encoder.inference_free and encoder.dim == 70
    assert encoder.decode(encoder.encode_queries(["w3 w2 w1 w1 w9", ""])) == [[("w1", 2.5), ("w2", 0.5)], []]
    encoder.save(tmp_path / "saved")
    theirs = Theirs(str(tmp_path / "saved"))
    documents, queries = encoder.encode_documents(TEXTS), encoder.encode_queries(TEXTS)
    np.testing.assert_allclose(dense(documents), padded(theirs.encode_document(TEXTS), 70), atol=1e-5)
    np.testing.assert_allclose(dense(queries), padded(theirs.encode_query(TEXTS), 70), atol=1e-5)
    (folder / "idf.json").write_text(json.dumps({"nowhere": 1.0}))
    with pytest.raises(ModelError, match="'nowhere' is not in the tokenizer"):
        SparseEncoder.load(folder)


def test_save_replaces_only_when_told_and_leaves_nothing_behind(
    make_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = SparseEncoder.load(make_model("bert"))
    encoder.save(tmp_path / "model")
    (tmp_path / "model" / "mine.txt").write_text("keep")
    with pytest.raises(OutputExistsError):
        encoder.save(tmp_path / "model")

    def break_off(*_: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("lsr.encoding.sparse.saving._write_pooling", break_off)
        with pytest.raises(OSError, match="disk full"):
            encoder.save(tmp_path / "model", force=True)
    assert (tmp_path / "model" / "mine.txt").read_text() == "keep"
    encoder.save(tmp_path / "model", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert not (tmp_path / "model" / "mine.txt").exists()


def test_a_router_without_a_query_side_is_refused(make_model: Any, tmp_path: Path) -> None:
    inference_free(make_model).save_pretrained(str(tmp_path / "model"))
    path = tmp_path / "model" / "router_config.json"
    config = json.loads(path.read_text())
    del config["structure"]["query"]
    path.write_text(json.dumps(config))
    with pytest.raises(ModelError, match="no route 'query'"):
        SparseEncoder.load(tmp_path / "model")
