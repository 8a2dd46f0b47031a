"""The mean of several models' weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lsr import SparseEncoder
from lsr.core.errors import InputError, LsrError, ModelError, OutputExistsError
from lsr.encoding.sparse.saving import TableSide, TransformerSide, save_encoder
from lsr.training.averaging import average_models

Make = Callable[..., Path]
TABLE = "query/model.safetensors"
MODEL = "document/model.safetensors"


@pytest.fixture
def make(tiny_model: Path, tmp_path: Path) -> Make:
    """A function that saves an inference-free encoder, its weights shifted by a number, under a name."""
    from lsr.encoding.sparse.backbone import load_backbone
    from lsr.encoding.sparse.layout import bare_spec

    def make(name: str, shift: float = 0.0, *, top_k: int = 20, dtype: str = "float32") -> Path:
        backbone = load_backbone(bare_spec(tiny_model))
        with torch.no_grad():
            for parameter in backbone.parameters():
                parameter += shift
        table = np.full(65, 1 + shift, np.float32)
        save_encoder(
            tmp_path / name,
            document=TransformerSide(backbone, top_k=top_k, max_length=16),
            query=TableSide(table, count_repeats=True),
            dtype=dtype,
        )
        return tmp_path / name

    return make


def test_numbers_are_weighted_means(make: Make, tmp_path: Path) -> None:
    models = [make("a"), make("b", 0.5), make("c", -0.1)]
    done: list[int] = []
    made = average_models(models, tmp_path / "mean", weights=[2, 1, 1], progress=done.append)
    # (2 * 1 + 1 * 1.5 + 1 * 0.9) / 4
    assert load_file(made / TABLE)["weight"].tolist() == pytest.approx([1.1] * 65)
    parts = [load_file(model / MODEL) for model in models]
    mean = load_file(made / MODEL)
    assert mean.keys() == parts[0].keys() and sum(done) == 2
    for name, tensor in mean.items():
        torch.testing.assert_close(tensor, (2 * parts[0][name] + parts[1][name] + parts[2][name]) / 4)
    loaded = SparseEncoder.load(made)
    assert loaded.inference_free and len(loaded.encode_documents(["w1 w2 w3"]).indices) == 20
    card = (made / "README.md").read_text()
    assert f"- 0.5 × {models[0]}\n- 0.25 × {models[1]}" in card


def test_the_mean_of_one_model_is_that_model(make: Make, tmp_path: Path) -> None:
    model = make("half", dtype="float16")
    made = average_models([model] * 3, tmp_path / "mean")
    for file in (MODEL, TABLE):
        one, mean = load_file(model / file), load_file(made / file)
        assert all(mean[name].dtype == one[name].dtype and mean[name].equal(one[name]) for name in one)
    texts = ["w1 w2 w3", "w9"]
    one, mean = (SparseEncoder.load(each).encode_documents(texts) for each in (model, made))
    np.testing.assert_array_equal(one.weights, mean.weights)
    assert (made / MODEL).stat().st_mode & 0o777 == 0o644


def test_a_model_of_sentence_transformers_form(tiny_model: Path, tmp_path: Path) -> None:
    encoder = SparseEncoder.load(tiny_model)
    for name in ("a", "b"):
        encoder.save(tmp_path / name)
    weights = load_file(tmp_path / "b" / "model.safetensors")
    save_file({name: tensor + 1 for name, tensor in weights.items()}, tmp_path / "b" / "model.safetensors")
    made = average_models([tmp_path / "a", tmp_path / "b"], tmp_path / "mean")
    for name, tensor in load_file(made / "model.safetensors").items():
        torch.testing.assert_close(tensor, weights[name] + 0.5)
    assert (made / "modules.json").read_bytes() == (tmp_path / "a" / "modules.json").read_bytes()
    assert SparseEncoder.load(made).dim == encoder.dim


def test_models_that_differ_are_refused(make: Make, tmp_path: Path, tiny_model: Path) -> None:
    def refused(
        *models: str | Path, says: str, error: type[LsrError] = ModelError, weights: list[float] | None = None
    ) -> None:
        with pytest.raises(error, match=says):
            average_models(models, tmp_path / "mean", weights=weights)
        assert not (tmp_path / "mean").exists() and not list(tmp_path.glob(".*"))

    a = make("a")
    refused(a, says="two or more models", error=InputError)
    refused(a, a, weights=[1], says="2 models need 2 weights above zero", error=InputError)
    refused(a, a, weights=[1, 0], says="above zero", error=InputError)
    refused(a, make("narrow", top_k=10), says=r"narrow and .*a differ in the top_k of their document .*\(10 and 20\)")
    refused(a, tiny_model, says="differ in the folder of their document side")

    config = make("config") / "document" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "num_attention_heads": 4}))
    refused(a, config.parent.parent, says="differ in num_attention_heads of their config.json")

    shape = make("shape")
    save_file({"weight": torch.ones(64)}, shape / TABLE)
    refused(a, shape, says=r"'weight' has different shapes, \[64\] and \[65\]")

    names = make("names")
    save_file({**load_file(names / MODEL), "more": torch.ones(1)}, names / MODEL)
    refused(a, names, says="only one of them holds 'more'")

    whole = [make("whole-1"), make("whole-2")]
    for number, model in enumerate(whole):
        save_file({**load_file(model / MODEL), "steps": torch.tensor([number])}, model / MODEL)
    refused(*whole, says="integers of 'steps' are not the same")

    damaged = make("damaged")
    (damaged / MODEL).write_bytes((damaged / MODEL).read_bytes()[:100])
    refused(a, damaged, says="is damaged")

    tokens = make("tokens") / "document" / "tokenizer.json"
    tokens.write_text(tokens.read_text().replace('"w7"', '"other"'))
    refused(a, tokens.parent.parent, says="differ in their tokens")

    average_models([a, a], tmp_path / "there")
    with pytest.raises(OutputExistsError, match="force=True"):
        average_models([a, a], tmp_path / "there")
    average_models([a, a], tmp_path / "there", force=True)


def test_other_weight_files_are_refused(make: Make, tmp_path: Path) -> None:
    models = [make("a"), make("b")]
    for model in models:
        torch.save(load_file(model / MODEL), model / "document" / "pytorch_model.bin")
        (model / MODEL).unlink()
    with pytest.raises(ModelError, match=r"pytorch_model.bin: only weights in .safetensors files"):
        average_models(models, tmp_path / "mean")
