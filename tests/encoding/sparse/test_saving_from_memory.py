"""What is saved from modules in memory encodes as these do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from lsr import SparseEncoder
from lsr.core.errors import ModelError, OutputExistsError
from lsr.encoding.shared.tokens import pad
from lsr.encoding.sparse.backbone import Backbone, load_backbone
from lsr.encoding.sparse.light import LightTower
from lsr.encoding.sparse.pooling import keep_heaviest, pool_term_weights
from lsr.encoding.sparse.saving import TableSide, TransformerSide, save_encoder

TEXTS = ["w1 w2 w3 w1", "w2", " ".join(f"w{i}" for i in range(40)), "w8 unknown", "w30"]


def in_memory(side: TransformerSide, texts: list[str], *, max_length: int = 40) -> np.ndarray:
    """[texts, terms], as a trainer would compute it: one batch, everything at once."""
    backbone, spec = side.backbone, side.spec
    reader = backbone.tokenizer(max_length=max_length, prompt=spec.prompt)
    windows, _ = reader.encode(texts)
    ids, mask = (torch.from_numpy(array) for array in pad(windows, backbone.padding_id))
    with torch.no_grad():
        weights = weigh(backbone, spec, ids, mask)
        if spec.lexical:
            weights = weights * backbone.occurring(ids, mask)
        if spec.top_k:
            weights = keep_heaviest(weights, spec.top_k)
    return weights.numpy()


def weigh(backbone: Backbone, spec: Any, ids: Tensor, mask: Tensor) -> Tensor:
    hidden, kept = backbone(ids, mask), backbone.kept(ids, mask)
    options = {"pooling": spec.pooling, "activation": spec.activation}
    if backbone.term_head is not None:
        return pool_term_weights(backbone.term_scores(hidden), ids, kept, backbone.dim, **options)
    assert backbone.head is not None
    weights = torch.nn.functional.linear(hidden, backbone.head.weight, backbone.bias).relu().log1p()
    if spec.activation == "log1p_relu":
        weights = weights.log1p()
    weights = weights * kept[..., None]
    return weights.amax(1) if spec.pooling == "max" else weights.sum(1)


def dense(vectors: Any) -> np.ndarray:
    return vectors.to_scipy().toarray()


def disturb(backbone: Backbone) -> Backbone:
    """As training would: every number a little elsewhere."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    return backbone


Build = Callable[[Any, Any], TransformerSide]

SIDES: dict[str, tuple[Build, bool]] = {
    # name: the side, and whether sentence-transformers can express it
    "bert": (lambda bert, _: TransformerSide(load_backbone(bert("bert"))), True),
    "bert, sum, double log": (
        lambda bert, _: TransformerSide(load_backbone(bert("distilbert")), pooling="sum", activation="log1p_relu"),
        True,
    ),
    "bert, learned scale and shift": (
        lambda bert, _: TransformerSide(load_backbone(bert("bert"), learn_scale=True, scale=0.7, bias="scalar")),
        True,
    ),
    "bert, echo": (lambda bert, _: TransformerSide(load_backbone(bert("bert"), echo=True), max_length=20), False),
    "bert, lexical": (lambda bert, _: TransformerSide(load_backbone(bert("bert")), lexical=True), False),
    "bert, top 3": (lambda bert, _: TransformerSide(load_backbone(bert("bert")), top_k=3), False),
    "bert, term weights": (
        lambda bert, _: TransformerSide(load_backbone(bert("bert"), head="term_weights"), activation="no_log"),
        False,
    ),
    "headless bert, term weights by two layers, sum": (
        lambda bert, _: TransformerSide(
            load_backbone(bert("bert", head=False), head="term_weights", term_layers=2), pooling="sum"
        ),
        False,
    ),
    "headless bert, new head": (
        lambda bert, _: TransformerSide(load_backbone(bert("bert", head=False), new_head=True)),
        True,
    ),
    "llama": (lambda _, decoder: TransformerSide(load_backbone(decoder("llama"))), True),
    "llama, bidirectional": (
        lambda _, decoder: TransformerSide(load_backbone(decoder("llama"), attention="bidirectional")),
        True,
    ),
    "tied llama, scaled": (
        lambda _, decoder: TransformerSide(
            load_backbone(decoder("llama", tie_word_embeddings=True), scale="hidden^-0.25")
        ),
        True,
    ),
    "gemma, scaled": (lambda _, decoder: TransformerSide(load_backbone(decoder("gemma"), scale=0.5)), False),
    "qwen, a bias of each term": (
        lambda _, decoder: TransformerSide(load_backbone(decoder("qwen2"), scale=0.5, bias="term", bias_start=-1.0)),
        False,
    ),
    "mistral, echo, shift, bidirectional": (
        lambda _, decoder: TransformerSide(
            load_backbone(decoder("mistral"), echo=True, attention="bidirectional", bias="scalar", bias_start=-0.5)
        ),
        False,
    ),
    "gpt2": (lambda _, decoder: TransformerSide(load_backbone(decoder("gpt2"))), False),
}


