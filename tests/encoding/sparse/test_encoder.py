"""SparseEncoder against the plain SPLADE formula, computed here from the model's own logits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lsr import SparseEncoder, SparseVectors
from lsr.core.errors import InputError, ModelError
from lsr.encoding.shared import tokens
from lsr.encoding.sparse import projection
from lsr.encoding.sparse.projection import VocabularyProjection, pool_logits

TOLERANCE = 1e-5


def plain(
    folder: Path,
    texts: list[str],
    *,
    max_length: int,
    pooling: str = "max",
    activation: str = "relu",
    special_tokens: bool = True,
) -> np.ndarray:
    """[texts, vocabulary], one text at a time, nothing clever."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in texts:
        batch = tokenizer(
            text, truncation=True, max_length=max_length, return_tensors="pt", return_token_type_ids=False
        )
        with torch.no_grad():
            weights = torch.log1p(torch.relu(model(**batch).logits[0]))
        if activation == "log1p_relu":
            weights = torch.log1p(weights)
        if not special_tokens:
            ids = batch["input_ids"][0].tolist()
            weights = weights[[i for i, id in enumerate(ids) if id not in tokenizer.all_special_ids]]
        if not len(weights):
            rows.append(np.zeros(weights.shape[1]))
        else:
            rows.append((weights.max(0).values if pooling == "max" else weights.sum(0)).numpy())
    return np.array(rows)


def dense(vectors: Any) -> np.ndarray:
    return vectors.to_scipy().toarray()


@pytest.fixture(scope="module")
def bert(make_model: Any) -> Path:
    return make_model("bert")


REAL_TEXTS = [
    "Vitamin C does not prevent the common cold.",
    "A learned sparse retriever weighs the terms of a text, and adds some that it does not hold. " * 12,
    "café ÜBER 東京 🙂 \n\t tabs",
    "What is the boiling point of water at 3,000 metres?",
]


