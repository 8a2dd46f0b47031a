"""The differentiable part of an encoder against transformers' own forward pass, and against itself put another way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lsr.core.errors import ModelError
from lsr.encoding.shared.tokens import pad
from lsr.encoding.sparse.backbone import Backbone, load_backbone, shift_for
from lsr.encoding.sparse.spec import TransformerSpec

DECODERS = ["llama", "mistral", "qwen2", "qwen3", "gemma", "gpt2", "gpt_neox", "phi"]
MASK = torch.tensor([[1] * 9, [1] * 6 + [0] * 3])


def tokens(seed: int = 0) -> Tensor:
    return torch.randint(5, 65, (2, 9), generator=torch.Generator().manual_seed(seed))


def logits(backbone: Backbone, ids: Tensor, mask: Tensor) -> Tensor:
    assert backbone.head is not None
    return torch.nn.functional.linear(backbone(ids, mask), backbone.head.weight, backbone.bias)


@pytest.fixture
def make(make_model: Any, make_decoder: Any) -> Callable[..., Path]:
    def make(kind: str, **changes: Any) -> Path:
        return (make_decoder if kind in DECODERS else make_model)(kind, **changes)

    return make


@pytest.mark.parametrize("kind", ["bert", "distilbert", "modernbert", *DECODERS])
def test_head_and_hidden_states_give_the_models_own_logits(kind: str, make: Any) -> None:
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    folder = make(kind)
    backbone = load_backbone(folder)
    assert backbone.decoder == (kind in DECODERS) and backbone.dim == 70 and not backbone.training
    theirs = (AutoModelForCausalLM if backbone.decoder else AutoModelForMaskedLM).from_pretrained(folder)
    ids = tokens()
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=MASK).logits
        found = logits(backbone, ids, MASK)
    torch.testing.assert_close(found[MASK.bool()], expected[MASK.bool()], rtol=1e-4, atol=1e-4)
    tied = theirs.get_output_embeddings().weight is theirs.get_input_embeddings().weight
    assert (backbone.head.weight is backbone.model.get_input_embeddings().weight) == tied


def sees(backbone: Backbone, position: int, mask: Tensor) -> bool:
    """Whether the first token's state depends on the token at another position."""
    ids = tokens()
    other = ids.clone()
    other[:, position] = 69
    with torch.no_grad():
        return not torch.allclose(backbone(ids, mask)[0, 0], backbone(other, mask)[0, 0], atol=1e-5)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", DECODERS)
def test_bidirectional_tokens_see_what_follows_and_no_padding(kind: str, attention: str, make: Any) -> None:
    folder = make(kind)
    both, causal = load_backbone(folder, attention="bidirectional"), load_backbone(folder)
    for backbone in (both, causal):
        backbone.model.set_attn_implementation(attention)
    whole, padded = torch.ones_like(MASK), MASK.flip(0)
    assert sees(both, 8, whole) and sees(both, 5, padded) and not sees(both, 8, padded)
    assert not sees(causal, 8, whole) and not sees(causal, 5, padded)
    # A text's states are the same with and without padding behind it.
    ids = tokens()
    with torch.no_grad():
        alone, beside = both(ids[1:, :6], torch.ones(1, 6)), both(ids, MASK)
    torch.testing.assert_close(alone[0], beside[1, :6], rtol=1e-4, atol=1e-5)


def test_a_sliding_window_slides_both_ways(make: Any) -> None:
    backbone = load_backbone(make("mistral", sliding_window=4, num_hidden_layers=1), attention="bidirectional")
    assert sees(backbone, 2, torch.ones_like(MASK)) and not sees(backbone, 8, torch.ones_like(MASK))


def test_attention_that_cannot_be_had_is_refused(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="only a decoder can be causal"):
        load_backbone(make("bert"), attention="causal")
    with pytest.raises(ModelError, match="'both'; it can be causal or bidirectional"):
        load_backbone(make("llama"), attention="both")
    assert load_backbone(make("bert"), attention="bidirectional").decoder is False
    from transformers.models.llama import modeling_llama

    original = modeling_llama.create_causal_mask

    def deaf(config: Any, **arguments: Any) -> Any:
        """An architecture that makes its mask without a look at is_causal."""
        config = type(config)(**config.to_dict())
        config._attn_implementation, config.is_causal = "eager", True
        return original(config=config, **arguments)

    monkeypatch.setattr(modeling_llama, "create_causal_mask", deaf)
    with pytest.raises(ModelError, match="a llama cannot attend both ways"):
        load_backbone(make("llama"), attention="bidirectional")


