"""Decoders from GGUF files, a tiny one of which is written here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lsr import SparseEncoder
from lsr.core.errors import MissingDependencyError, ModelError
from lsr.encoding.sparse.backbone import Backbone, load_backbone
from lsr.encoding.sparse.saving import TransformerSide, save_encoder

WORDS = ["<unk>", "<s>", "</s>", *"abcdefgh", "Ġ", "ab", "cd", "Ġab", "Ġcd"]
MERGES = ["a b", "c d", "Ġ ab", "Ġ cd"]
HEADS, KEYS, WIDTH, WIDE, LAYERS = 2, 1, 32, 64, 2

# The names of a Llama's tensors in GGUF files.
LAYER_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.nn.Module]:
    """A file and the model that is in it."""
    gguf = pytest.importorskip("gguf")
    pytest.importorskip("accelerate")
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(WORDS),
            hidden_size=WIDTH,
            intermediate_size=WIDE,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=KEYS,
            tie_word_embeddings=True,
            initializer_range=0.4,
        )
    )
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(WIDE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEYS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(WORDS))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(WORDS)
    writer.add_token_merges(MERGES)
    writer.add_token_types([3, 3, 3] + [1] * (len(WORDS) - 3))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    state = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    writer.add_tensor("token_embd.weight", state["model.embed_tokens.weight"])
    writer.add_tensor("output_norm.weight", state["model.norm.weight"])
    for layer in range(LAYERS):
        for theirs, name in LAYER_NAMES.items():
            weight = state[f"model.layers.{layer}.{theirs}.weight"]
            if name in ("attn_q", "attn_k"):
                # llama.cpp rotates neighbouring numbers, where transformers rotates the two halves of a head.
                heads = HEADS if name == "attn_q" else KEYS
                weight = weight.reshape(heads, 2, -1, WIDTH).swapaxes(1, 2).reshape(weight.shape)
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ascontiguousarray(weight))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path, model.eval()


def logits(backbone: Backbone, ids: Tensor, mask: Tensor) -> Tensor:
    assert backbone.head is not None
    return torch.nn.functional.linear(backbone(ids, mask), backbone.head.weight, backbone.bias)


def test_weights_and_tokenizer_of_a_file(tiny: tuple[Path, torch.nn.Module], tmp_path: Path) -> None:
    path, model = tiny
    backbone = load_backbone(path, echo=True)
    assert backbone.decoder and backbone.head.weight is backbone.model.get_input_embeddings().weight
    ids = torch.randint(0, len(WORDS), (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(logits(backbone, ids, torch.ones_like(ids)), model(ids).logits, rtol=1e-4, atol=1e-4)
    reader = backbone.tokenizer(max_length=8)
    assert [WORDS[id] for id in reader.encode_one("ab cd")] == ["ab", "Ġcd"] * 2
    # Once saved, no GGUF file is needed any more.
    save_encoder(tmp_path / "model", document=TransformerSide(backbone, max_length=8))
    encoder = SparseEncoder.load(tmp_path / "model", dtype="float32")
    with torch.no_grad():
        second = logits(backbone, torch.tensor([reader.encode_one("ab cd")]), torch.ones(1, 4))[0, 2:]
    expected = second.amax(0).relu().log1p()
    np.testing.assert_allclose(encoder.encode_documents(["ab cd"]).to_scipy().toarray()[0], expected, atol=1e-5)
    assert "ab" in [encoder.vocabulary.term(i) for i in range(encoder.dim)]


def test_a_file_is_no_encoder_yet(tiny: tuple[Path, torch.nn.Module]) -> None:
    with pytest.raises(ModelError, match="a sparse encoder has to be trained from it first"):
        SparseEncoder.load(tiny[0])


def test_a_damaged_file_is_named(tiny: tuple[Path, torch.nn.Module], tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny[0].read_bytes()[:3000])
    with pytest.raises(ModelError, match=r"broken\.gguf cannot be loaded"):
        load_backbone(broken)


def test_packages_that_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(MissingDependencyError, match=r"gguf and accelerate: pip install 'lsr-engine\[decoder\]'"):
        load_backbone(tmp_path / "model.gguf")
