"""Cross-encoders score as sentence-transformers' CrossEncoder does, before any activation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder as Theirs

from lsr.core.errors import InputError, ModelError
from lsr.encoding.cross.encoder import CrossEncoder

Maker = Callable[..., Path]


def logits(theirs: Theirs, pairs: list[tuple[str, str]], labels: int) -> np.ndarray:
    found = theirs.predict(pairs, activation_fn=torch.nn.Identity())
    return found if labels == 1 else found[:, 1] - found[:, 0]


@pytest.mark.parametrize("labels", [1, 2])
@pytest.mark.parametrize("saved", [False, True], ids=["transformers", "sentence-transformers"])
def test_parity(make_cross_encoder: Maker, texts: list[str], tmp_path: Path, labels: int, saved: bool) -> None:
    folder = make_cross_encoder(labels)
    if saved:
        Theirs(str(folder), device="cpu").save_pretrained(str(tmp_path / "saved"))
        folder = tmp_path / "saved"
        assert (folder / "modules.json").exists()
    ours, theirs = CrossEncoder.load(folder, dtype="float32"), Theirs(str(folder), device="cpu")
    assert ours.name == str(folder) and ours.max_length == 40
    scores = ours.score("w1 w2 unknown", texts)
    expected = logits(theirs, [("w1 w2 unknown", text) for text in texts], labels)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert scores.dtype == np.float32 and np.ptp(expected) > 0.1
    queries = texts[::-1]
    pairs = list(zip(queries, texts, strict=True))
    done: list[int] = []
    found = ours.score_pairs(queries, texts, batch_size=2, progress=done.append)
    np.testing.assert_allclose(found, logits(theirs, pairs, labels), atol=1e-5)
    assert sum(done) == len(texts) and max(done) <= 2


def test_parts_and_nothing(make_cross_encoder: Maker, texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = CrossEncoder.load(make_cross_encoder(), dtype="float32")
    whole = encoder.score("w1", texts)
    monkeypatch.setattr("lsr.encoding.cross.encoder._PAIRS", 3)
    np.testing.assert_allclose(encoder.score("w1", texts), whole, atol=1e-6)
    with pytest.raises(InputError, match="text 4 is int"):
        encoder.score("w1", [*texts[:4], 7])  # type: ignore[list-item]
    assert encoder.score("w1", []).shape == (0,)


def test_threads_side_by_side(make_cross_encoder: Maker, texts: list[str]) -> None:
    """Nothing of one call is left for another, in the tokenizer for one."""
    encoder = CrossEncoder.load(make_cross_encoder(), dtype="float32")
    queries = [f"w{i} w{i + 1}" for i in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda query: encoder.score(query, texts), queries))
    expected = [encoder.score(query, texts) for query in queries]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_bfloat16_is_near(make_cross_encoder: Maker, texts: list[str]) -> None:
    folder = make_cross_encoder()
    low, full = (CrossEncoder.load(folder, dtype=dtype) for dtype in ("bfloat16", "float32"))
    assert (low.dtype, full.dtype) == ("bfloat16", "float32")
    difference = np.abs(low.score("w1 w2", texts) - full.score("w1 w2", texts))
    assert 0 < difference.max() < 0.1


def test_settings_tell_models_apart(make_cross_encoder: Maker) -> None:
    folder = make_cross_encoder()
    settings = CrossEncoder.load(folder, dtype="float32").settings()
    assert json.loads(json.dumps(settings)) == settings == CrossEncoder.load(folder, dtype="float32").settings()
    assert (settings["max_length"], settings["labels"]) == (40, 1)
    other = CrossEncoder.load(make_cross_encoder(2), dtype="float32").settings()
    assert other["fingerprint"] != settings["fingerprint"]
    assert CrossEncoder.load(folder, max_length=20).settings()["max_length"] == 20


def write(folder: Path, name: str, values: Any) -> None:
    (folder / name).write_text(json.dumps(values))


def test_what_is_refused(make_cross_encoder: Maker, make_model: Maker, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="3 labels"):
        CrossEncoder.load(make_cross_encoder(3))
    with pytest.raises(ModelError, match=r"missing: .*classifier\.bias, classifier\.weight"):
        CrossEncoder.load(make_model())
    with pytest.raises(ModelError, match="Transformer, Pooling, Normalize"):
        CrossEncoder.load("minilm")
    folder = tmp_path / "model"
    shutil.copytree(make_cross_encoder(), folder)
    with pytest.raises(ModelError, match="max_length 3 leaves no room for text next to 3 special tokens"):
        CrossEncoder.load(folder, max_length=3)
    encoder = CrossEncoder.load(folder)
    with pytest.raises(InputError, match="list of texts"):
        encoder.score("w1", "w2")
    with pytest.raises(InputError, match="2 queries came with 1 texts"):
        encoder.score_pairs(["w1", "w2"], ["w3"])
    with pytest.raises(InputError, match="batch_size"):
        encoder.score("w1", ["w2"], batch_size=0)
    module = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}
    write(folder, "modules.json", [module])
    about = {"default_prompt_name": "query", "prompts": {"query": "w1 "}}
    write(folder, "config_sentence_transformers.json", about)
    with pytest.raises(ModelError, match='prompt before each pair, "w1 "'):
        CrossEncoder.load(folder)
    write(folder, "config_sentence_transformers.json", about | {"default_prompt_name": None})
    CrossEncoder.load(folder)
    for wrong in ({}, [{"idx": 0}]):
        write(folder, "modules.json", wrong)
        with pytest.raises(ModelError, match=r"model"):
            CrossEncoder.load(folder)


def test_scores_that_are_not_finite(make_cross_encoder: Maker) -> None:
    encoder = CrossEncoder.load(make_cross_encoder(), dtype="float32")
    with torch.no_grad():
        encoder._model.classifier.bias.fill_(torch.inf)
    with pytest.raises(ModelError, match="not finite"):
        encoder.score("w1", ["w2"])
