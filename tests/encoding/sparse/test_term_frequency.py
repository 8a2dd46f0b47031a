"""Frequencies of a text's own terms in its vector, and repeats in queries: by hand, saved and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lsr import SparseEncoder
from lsr.core.errors import ModelError
from lsr.encoding.sparse.backbone import load_backbone
from lsr.encoding.sparse.bm25 import Bm25Encoder
from lsr.encoding.sparse.rows import add
from lsr.encoding.sparse.saving import TableSide, TransformerSide, save_encoder
from lsr.encoding.sparse.spec import FREQUENCY_FILE, TermFrequency
from lsr.encoding.sparse.term_frequency import FrequencyWeights


def test_damped_frequencies_by_hand() -> None:
    # Terms 5 and 6 of a text of four tokens, one of them twice; the mean length is 2, so the length counts twice.
    damping = TermFrequency(k1=1.0, b=0.75, mean_length=2.0)
    weights = FrequencyWeights(damping, torch.tensor([1.0] * 5 + [2.0, 3.0, -1.0]))
    tokens = torch.tensor([[2, 5, 5, 6, 7, 3, 0]])
    kept = torch.tensor([[False, True, True, True, True, False, False]])
    found = weights(tokens, kept)[0]
    half = 1.0 * (0.25 + 0.75 * 4 / 2)
    expected = [0, 0, 0, 0, 0, 2.0 * 2 / (2 + half), 3.0 * 1 / (1 + half), 0]
    assert found.tolist() == pytest.approx(expected)


def test_without_damping_a_term_counts_once() -> None:
    weights = FrequencyWeights(TermFrequency(k1=0.0), torch.ones(4))
    assert weights(torch.tensor([[1, 1, 2]]), torch.ones(1, 3, dtype=torch.bool)).tolist() == [[0, 1, 1, 0]]


def test_as_bm25_has_them() -> None:
    """Word for word, where words are tokens: the document weights of `Bm25Encoder`."""
    pytest.importorskip("Stemmer")
    texts = ["alpha beta beta", "gamma alpha alpha alpha beta", "delta"]
    words = ["alpha", "beta", "gamma", "delta"]
    bm25 = Bm25Encoder.fit(texts)
    expected = bm25.encode_documents(texts).to_scipy().toarray()
    ids = [[words.index(word) for word in text.split()] for text in texts]
    longest = max(map(len, ids))
    tokens = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
    kept = torch.tensor([[i < len(row) for i in range(longest)] for row in ids])
    weights = FrequencyWeights(TermFrequency(1.2, 0.75, bm25.mean_length), torch.ones(4))
    assert np.allclose(weights(tokens, kept).detach().numpy(), expected, atol=1e-6)


def test_rows_are_added() -> None:
    terms, weights = add(
        (np.array([1, 4], np.uint32), np.array([1.0, 2.0], np.float32)),
        (np.array([0, 4, 9], np.uint32), np.array([3.0, 4.0, 5.0], np.float32)),
    )
    assert terms.tolist() == [0, 1, 4, 9] and weights.tolist() == [3.0, 1.0, 6.0, 5.0]
    assert terms.dtype == np.uint32 and weights.dtype == np.float32
    empty = np.empty(0, np.uint32), np.empty(0, np.float32)
    assert [part.tolist() for part in add(empty, empty)] == [[], []]


def test_saved_and_read_back(make_model: Any, tmp_path: Path) -> None:
    plain = load_backbone(make_model("bert"))
    counted = load_backbone(make_model("bert"), term_frequency=TermFrequency(mean_length=4.0), frequency_start=2.0)
    table = TableSide(np.linspace(0, 1, 65, dtype=np.float32), count_repeats=True, idf=0.5)
    save_encoder(tmp_path / "plain", document=TransformerSide(plain, max_length=20), query=table)
    save_encoder(tmp_path / "counted", document=TransformerSide(counted, max_length=20), query=table)
    text = "w1 w2 w1 unknown"
    before, after = (
        SparseEncoder.load(tmp_path / name).encode_documents([text]).to_scipy().toarray()[0]
        for name in ("plain", "counted")
    )
    half = 1.2 * (0.25 + 0.75 * 3 / 4)  # [UNK] is a special token
    expected = np.zeros(70)
    expected[[6, 7]] = 2.0 * 2 / (2 + half), 2.0 * 1 / (1 + half)
    assert np.allclose(after - before, expected, atol=1e-6)

    encoder = SparseEncoder.load(tmp_path / "counted")
    query = encoder.encode_queries(["w5 w1 w5"]).row(0)
    assert query[0].tolist() == [6, 10]
    assert query[1].tolist() == pytest.approx([6 / 64, 2 * 10 / 64])
    assert encoder.query_idf == 0.5
    assert SparseEncoder.load(tmp_path / "counted", queries_only=True).encode_queries(["w5 w1 w5"]).row(0)[
        1
    ].tolist() == (query[1].tolist())
    # One tokenizer serves both sides.
    assert not (tmp_path / "counted" / "query" / "tokenizer.json").exists()

    encoder.save(tmp_path / "again")
    again = SparseEncoder.load(tmp_path / "again")
    assert again.encode_documents([text]).row(0)[1].tolist() == encoder.encode_documents([text]).row(0)[1].tolist()
    assert again.settings()["document"] == encoder.settings()["document"]
    assert again.settings()["query"] == encoder.settings()["query"]
    assert encoder.settings()["document"]["term_frequency"] == {"k1": 1.2, "b": 0.75, "mean_length": 4.0}

    further = load_backbone(tmp_path / "counted")
    assert further.frequency is not None and further.frequency.weight.tolist() == [2.0] * 70


def test_a_description_or_weights_that_do_not_fit(make_model: Any, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    counted = load_backbone(make_model("bert"), term_frequency=TermFrequency())
    save_encoder(folder, document=TransformerSide(counted))
    path = folder / "lsr_config.json"
    good = json.loads(path.read_text())
    for change, message in (
        ({"k2": 1.0}, "term_frequency.k2"),
        ({"k1": "high"}, "term_frequency.k1 is 'high'"),
        ({"b": 2.0}, "b from 0 to 1"),
    ):
        bad = json.loads(json.dumps(good))
        bad["document"]["term_frequency"].update(change)
        path.write_text(json.dumps(bad))
        with pytest.raises(ModelError, match=message):
            SparseEncoder.load(folder)
    path.write_text(json.dumps(good))
    save_file({"weight": torch.ones(3)}, folder / "document" / FREQUENCY_FILE)
    with pytest.raises(ModelError, match="one number for each of 70 terms"):
        SparseEncoder.load(folder)
    (folder / "document" / FREQUENCY_FILE).unlink()
    with pytest.raises(ModelError, match=FREQUENCY_FILE):
        SparseEncoder.load(folder)
