"""Adapters: where they go, what they train, and that merging them changes no output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("peft")

from lsr import SparseEncoder
from lsr.core.errors import InputError, ModelError
from lsr.encoding.sparse.backbone import Backbone, load_backbone
from lsr.encoding.sparse.saving import TransformerSide, save_encoder
from lsr.training.model.lora import add_lora, has_lora, merge_lora

MASK = torch.tensor([[1] * 9, [1] * 6 + [0] * 3])
IDS = torch.randint(5, 65, (2, 9), generator=torch.Generator().manual_seed(0))


def write(folder: Path, kind: str) -> Path:
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    sizes: dict[str, Any] = {"vocab_size": 70, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 64, "max_position_embeddings": 64, "n_positions": 64, "pad_token_id": 0}
    name = {"bert": "BertForMaskedLM", "llama": "LlamaForCausalLM", "gpt2": "GPT2LMHeadModel"}[kind]
    architecture = getattr(transformers, name)
    torch.manual_seed(0)
    tied = {"tie_word_embeddings": True}
    architecture(architecture.config_class(**(sizes | {"initializer_range": 0.3} | tied))).save_pretrained(folder)
    words = {word: i for i, word in enumerate(["[PAD]", "[UNK]", *(f"w{i}" for i in range(60))])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    return folder


def train(backbone: Backbone, steps: int = 5) -> None:
    head = backbone.head
    assert head is not None
    optimiser = torch.optim.SGD([p for p in backbone.parameters() if p.requires_grad], lr=0.05)
    for _ in range(steps):
        optimiser.zero_grad()
        logits = torch.nn.functional.linear(backbone(IDS, MASK), head.weight, backbone.bias)
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), IDS.flatten()).backward()
        optimiser.step()


@pytest.mark.parametrize("kind, layers", [("bert", 2 * 6 + 1), ("llama", 2 * 7), ("gpt2", 2 * 4)])
def test_training_moves_the_adapters_alone_and_merging_keeps_the_output(kind: str, layers: int, tmp_path: Path) -> None:
    folder = write(tmp_path / kind, kind)
    plain, backbone = load_backbone(folder), load_backbone(folder, bias=None if kind == "bert" else "scalar")
    add_lora(backbone, rank=4, alpha=8, dropout=0.0)
    assert has_lora(backbone)
    with torch.no_grad():  # B starts at zero
        torch.testing.assert_close(backbone(IDS, MASK), plain(IDS, MASK))
    trained = [name for name, parameter in backbone.named_parameters() if parameter.requires_grad]
    assert len([name for name in trained if "lora_A" in name]) == layers
    assert {name for name in trained if "lora_" not in name} == (set() if kind == "bert" else {"shift"})
    frozen = {name: p.clone() for name, p in backbone.named_parameters() if not p.requires_grad}
    backbone.train()
    train(backbone)
    backbone.eval()
    for name, parameter in backbone.named_parameters():
        assert name not in frozen or torch.equal(parameter, frozen[name])
    with pytest.raises(InputError, match="already has adapters"):
        add_lora(backbone)
    with pytest.raises(ModelError, match="not merged"):
        save_encoder(tmp_path / "model", document=TransformerSide(backbone))
    with torch.no_grad():
        adapted = backbone(IDS, MASK)
        merge_lora(backbone)
        torch.testing.assert_close(backbone(IDS, MASK)[MASK.bool()], adapted[MASK.bool()], rtol=1e-4, atol=1e-4)
        assert not torch.allclose(adapted, plain(IDS, MASK), atol=1e-2)
    assert not has_lora(backbone)
    assert {name for name, _ in backbone.named_parameters()} - {"shift"} == {n for n, _ in plain.named_parameters()}
    assert all(parameter.requires_grad for parameter in backbone.parameters())
    save_encoder(tmp_path / "model", document=TransformerSide(backbone))
    vectors = SparseEncoder.load(tmp_path / "model", dtype="float32", max_length=9).encode_documents(["w1 w2 w3"])
    with torch.no_grad():
        hidden = backbone(torch.tensor([[3, 4, 5]]), torch.ones(1, 3))
        logits = torch.nn.functional.linear(hidden, backbone.head.weight, backbone.bias)
    expected = logits[0].amax(0).relu().log1p().numpy()
    np.testing.assert_allclose(vectors.to_scipy().toarray()[0], expected, rtol=1e-4, atol=1e-5)


def test_a_head_of_term_weights_is_trained_beside(tmp_path: Path) -> None:
    backbone = load_backbone(write(tmp_path / "bert", "bert"), head="term_weights")
    add_lora(backbone)
    trained = {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}
    assert {name for name in trained if "lora_" not in name} == {"term_head.0.weight", "term_head.0.bias"}


def test_numbers_out_of_range(tmp_path: Path) -> None:
    backbone = load_backbone(write(tmp_path / "bert", "bert"))
    for options in ({"rank": 0}, {"alpha": 0.0}, {"dropout": 1.0}):
        with pytest.raises(InputError, match="LoRA needs"):
            add_lora(backbone, **options)
    merge_lora(backbone)
    assert not has_lora(backbone)


def test_gradient_checkpointing_trains_adapters(tmp_path: Path) -> None:
    backbone = load_backbone(write(tmp_path / "llama", "llama"))
    add_lora(backbone, dropout=0.0)
    backbone.gradient_checkpointing_enable()
    backbone.train()
    before = [parameter.clone() for name, parameter in backbone.named_parameters() if "lora_B" in name]
    train(backbone, steps=1)
    after = [parameter for name, parameter in backbone.named_parameters() if "lora_B" in name]
    assert all(not torch.equal(*pair) for pair in zip(before, after, strict=True))