def test_attention_is_remembered(make: Any, tmp_path: Path) -> None:
    backbone = load_backbone(make("llama"), attention="bidirectional")
    backbone.model.save_pretrained(tmp_path)
    again = load_backbone(TransformerSpec(tmp_path))
    assert sees(again, 8, torch.ones_like(MASK))
    assert not sees(load_backbone(TransformerSpec(tmp_path), attention="causal"), 8, torch.ones_like(MASK))


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_echo_reads_twice_and_keeps_the_second_copy(kind: str, make: Any) -> None:
    backbone = load_backbone(make(kind), echo=True)
    reader = backbone.tokenizer(max_length=7)
    windows, _ = reader.encode(["w1 w2 w3", "", "w1 w2 w3 w4 w5 w6 w7 w8 w9"])
    before, after = ([2], [3]) if kind == "bert" else ([2], [])
    one = [6, 7, 8]
    cut = [6, 7, 8, 9, 10, 11, 12][: 7 - len(before + after)]
    expected = [[*before, *text, *text, *after] for text in (one, [], cut)]
    assert [window.tolist() for window in windows] == expected
    assert reader.longest == max(map(len, expected)) and reader.encode_one("w1 w2 w3") == expected[0]
    assert reader.affixes == (len(before), len(after))
    ids, mask = (torch.from_numpy(array) for array in pad(windows, 0))
    kept = backbone.kept(ids, mask)
    for row, text in enumerate((one, [], cut)):
        assert kept[row].nonzero().squeeze(1).tolist() == [len(before) + len(text) + i for i in range(len(text))]
        assert ids[row][kept[row]].tolist() == text
    # Padding before the text, as some have it, moves the positions and nothing else.
    shifted = backbone.kept(ids.roll(2, 1)[:2], mask.roll(2, 1)[:2])
    torch.testing.assert_close(shifted, kept.roll(2, 1)[:2])


def test_kept_positions_without_echo(make: Any) -> None:
    backbone = load_backbone(make("bert"))
    ids, mask = torch.tensor([[2, 6, 7, 3, 0], [2, 6, 4, 8, 3]]), torch.tensor([[1, 1, 1, 1, 0], [1] * 5])
    assert backbone.kept(ids, mask).tolist() == mask.bool().tolist()
    assert backbone.kept(ids, mask, special_tokens=False).tolist() == [
        [False, True, True, False, False],
        [False, True, False, True, False],
    ]


