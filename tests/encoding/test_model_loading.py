"""Models that can't be loaded say why; nothing ever starts from random weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lsr import SparseEncoder
from lsr.core.errors import InputError, ModelError
from lsr.encoding.catalogue import packaged_model, packaged_models, resolve


@pytest.fixture
def bert(make_model: Any) -> Path:
    return make_model("bert")


def edit_weights(folder: Path, edit: Any) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    edit(weights)
    save_file(weights, path, metadata={"format": "pt"})


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_packaged_models_are_found_without_importing_them() -> None:
    import sys

    models = {model.name: model for model in packaged_models()}
    assert list(models) == ["lsr-doc-tiny", "lsr-doc-small", "splade-tiny", "minilm", "smollm2-135m"]
    tiny = models["splade-tiny"]
    assert tiny.installed and tiny.path is not None and (tiny.path / "config.json").exists()
    assert tiny.size_bytes == (tiny.path / "model.safetensors").stat().st_size
    assert "cognition" not in sys.modules
    assert resolve("splade-tiny") == tiny.path
    assert packaged_model("no-such") is None


def test_names_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="lsr-doc-tiny, lsr-doc-small, splade-tiny, minilm, smollm2-135m"):
        SparseEncoder.load("splade-tinny")
    with pytest.raises(ModelError, match="there is no model"):
        SparseEncoder.load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"neither modules.json nor config.json"):
        SparseEncoder.load(tmp_path)
    assert resolve("naver/splade-v3") == "naver/splade-v3"


def test_an_unreachable_hub_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    def fail(error: Exception) -> Any:
        def download(*_: Any, **__: Any) -> str:
            raise error

        return download

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail(LocalEntryNotFoundError("offline")))
    with pytest.raises(ModelError, match=r"hub could not be reached.*name its folder"):
        SparseEncoder.load("naver/splade-v3")
    import httpx

    missing = RepositoryNotFoundError("404", response=httpx.Response(404, request=httpx.Request("GET", "http://h")))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail(missing))
    with pytest.raises(ModelError, match="there is no model 'a/b'"):
        SparseEncoder.load("a/b")


def test_a_hub_model_is_loaded_from_its_snapshot(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **_: str(bert))
    encoder = SparseEncoder.load("some/model")
    assert encoder.name == "some/model" and encoder.settings()["model"] == "some/model"


@pytest.mark.parametrize("name", ["minilm", "smollm2-135m"])
def test_packaged_models_of_another_kind_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match="is not a sparse encoder"):
        SparseEncoder.load(name)


def test_dense_folders_are_refused(make_model: Any, tmp_path: Path) -> None:
    bare = make_model("bert", head=False)
    with pytest.raises(ModelError, match=r"no masked-LM head.*cls\.predictions.*dense encoder"):
        SparseEncoder.load(bare)
    minilm = packaged_model("minilm")
    assert minilm is not None and minilm.path is not None
    with pytest.raises(ModelError, match="not a learned sparse encoder: it gives dense vectors"):
        SparseEncoder.load(minilm.path)


def test_missing_unexpected_and_misshapen_weights_are_named(bert: Path) -> None:
    name = "bert.encoder.layer.0.output.dense.weight"
    original = load_file(bert / "model.safetensors")
    edit_weights(bert, lambda weights: weights.pop(name))
    with pytest.raises(ModelError, match=f"missing: {name}"):
        SparseEncoder.load(bert)
    edit_weights(bert, lambda weights: weights.update({name: np.zeros((3, 3), np.float32)}))
    with pytest.raises(ModelError, match=f"of another shape: {name}"):
        SparseEncoder.load(bert)
    edit_weights(bert, lambda weights: weights.update({name: original[name], "classifier.weight": np.ones(4)}))
    with pytest.raises(ModelError, match=r"unexpected: classifier\.weight"):
        SparseEncoder.load(bert)
    # BERT's own pre-training heads come with many checkpoints, and mean nothing here.
    edit_weights(bert, lambda w: (w.pop("classifier.weight"), w.update({"cls.seq_relationship.bias": np.ones(2)})))
    SparseEncoder.load(bert)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_numbers_are_refused(bert: Path, number: float) -> None:
    """One weight of the last term is enough, whether or not a text ever comes near it."""
    edit_weights(bert, lambda weights: weights["bert.embeddings.word_embeddings.weight"].__setitem__((-1, 0), number))
    with pytest.raises(ModelError, match=r"not finite numbers: bert\.embeddings\.word_embeddings\.weight"):
        SparseEncoder.load(bert)


def test_results_beyond_float32_are_refused(bert: Path) -> None:
    edit_weights(bert, lambda weights: weights["bert.embeddings.word_embeddings.weight"].__setitem__((-1, -1), 3e38))
    encoder = SparseEncoder.load(bert)
    with pytest.raises(ModelError, match="float32's range"):
        encoder.encode_documents([f"w{i}" for i in range(20)])


@pytest.mark.parametrize(
    "file, content",
    [
        ("modules.json", "[1]"),
        ("modules.json", '[{"idx": 0}]'),
        ("modules.json", '[{"idx": 0, "name": "0", "path": "", "type": "Router"}]'),
        ("config.json", "[]"),
        ("sentence_bert_config.json", "[]"),
        ("tokenizer_config.json", '{"model_max_length": "long"}'),
    ],
)
def test_configuration_of_another_form_is_refused(bert: Path, file: str, content: str) -> None:
    (bert / file).write_text(content)
    with pytest.raises(ModelError, match="do not have the expected form"):
        SparseEncoder.load(bert)


def test_damaged_and_incomplete_folders(bert: Path) -> None:
    (bert / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        SparseEncoder.load(bert)
    (bert / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ModelError):
        SparseEncoder.load(bert)
    (bert / "config.json").write_text("{not json")
    with pytest.raises(ModelError, match="not valid JSON"):
        SparseEncoder.load(bert)


def test_lengths_and_options_out_of_range(bert: Path) -> None:
    for options, message in (
        ({"max_length": 49}, "more than the 48 positions"),
        ({"max_length": 2}, "no room"),
        ({"max_length": -1}, "at least 1"),
        ({"dtype": "float8"}, "'float8'"),
        ({"pooling": "mean"}, "'mean'"),
        ({"activation": "gelu"}, "'gelu'"),
    ):
        with pytest.raises((ModelError, InputError), match=message):
            SparseEncoder.load(bert, **options)


def test_roberta_keeps_two_positions_for_padding(make_model: Any) -> None:
    folder = make_model("roberta", pad_token_id=1)
    with pytest.raises(ModelError, match="more than the 46 positions"):
        SparseEncoder.load(folder, max_length=47)
    long = " ".join(["w1"] * 100)
    assert len(SparseEncoder.load(folder, max_length=46).encode_documents([long])) == 1


def test_only_the_encoder_file_of_a_folder_is_read(bert: Path, tmp_path: Path) -> None:
    """Other files beside the model, pickles above all, are never opened."""
    folder = tmp_path / "model"
    shutil.copytree(bert, folder)
    (folder / "heads.pt").write_bytes(b"not a pickle")
    beside, alone = (SparseEncoder.load(each).encode_queries(["w1 w2"]) for each in (folder, bert))
    assert beside.nnz > 0
    assert beside.indices.tolist() == alone.indices.tolist() and beside.weights.tolist() == alone.weights.tolist()