@pytest.mark.parametrize("name", SIDES)
def test_vectors_are_those_of_the_modules_in_memory(
    name: str, make_model: Any, make_decoder: Any, tmp_path: Path
) -> None:
    build, expressible = SIDES[name]
    side = build(make_model, make_decoder)
    disturb(side.backbone)
    save_encoder(tmp_path / "model", document=side)
    encoder = SparseEncoder.load(tmp_path / "model", dtype="float32")
    expected = in_memory(side, TEXTS, max_length=encoder.max_length)
    for vectors in (encoder.encode_documents(TEXTS), encoder.encode_queries(TEXTS)):
        np.testing.assert_allclose(dense(vectors), expected, rtol=1e-5, atol=1e-5)
        assert vectors.nnz > 0
    assert (tmp_path / "model" / "lsr_config.json").exists() != expressible
    assert (tmp_path / "model" / "modules.json").exists() == expressible
    assert encoder._query_tower.backbone is encoder._document_tower.backbone
    # Once more, by copying files.
    encoder.save(tmp_path / "copy")
    again = SparseEncoder.load(tmp_path / "copy", dtype="float32")
    np.testing.assert_array_equal(dense(again.encode_documents(TEXTS)), dense(encoder.encode_documents(TEXTS)))
    assert again.settings()["document"] == encoder.settings()["document"]


@pytest.mark.parametrize("name", [name for name, (_, expressible) in SIDES.items() if expressible])
def test_sentence_transformers_opens_what_it_can_express(
    name: str, make_model: Any, make_decoder: Any, tmp_path: Path
) -> None:
    from sentence_transformers import SparseEncoder as Theirs

    side = SIDES[name][0](make_model, make_decoder)
    save_encoder(tmp_path / "model", document=side)
    theirs = Theirs(str(tmp_path / "model"))
    texts = [text for text in TEXTS if text]
    expected = in_memory(side, texts, max_length=theirs.max_seq_length)
    np.testing.assert_allclose(theirs.encode_document(texts).to_dense().numpy(), expected, atol=2e-5)