def test_echo_must_fit_the_positions(make: Any) -> None:
    backbone = load_backbone(make("bert"), echo=True)
    backbone.tokenizer(max_length=25)
    with pytest.raises(ModelError, match="max_length 26, read twice 50 tokens, is more than the 48 positions"):
        backbone.tokenizer(max_length=26)


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_gradients_reach_every_weight_and_checkpointing_changes_none(kind: str, make: Any) -> None:
    found = []
    for checkpointing in (False, True):
        backbone = load_backbone(make(kind), scale=0.5, learn_scale=True, bias="scalar")
        if checkpointing:
            backbone.gradient_checkpointing_enable()
        torch.manual_seed(0)
        for module in backbone.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        backbone.train()
        pooled = logits(backbone, tokens(), MASK).masked_fill(~MASK.bool()[..., None], 0).relu().amax(1)
        (pooled * torch.randn(2, 70)).sum().backward()
        found.append({name: parameter.grad for name, parameter in backbone.named_parameters()})
    for name, gradient in found[0].items():
        if "token_type" not in name:
            assert gradient is not None, name
        if gradient is not None:
            torch.testing.assert_close(found[1][name], gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_scale_and_bias_change_logits_as_they_say(kind: str, make: Any) -> None:
    folder = make(kind)
    plain = load_backbone(folder)
    own = torch.zeros(70) if plain.bias is None else plain.bias.detach()
    with torch.no_grad():
        base = logits(plain, tokens(), MASK) - own
        for options, expected in (
            ({"scale": 0.3}, 0.3 * base + own),
            ({"scale": "hidden^-0.25"}, 32**-0.25 * base + own),
            ({"bias": "scalar", "bias_start": -2.0}, base + own - 2),
            ({"bias": "term", "bias_start": -2.0, "scale": 0.3, "learn_scale": True}, 0.3 * base + own - 2),
        ):
            torch.testing.assert_close(logits(load_backbone(folder, **options), tokens(), MASK), expected)
    learned = {name for name, _ in load_backbone(folder, bias="term", learn_scale=True).named_parameters()}
    before = {name for name, _ in plain.named_parameters()}
    # BERT's head has a bias already, which is learned in any case.
    assert learned - before == ({"scale"} if kind == "bert" else {"scale", "model.lm_head.bias"})
    assert {name for name, _ in load_backbone(folder, bias="scalar").named_parameters()} - before == {"shift"}
    assert {name for name, _ in load_backbone(folder, scale=2.0).named_parameters()} == before


def test_scale_and_bias_that_make_no_sense(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make("llama")
    for options, message in (
        ({"scale": 0.0}, "scale is 0.0; expected a number above zero"),
        ({"scale": "hidden"}, r"scale is 'hidden'; expected .* 'hidden\^-0.25'"),
        ({"bias": "each"}, "'each'; it can be scalar or term"),
        ({"term_layers": 3}, "term_layers is 3"),
        ({"head": "dense"}, "'dense'; it can be vocabulary or term_weights"),
    ):
        with pytest.raises(ModelError, match=message):
            load_backbone(folder, **options)
    monkeypatch.setattr("lsr.encoding.sparse.backbone.detach_head", lambda model: None)
    for options in ({"scale": 2.0}, {"bias": "term"}):
        with pytest.raises(ModelError, match="only logits that are a linear layer"):
            load_backbone(folder, **options)


def test_a_shift_leaves_so_many_active_terms() -> None:
    pooled = torch.randn(20, 500, generator=torch.Generator().manual_seed(0)) + 30
    for wanted in (1, 25, 499):
        active = (pooled + shift_for(pooled, wanted) > 0).sum(1).float().mean()
        assert active == pytest.approx(wanted, abs=0.05)


def test_a_new_head_starts_near_the_tokens_themselves(make_model: Any) -> None:
    folder = make_model("bert", head=False, initializer_range=0.2)
    with pytest.raises(ModelError, match="no masked-LM head"):
        load_backbone(folder)
    backbone = load_backbone(folder, new_head=True)
    ids = tokens()
    with torch.no_grad():
        found = logits(backbone, ids, MASK)
    assert backbone.head.weight is backbone.model.get_input_embeddings().weight
    ranks = (found > found.gather(2, ids[..., None])).sum(2)[MASK.bool()].float()
    assert ranks.mean() < 15  # of 70; 34.5 by chance


def test_term_weights_take_the_body_alone(make: Any) -> None:
    from transformers import AutoModel

    for kind in ("bert", "llama", "gpt2"):
        folder = make(kind)
        for layers in (1, 2):
            torch.manual_seed(0)
            backbone = load_backbone(folder, head="term_weights", term_layers=layers)
            assert backbone.head is None and backbone.bias is None and len(backbone.term_head) == 2 * layers - 1
            ids = tokens()
            with torch.no_grad():
                states = AutoModel.from_pretrained(folder)(input_ids=ids, attention_mask=MASK).last_hidden_state
                found = backbone(ids, MASK)
                torch.testing.assert_close(found[MASK.bool()], states[MASK.bool()], rtol=1e-4, atol=1e-4)
                torch.testing.assert_close(backbone.term_scores(found), backbone.term_head(found)[..., 0])
    with pytest.raises(ModelError, match="not one of term weights"):
        load_backbone(make("bert")).term_scores(torch.zeros(1, 1, 32))


def test_a_head_file_that_does_not_fit_is_refused(make: Any) -> None:
    folder = make("llama")
    spec = TransformerSpec(folder, adjusted_head=True)
    file = folder / "lsr_head.safetensors"
    with pytest.raises(ModelError, match=r"lsr_head\.safetensors cannot be read"):
        load_backbone(spec)
    for content, message in (
        ({"bias": torch.zeros(69)}, r"contains \{'bias': \(69,\)\}; expected some of"),
        ({"weight": torch.zeros(70)}, "contains {'weight'"),
        ({"scale": torch.tensor(torch.nan)}, "not finite: scale"),
    ):
        save_file(content, file)
        with pytest.raises(ModelError, match=message):
            load_backbone(spec)
    save_file({"bias": torch.arange(70.0), "scale": torch.tensor(0.5)}, file)
    backbone = load_backbone(spec)
    torch.testing.assert_close(backbone.bias, torch.arange(70.0))
    assert backbone.scale == 0.5 and set(load_file(file)) == {"bias", "scale"}
    save_file({"0.weight": torch.zeros(1, 31), "0.bias": torch.zeros(1)}, file)
    with pytest.raises(ModelError, match=r"expected \{'0.weight': \(1, 32\)"):
        load_backbone(TransformerSpec(folder, head="term_weights"))
