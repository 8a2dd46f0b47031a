"""A small BERT in numpy against the same model in torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lsr import SparseEncoder
from lsr.encoding.sparse.layout import read_spec
from lsr.encoding.sparse.light import LightTower, light_tower

# A vocabulary large enough that the model is small beside its projection.
TERMS = 3000


@pytest.fixture(scope="module")
def folder(make_model: Any) -> Path:
    return make_model("bert", vocab_size=TERMS, num_hidden_layers=2)


def light(folder: Path, **options: Any) -> LightTower | None:
    spec = read_spec(folder).query
    return light_tower(spec, **{"max_length": None, "special_tokens": True, "device": None, "dtype": "auto"} | options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pooling": "sum"},
        {"activation": "log1p_relu"},
        {"pooling": "sum", "activation": "log1p_relu", "special_tokens": False},
        {"special_tokens": False},
        {"max_length": 7},
    ],
    ids=str,
)
def test_weights_are_those_of_torch(
    folder: Path, texts: list[str], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lsr.encoding.sparse.light._BLOCK", 3000)  # several blocks of terms
    whole = SparseEncoder.load(folder, **options)
    quick = SparseEncoder.load(folder, queries_only=True, light=True, **options)
    assert isinstance(quick._query_tower, LightTower)
    expected, got = (encoder.encode_queries(texts) for encoder in (whole, quick))
    assert expected.dim == got.dim == TERMS and expected.nnz > 100
    np.testing.assert_allclose(got.to_scipy().toarray(), expected.to_scipy().toarray(), rtol=1e-4, atol=1e-5)
    assert quick.settings() == whole.settings()
    assert quick.max_length == whole.max_length
    assert quick.vocabulary.term(7) == whole.vocabulary.term(7) == "w2"


def test_the_packaged_model(encoder: SparseEncoder) -> None:
    quick = SparseEncoder.load("splade-tiny", max_length=64, queries_only=True, light=True)
    assert isinstance(quick._query_tower, LightTower)
    texts = ["how do birds find their way", "", "Zürich?", "bread " * 200]
    expected, got = (each.encode_queries(texts) for each in (encoder, quick))
    np.testing.assert_allclose(got.to_scipy().toarray(), expected.to_scipy().toarray(), rtol=1e-4, atol=1e-5)


def test_progress_counts_texts(folder: Path) -> None:
    counts: list[int] = []
    SparseEncoder.load(folder, queries_only=True, light=True).encode_queries(["w1", "w2"], progress=counts.append)
    assert sum(counts) == 2


def _config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _weights(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        changed = change(weights.pop(name))
        save_file(weights if changed is None else weights | {name: changed}, folder / "model.safetensors")

    return apply


BIAS = "cls.predictions.bias"


@pytest.mark.parametrize(
    "change",
    [
        _config(hidden_act="relu"),
        _config(model_type="roberta"),
        _config(architectures=["BertModel"]),
        _config(position_embedding_type="relative_key"),
        _config(tie_word_embeddings=False),
        _config(is_decoder=True),
        _config(num_attention_heads=5),
        _weights(BIAS, lambda bias: None),
        _weights(BIAS, lambda bias: bias[:-1]),
        _weights(BIAS, lambda bias: bias.astype(np.float16)),
        _weights(BIAS, lambda bias: bias * np.nan),
        lambda folder: (folder / "model.safetensors").write_bytes(b"{}"),
        lambda folder: (folder / "model.safetensors").rename(folder / "model-1.safetensors"),
    ],
)
def test_what_is_not_plain_is_left_to_torch(folder: Path, tmp_path: Path, change: Callable[[Path], None]) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert light(copy) is not None
    change(copy)
    assert light(copy) is None


@pytest.mark.parametrize("options", [{"device": "cuda"}, {"dtype": "bfloat16"}, {"max_length": 49}], ids=str)
def test_what_was_asked_for_may_need_torch(folder: Path, options: dict[str, Any]) -> None:
    assert light(folder) is not None
    assert light(folder, **options) is None


def test_a_large_model_is_left_to_torch(make_model: Any) -> None:
    assert light(make_model("bert")) is None


def test_only_queries_are_light(folder: Path) -> None:
    assert not isinstance(SparseEncoder.load(folder, light=True)._query_tower, LightTower)


@pytest.mark.process
def test_lsr_search_answers_without_torch(toy_index: Path) -> None:
    from lsr import Retriever

    program = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
from lsr.cli.app import main
main()
"""
    command = [sys.executable, "-c", program, "search", str(toy_index), "ice and bread", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    hits = json.loads(done.stdout)["hits"]
    expected = Retriever.open(toy_index).search("ice and bread").hits
    assert [hit["id"] for hit in hits] == [hit.id for hit in expected]
    assert [hit["score"] for hit in hits] == pytest.approx([hit.score for hit in expected], rel=1e-4)


def test_a_light_retriever_still_encodes_documents(toy_index: Path) -> None:
    from lsr import Retriever

    quick, whole = Retriever.open(toy_index, light=True), Retriever.open(toy_index)
    assert quick.encode("a glacier", "document") == pytest.approx(whole.encode("a glacier", "document"), rel=1e-4)
    assert quick.encode("a glacier") == pytest.approx(whole.encode("a glacier"), rel=1e-4, abs=1e-5)