@pytest.mark.parametrize("screen", [True, False])
def test_packaged_model_gives_the_plain_formula(screen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsr.encoding.sparse.transformer.has_native_bfloat16", lambda device: screen)
    encoder = SparseEncoder.load("splade-tiny", max_length=128, dtype="float32")
    folder = encoder.spec.document.folder
    assert encoder.name == "splade-tiny" and encoder.dim == 30522 and encoder.max_length == 128
    got = dense(encoder.encode_documents(REAL_TEXTS))
    expected = plain(folder, REAL_TEXTS, max_length=128)
    np.testing.assert_allclose(got, expected, atol=TOLERANCE)
    assert ((got > 0) == (expected > 0)).mean() == 1
    np.testing.assert_allclose(dense(encoder.encode_queries(REAL_TEXTS)), expected, atol=TOLERANCE)


def test_bfloat16_stays_within_its_tolerance() -> None:
    exact = dense(SparseEncoder.load("splade-tiny", max_length=128, dtype="float32").encode_documents(REAL_TEXTS))
    encoder = SparseEncoder.load("splade-tiny", max_length=128, dtype="bfloat16")
    rounded = dense(encoder.encode_documents(REAL_TEXTS))
    assert encoder.settings()["dtype"] == "bfloat16"
    assert not np.array_equal(exact, rounded)
    assert np.linalg.norm(exact - rounded) < 0.03 * np.linalg.norm(exact)
    assert np.abs(exact - rounded).max() < 0.15


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta", "modernbert"])
def test_architectures_agree_with_their_own_logits(kind: str, make_model: Any, texts: list[str]) -> None:
    folder = make_model(kind)
    encoder = SparseEncoder.load(folder, max_length=30, dtype="float32")
    assert encoder._document_tower._projection is not None
    assert encoder.dim == 70
    expected = plain(folder, texts, max_length=30)
    np.testing.assert_allclose(dense(encoder.encode_documents(texts)), expected, atol=TOLERANCE)
    assert 5 < (expected > 0).sum(1).mean() < 65


@pytest.mark.parametrize("pooling", ["max", "sum"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
@pytest.mark.parametrize("special_tokens", [True, False])
@pytest.mark.parametrize("screen", [True, False])
def test_pooling_activation_and_special_tokens(
    bert: Path,
    texts: list[str],
    pooling: str,
    activation: str,
    special_tokens: bool,
    screen: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lsr.encoding.sparse.transformer.has_native_bfloat16", lambda device: screen)
    options: dict[str, Any] = {"pooling": pooling, "activation": activation, "special_tokens": special_tokens}
    encoder = SparseEncoder.load(bert, max_length=30, dtype="float32", **options)
    got = encoder.encode_documents(texts)
    np.testing.assert_allclose(dense(got), plain(bert, texts, max_length=30, **options), atol=TOLERANCE)
    SparseVectors(got.indptr, got.indices, got.weights, got.ids, got.dim)  # checks every rule
    assert encoder.encode_documents(["", " "]).nnz == 0


def test_a_model_without_a_linear_head_uses_its_own_logits(
    bert: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lsr.encoding.sparse.backbone.detach_head", lambda model: None)
    monkeypatch.setattr("lsr.encoding.sparse.transformer._LOGITS", 70 * 40)  # one long document at a time
    for pooling in ("max", "sum"):
        encoder = SparseEncoder.load(bert, max_length=30, dtype="float32", pooling=pooling)
        expected = plain(bert, texts, max_length=30, pooling=pooling)
        np.testing.assert_allclose(dense(encoder.encode_documents(texts)), expected, atol=TOLERANCE)


def test_the_screen_misses_no_term_however_the_numbers_fall() -> None:
    """Logits crowded around zero, factors of very different sizes, biases of both signs, several blocks of terms."""
    generator = torch.Generator().manual_seed(5)
    for scale in (1e-3, 1.0, 1e3):
        weight = torch.randn(700, 24, generator=generator) * torch.logspace(-2, 2, 700)[:, None]
        hidden = torch.randn(6, 9, 24, generator=generator) * scale
        kept = torch.rand(6, 9, generator=generator) < 0.7
        kept[3] = False
        # Half of the terms get the bias that puts their largest logit just above or just below zero.
        top = torch.einsum("blh,vh->blv", hidden, weight).amax((0, 1))
        bias = torch.where(torch.rand(700, generator=generator) < 0.5, -top * 0.9999, -top * 1.0001)
        exact = hidden.double() @ weight.double().T + bias
        expected = pool_logits(exact, kept, pooling="max", activation="relu")
        # What float32 may lose in sums of 24 products and a bias, whatever their order.
        rounding = 26 * 2.0**-24 * (weight.norm(dim=1) * hidden.norm(dim=2).max() + bias.abs()).numpy()
        for block in (1 << 22, 2048):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(projection, "_CPU_BLOCK", block)
                project = VocabularyProjection(weight, bias, pooling="max", activation="relu", screen=True)
                got = project(hidden, kept)
        for (terms, weights), (expected_terms, expected_weights) in zip(got, expected, strict=True):
            # A logit within float32's rounding of zero may fall on either side of it.
            both, ours, theirs = np.intersect1d(terms, expected_terms, return_indices=True)
            error = abs(weights[ours] - expected_weights[theirs])
            assert (error <= rounding[both] + 1e-6 * expected_weights[theirs]).all()
            for row, others in ((terms, weights), (expected_terms, expected_weights)):
                alone = ~np.isin(row, both)
                assert (others[alone] <= rounding[row[alone]]).all()
        assert len(got[3][0]) == 0


def test_windows_cover_a_long_text_and_merge_by_maximum(bert: Path) -> None:
    words = " ".join(f"w{i}" for i in range(50))
    encoder = SparseEncoder.load(bert, max_length=12, window_overlap=4, dtype="float32")
    cut = SparseEncoder.load(bert, max_length=12, dtype="float32")
    # Ten words a window beside [CLS] and [SEP], each window starting six words after the one before.
    parts = [" ".join(words.split()[start : start + 10]) for start in range(0, 43, 6)]
    expected = dense(cut.encode_documents(parts)).max(0)
    got = encoder.encode_documents(["w3 w4", words, ""])
    np.testing.assert_allclose(dense(got)[1], expected, atol=TOLERANCE)
    np.testing.assert_allclose(dense(got)[[0, 2]], dense(cut.encode_documents(["w3 w4", ""])), atol=TOLERANCE)
    np.testing.assert_allclose(dense(encoder.encode_queries([words])), dense(cut.encode_documents([words])), atol=1e-5)
    assert encoder._query_tower.backbone is encoder._document_tower.backbone
    with pytest.raises(ModelError, match="cannot overlap by 10"):
        SparseEncoder.load(bert, max_length=12, window_overlap=10)


def test_order_ids_progress_and_chunks(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsr.encoding.sparse.encoder._CHUNK", 7)
    monkeypatch.setattr(tokens, "_SLICE", 3)
    monkeypatch.setattr(tokens, "_SLICE_CHARACTERS", 60)
    encoder = SparseEncoder.load(bert, dtype="float32")
    many = [" ".join(f"w{(i * j) % 60}" for j in range(i % 13)) for i in range(40)]
    seen: list[int] = []
    got = encoder.encode_documents(iter(many), [f"d{i}" for i in range(40)], batch_size=3, progress=seen.append)
    assert got.ids == [f"d{i}" for i in range(40)] and sum(seen) == 40 and max(seen) <= 3
    alone = np.concatenate([dense(encoder.encode_documents([text])) for text in many])
    np.testing.assert_allclose(dense(got), alone, atol=TOLERANCE)
    assert len(encoder.encode_documents([])) == 0


def test_top_k_keeps_the_heaviest_terms(bert: Path, texts: list[str]) -> None:
    encoder = SparseEncoder.load(bert, dtype="float32")
    whole, pruned = encoder.encode_documents(texts), encoder.encode_documents(texts, top_k=3)
    for row in range(len(texts)):
        assert sorted(pruned.row(row)[1]) == pytest.approx(sorted(whole.row(row)[1])[-3:])


def test_decode_and_explain(texts: list[str], bert: Path) -> None:
    encoder = SparseEncoder.load()
    decoded = encoder.decode(encoder.encode_documents(["The capital of France is Paris."]), top_k=5)[0]
    assert [weight for _, weight in decoded] == sorted((weight for _, weight in decoded), reverse=True)
    assert {"paris", "france", "capital"} <= {term for term, _ in decoded}
    explanation = encoder.explain("capital of France", "Paris is the capital of France.")
    product = encoder.encode_queries(["capital of France"]).to_scipy() @ (
        encoder.encode_documents(["Paris is the capital of France."]).to_scipy().T
    )
    assert explanation.score == pytest.approx(product.toarray()[0, 0], rel=1e-5)
    assert explanation.matches[0].term in {"france", "capital"}
    small = SparseEncoder.load(bert)
    assert small.vocabulary.term(5) == "w0" and small.vocabulary.term(69) == "[unused:69]"
    assert len(small.vocabulary) == small.dim


def test_settings_tell_what_decides_the_vectors(bert: Path, make_model: Any) -> None:
    settings = SparseEncoder.load(bert, dtype="float32").settings()
    assert json.loads(json.dumps(settings)) == settings
    assert settings["max_length"] == 40  # the tokenizer's own limit
    assert settings == SparseEncoder.load(bert, dtype="float32").settings()
    for change in ({"max_length": 20}, {"special_tokens": False}, {"pooling": "sum"}, {"window_overlap": 3}):
        assert SparseEncoder.load(bert, dtype="float32", **change).settings() != settings
    other = make_model("bert", intermediate_size=96)
    assert SparseEncoder.load(other).settings()["document"]["fingerprint"] != settings["document"]["fingerprint"]


@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_an_empty_text_without_special_tokens_has_no_terms(make_model: Any, pooling: str) -> None:
    folder = make_model("bert")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer | {"post_processor": None}))
    encoder = SparseEncoder.load(folder, pooling=pooling)
    assert encoder.encode_documents([""]).nnz == 0
    together = encoder.encode_documents(["", "w1 w2"])
    assert len(together.row(0)[0]) == 0
    np.testing.assert_allclose(dense(together)[1], dense(encoder.encode_documents(["w1 w2"]))[0], atol=TOLERANCE)


def test_wrong_input_is_named(bert: Path) -> None:
    encoder = SparseEncoder.load(bert)
    with pytest.raises(InputError, match=r"text 1 contains half of a surrogate pair, \\ud83d, at character 2"):
        encoder.encode_queries(["w1", "w \ud83d"])
    with pytest.raises(InputError, match="text 1 is int"):
        encoder.encode_documents(["w1", 2])  # type: ignore[list-item]
    with pytest.raises(InputError, match="not one string"):
        encoder.encode_queries("w1")
    with pytest.raises(InputError, match="2 texts came with 1 ids"):
        encoder.encode_documents(["w1", "w2"], ["a"])
    with pytest.raises(InputError, match="'a' is already in row 0"):
        encoder.encode_documents(["w1", "w2"], ["a", "a"])
    with pytest.raises(InputError, match="batch_size"):
        encoder.encode_documents(["w1"], batch_size=0)