def test_sentence_transformers_refuses_what_it_cannot(make_model: Any, tmp_path: Path) -> None:
    from sentence_transformers import SparseEncoder as Theirs

    save_encoder(tmp_path / "model", document=TransformerSide(load_backbone(make_model("bert")), top_k=3))
    with pytest.raises((OSError, ValueError)):
        Theirs(str(tmp_path / "model"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_stored_and_loaded_as_float32(dtype: str, make_model: Any, tmp_path: Path) -> None:
    folder = make_model("bert", vocab_size=3000, num_hidden_layers=2)
    backbone = load_backbone(folder)
    save_encoder(tmp_path / "whole", document=TransformerSide(backbone))
    save_encoder(tmp_path / "half", document=TransformerSide(backbone), dtype=dtype)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.52 * sizes[0]
    assert {tensor.dtype for tensor in load_file(tmp_path / "half" / "model.safetensors").values()} == {
        getattr(torch, dtype)
    }
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.copy_(parameter.to(getattr(torch, dtype)))
    expected = in_memory(TransformerSide(backbone), TEXTS)
    encoder = SparseEncoder.load(tmp_path / "half", dtype="float32")
    np.testing.assert_allclose(dense(encoder.encode_documents(TEXTS)), expected, atol=1e-5)
    assert {parameter.dtype for parameter in encoder._document_tower.backbone.parameters()} == {torch.float32}
    quick = SparseEncoder.load(tmp_path / "half", queries_only=True, light=True)
    assert isinstance(quick._query_tower, LightTower) == (dtype == "float16")
    np.testing.assert_allclose(dense(quick.encode_queries(TEXTS)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("plain", [True, False])
def test_a_table_of_query_weights(plain: bool, make_model: Any, tmp_path: Path) -> None:
    backbone = load_backbone(make_model("bert"))
    weights = torch.rand(70, requires_grad=True)
    with torch.no_grad():
        weights[:5] = 0
        weights[65:] = 0
    side = TransformerSide(backbone, top_k=None if plain else 10)
    query = TableSide(weights, max_length=8, prompt="w4 ")
    save_encoder(tmp_path / "model", document=side, query=query, dtype="float16", card="# A model\n")
    encoder = SparseEncoder.load(tmp_path / "model")
    quick = SparseEncoder.load(tmp_path / "model", queries_only=True)
    assert encoder.inference_free and (tmp_path / "model" / "README.md").read_text() == "# A model\n"
    for each in (encoder, quick):
        found = dense(each.encode_queries(["w1 w1 w2", " ", " ".join(f"w{i}" for i in range(40))]))
        assert found.shape == (3, 70)
        wanted = np.zeros((3, 70), np.float32)
        for row, words in enumerate(([4, 1, 2], [], [4, *range(7)])):
            for word in words:
                wanted[row, 5 + word] = weights[5 + word].item()
        np.testing.assert_array_equal(found, wanted)
    assert (tmp_path / "model" / "modules.json").exists() == plain
    if plain:
        from sentence_transformers import SparseEncoder as Theirs

        theirs = Theirs(str(tmp_path / "model")).encode_query(["w1 w1 w2"]).to_dense().numpy()
        np.testing.assert_allclose(theirs[0], dense(encoder.encode_queries(["w1 w1 w2"]))[0, :65], atol=1e-6)


def test_two_backbones_of_one_source_stay_two(make_model: Any, tmp_path: Path) -> None:
    folder = make_model("bert")
    sides = [TransformerSide(load_backbone(folder)), TransformerSide(disturb(load_backbone(folder)), pooling="sum")]
    for name, extra in (("router", {}), ("own", {"top_k": 5})):
        document, query = sides[0], TransformerSide(sides[1].backbone, pooling="sum", **extra)
        save_encoder(tmp_path / name, document=document, query=query)
        encoder = SparseEncoder.load(tmp_path / name, dtype="float32")
        np.testing.assert_allclose(dense(encoder.encode_documents(TEXTS)), in_memory(document, TEXTS), atol=1e-5)
        np.testing.assert_allclose(dense(encoder.encode_queries(TEXTS)), in_memory(query, TEXTS), atol=1e-5)


def test_sides_of_one_backbone_differ_in_little(make_model: Any, tmp_path: Path) -> None:
    backbone = load_backbone(make_model("bert"))
    document, query = TransformerSide(backbone, top_k=20), TransformerSide(backbone, top_k=4, prompt="w4 ")
    save_encoder(tmp_path / "model", document=document, query=query)
    encoder = SparseEncoder.load(tmp_path / "model", dtype="float32")
    assert encoder._query_tower.backbone is encoder._document_tower.backbone
    assert sorted(entry.name for entry in (tmp_path / "model").iterdir()) == ["document", "lsr_config.json"]
    np.testing.assert_allclose(dense(encoder.encode_documents(TEXTS)), in_memory(document, TEXTS), atol=1e-5)
    np.testing.assert_allclose(dense(encoder.encode_queries(TEXTS)), in_memory(query, TEXTS), atol=1e-5)
    assert np.diff(encoder.encode_documents(TEXTS, top_k=2).indptr).max() == 2
    assert np.diff(encoder.encode_queries(TEXTS, top_k=9).indptr).max() == 4
    with pytest.raises(ModelError, match="share a backbone"):
        save_encoder(tmp_path / "other", document=document, query=TransformerSide(backbone, pooling="sum"))


def test_a_saved_encoder_can_be_trained_on(make_model: Any, make_decoder: Any, tmp_path: Path) -> None:
    for name in ("bert, term weights", "qwen, a bias of each term", "mistral, echo, shift, bidirectional"):
        side = SIDES[name][0](make_model, make_decoder)
        save_encoder(tmp_path / name, document=side)
        backbone = load_backbone(tmp_path / name)
        assert backbone.spec.echo == side.backbone.spec.echo
        assert backbone.spec.activation == side.spec.activation
        np.testing.assert_allclose(in_memory(TransformerSide(backbone), TEXTS), in_memory(side, TEXTS), atol=1e-5)


def test_what_cannot_be_stored_leaves_nothing_behind(make_model: Any, tmp_path: Path) -> None:
    backbone = load_backbone(make_model("bert"))
    side, target = TransformerSide(backbone), tmp_path / "model"
    for query, message in (
        (TableSide(np.ones(64, np.float32)), "a table of 64 weights, for 65 tokens and 70 terms"),
        (TableSide(np.ones(70, np.float32)), "a table of 70 weights"),  # no token could ever use the last five
        (TableSide(np.ones((5, 14), np.float32)), "a table of 5×14"),
        (TableSide(np.full(65, np.nan, np.float32)), "weight of token id 0 is not finite"),
    ):
        with pytest.raises(ModelError, match=message):
            save_encoder(target, document=side, query=query)
    with pytest.raises(ModelError, match="'int8'"):
        save_encoder(target, document=side, dtype="int8")
    with pytest.raises(ModelError, match="'no_log'; it can be relu or log1p_relu"):
        save_encoder(target, document=TransformerSide(backbone, activation="no_log"))
    with torch.no_grad():
        backbone.head.weight[3, 3] = 1e6
    with pytest.raises(ModelError, match="not finite in float16"):
        save_encoder(target, document=side, dtype="float16")
    assert not list(tmp_path.iterdir())
    save_encoder(target, document=side)
    with pytest.raises(OutputExistsError):
        save_encoder(target, document=side)
    (target / "mine.txt").write_text("gone")
    save_encoder(target, document=side, force=True)
    assert not (target / "mine.txt").exists()
    assert len({file.stat().st_mode for file in target.rglob("*.*") if file.is_file()}) == 1


def test_saving_changes_nothing_in_memory(make_decoder: Any, tmp_path: Path) -> None:
    side = TransformerSide(load_backbone(make_decoder("llama"), scale=0.7, learn_scale=True, bias="term"))
    side.backbone.train()
    before = {name: parameter.clone() for name, parameter in side.backbone.named_parameters()}
    save_encoder(tmp_path / "model", document=side, dtype="bfloat16")
    assert side.backbone.training
    for name, parameter in side.backbone.named_parameters():
        assert torch.equal(parameter, before[name]) and parameter.dtype == torch.float32
    config = json.loads((tmp_path / "model" / "document" / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]


def test_a_bare_decoder_is_taken_as_splade(make_decoder: Any) -> None:
    folder = make_decoder("llama")
    encoder = SparseEncoder.load(folder, dtype="float32", max_length=30)
    expected = in_memory(TransformerSide(load_backbone(folder)), TEXTS, max_length=30)
    np.testing.assert_allclose(dense(encoder.encode_documents(TEXTS)), expected, atol=1e-5)
    rounded = dense(SparseEncoder.load(folder, dtype="bfloat16", max_length=30).encode_documents(TEXTS))
    assert 0 < np.linalg.norm(rounded - expected) < 0.05 * np.linalg.norm(expected)


def test_windows_of_a_long_text_are_echoed_each(make_decoder: Any, tmp_path: Path) -> None:
    side = TransformerSide(load_backbone(make_decoder("llama"), echo=True), max_length=11, top_k=12)
    save_encoder(tmp_path / "model", document=side)
    encoder = SparseEncoder.load(tmp_path / "model", dtype="float32", window_overlap=4)
    whole = TransformerSide(side.backbone)
    parts = [" ".join(f"w{i}" for i in range(start, min(start + 10, 40))) for start in range(0, 31, 6)]
    merged = torch.from_numpy(in_memory(whole, parts, max_length=11)).amax(0, keepdim=True)
    expected = keep_heaviest(merged, 12).numpy()
    np.testing.assert_allclose(dense(encoder.encode_documents([TEXTS[2]])), expected, atol=1e-5)
