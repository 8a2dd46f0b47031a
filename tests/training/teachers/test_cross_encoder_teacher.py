"""Cross-encoders score as sentence-transformers' CrossEncoder does, before any activation."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder

from lsr.core.errors import ModelError
from lsr.training.data import TrainingSet
from lsr.training.teachers.cross_encoder import CrossEncoderTeacher
from lsr.training.teachers.pairs import Pairs

Maker = Callable[..., Path]

QUERIES = ["which bird migrates between the poles", "bread"]
CANDIDATES = [
    ["A seabird that flies from the Arctic", "ice", "", "wild yeast kept alive in a starter of flour " * 9],
    ["flour and water"],
]


@pytest.mark.parametrize("labels", [1, 2])
def test_parity(make_cross_encoder: Maker, labels: int) -> None:
    folder = make_cross_encoder(labels)
    teacher = CrossEncoderTeacher(folder, dtype="float32")
    theirs = CrossEncoder(str(folder), device="cpu")
    pairs = [(query, text) for query, texts in zip(QUERIES, CANDIDATES, strict=True) for text in texts]
    logits = theirs.predict(pairs, activation_fn=torch.nn.Identity())
    expected = logits if labels == 1 else logits[:, 1] - logits[:, 0]
    found = teacher.score(QUERIES, CANDIDATES)
    assert [len(scores) for scores in found] == [4, 1] and found[0].dtype == np.float32
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-5)
    assert np.ptp(expected) > 0.1


def test_a_set_is_scored_as_its_batches_are(
    make_cross_encoder: Maker, training_set: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = CrossEncoderTeacher(make_cross_encoder(), "tiny", batch_size=2, dtype="float32")
    monkeypatch.setattr("lsr.training.teachers.cross_encoder._PAIRS", 3)  # several blocks
    pairs = Pairs.of(training_set)
    scores = np.full(len(pairs), np.nan, np.float32)
    teacher.score_pairs(pairs, scores, work=tmp_path)
    for i in range(len(training_set)):
        example = training_set[i]
        [expected] = teacher.score([example.query], [training_set.texts.take(example.candidates)])
        np.testing.assert_allclose(scores[pairs.span(i)], expected, atol=1e-5)
    assert teacher.name == "tiny"


def test_query_and_text_are_cut_together(make_cross_encoder: Maker) -> None:
    texts = [["ice ice ice ice", "ice ice ice ice bread"]]
    first, second = CrossEncoderTeacher(make_cross_encoder(), max_length=8, dtype="float32").score(["bread"], texts)[0]
    assert first == pytest.approx(second, rel=1e-5)  # rows of one batch may be added up in different orders
    first, second = CrossEncoderTeacher(make_cross_encoder(), max_length=9, dtype="float32").score(["bread"], texts)[0]
    assert abs(first - second) > 1e-3
    assert CrossEncoderTeacher(make_cross_encoder(), max_length=1000).max_length == 40


def test_what_is_refused(make_cross_encoder: Maker, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="3 labels"):
        CrossEncoderTeacher(make_cross_encoder(3))
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "headless"
    shutil.copytree(make_cross_encoder(), folder)
    weights = load_file(folder / "model.safetensors")
    body = {name: weight for name, weight in weights.items() if not name.startswith("classifier")}
    save_file(body, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"missing: classifier\.bias, classifier\.weight"):
        CrossEncoderTeacher(folder)
