"""Load a language model strictly, masked or causal, and take it apart before its last layer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lsr.core.errors import MissingDependencyError, ModelError
from lsr.encoding.shared.alone import one_at_a_time
from lsr.encoding.shared.architecture import check_architecture
from lsr.encoding.shared.folder import read_json
from lsr.encoding.shared.strict import all_finite, quiet, some
from lsr.encoding.shared.trust import NO_CODE

# Parts that checkpoints carry beside their language-model head, and buffers of older transformers.
_HARMLESS = re.compile(r"(^|\.)(pooler\.|cls\.seq_relationship\.|embeddings\.position_ids$|rotary_emb\.inv_freq$)")


class PassingHead(nn.Linear):
    """A language model's last linear layer, replaced by the identity: the projection is done elsewhere, with pooling.

    The model keeps the layer's weights, tied or not, so that it saves and restores them.
    """

    def forward(self, input: Tensor) -> Tensor:
        return input


@one_at_a_time
def load_language_model(source: Path, *, new_head: bool = False) -> Any:
    """Load the masked or causal language model of a folder or a GGUF file, in float32, in evaluation mode.

    ModelError names every weight that is missing, unexpected, of another shape or not finite: nothing starts from
    random numbers. With `new_head` the weights outside of the body may be missing, and the head is a new one: its last
    layer tied to the word embeddings where the architecture does so, square layers before it the identity, so that a
    token's own term is likelier than others from the start. A GGUF file's weights are unpacked to float32.
    """
    from transformers import AutoConfig

    place: dict[str, Any] = {"pretrained_model_name_or_path": source, **NO_CODE}
    if source.suffix == ".gguf":
        _check_gguf_packages()
        place |= {"pretrained_model_name_or_path": source.parent, "gguf_file": source.name}
    else:
        check_architecture(source, read_json(source / "config.json"))
    with quiet():
        kind = ""
        try:
            config = AutoConfig.from_pretrained(**place)
            kind, auto_class = _auto_class(config)
            model, info = auto_class.from_pretrained(
                **place,
                config=config,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # reported below with the rest
                weights_only=True,
            )
        except Exception as error:  # anything that transformers, safetensors or pickle find wrong with the files
            raise ModelError(f"{source} cannot be loaded as a {kind}language model: {error}") from error
    missing = sorted(info["missing_keys"])
    body = f"{model.base_model_prefix}."
    if missing and all(not key.startswith(body) for key in missing):
        if not new_head:
            raise ModelError(
                f"{source} has no {kind.strip()}-LM head (missing: {some(missing)}). It is a {config.model_type} "
                f"{'/'.join(config.architectures or ['encoder'])}: a dense encoder, not a SPLADE model"
            )
        _start_as_identity(model, missing)
        missing = []
    found = {
        "missing": missing,
        "unexpected": sorted(key for key in info["unexpected_keys"] if not _HARMLESS.search(key)),
        "of another shape": sorted(str(key) for key, *_ in info["mismatched_keys"]),
    }
    if problems := "; ".join(f"{what}: {some(keys)}" for what, keys in found.items() if keys):
        raise ModelError(f"the weights in {source} do not fit a {type(model).__name__}: {problems}")
    if broken := [name for name, weight in model.state_dict().items() if not all_finite(weight)]:
        raise ModelError(f"{source} has weights that are not finite numbers: {some(broken)}")
    if source.suffix == ".gguf":
        _forget_quantisation(model)
    return model.eval()


def is_causal_lm(config: Any) -> bool:
    """Whether the model of this configuration is a decoder rather than a masked language model."""
    from transformers.models.auto import modeling_auto

    masked, causal = (getattr(modeling_auto, f"MODEL_FOR_{kind}_LM_MAPPING_NAMES") for kind in ("MASKED", "CAUSAL"))
    for architecture in config.architectures or ():
        if architecture in masked.values():
            return False
        if architecture in causal.values():
            return True
    return config.model_type not in masked


def detach_head(model: Any) -> PassingHead | None:
    """Replace the last linear layer by a `PassingHead`, so that `model(…).logits` becomes that layer's input.

    Works for any architecture whose logits are this layer's output, which is tested on a few tokens. Otherwise the
    model stays unchanged and None is returned.
    """
    head = model.get_output_embeddings()
    name = next((name for name, module in model.named_modules() if module is head), None)
    if not isinstance(head, nn.Linear) or name is None:
        return None
    passing = PassingHead(head.in_features, head.out_features, bias=head.bias is not None, device="meta")
    passing.weight, passing.bias = head.weight, head.bias
    with torch.inference_mode():
        tokens = probe_tokens(model)
        expected = model(input_ids=tokens).logits
        model.set_submodule(name, passing)
        hidden = model(input_ids=tokens).logits
        if hidden.shape[-1] == head.in_features:
            logits = functional.linear(hidden, head.weight, head.bias)
            if torch.allclose(logits, expected, rtol=1e-4, atol=1e-4):
                return passing
    model.set_submodule(name, head)
    return None


def attend_both_ways(model: Any) -> None:
    """Let a decoder's tokens attend to those that follow, but not to padding.

    That is `is_causal` in its configuration, which is saved with it and which sentence-transformers and vLLM read too.
    Architectures are free to ignore it, so it is tested. ModelError if it changes nothing.
    """
    model.config.is_causal = False
    tokens = probe_tokens(model)
    following, padding = tokens.clone(), tokens.clone()
    following[0, 1] = padding[0, 2:] = tokens[0, 0]
    whole, padded = torch.ones_like(tokens), (torch.arange(8, device=tokens.device) < 2).long()[None]
    with torch.inference_mode():
        for mask in (whole, padded):
            first, *others = (
                model(input_ids=ids, attention_mask=mask).logits[0, 0] for ids in (tokens, following, padding)
            )
            sees = [not torch.allclose(first, other, rtol=1e-5, atol=1e-6) for other in others]
            if sees != [True, mask is whole]:
                raise ModelError(
                    f"a {model.config.model_type} cannot attend both ways here: that takes transformers 5.2 or newer "
                    "and an architecture that respects is_causal in its configuration. Use causal attention, with echo "
                    "if tokens are to know what follows"
                )


def halve_linear_layers(model: nn.Module, dtype: torch.dtype) -> None:
    """Keep the weights of linear layers in `dtype`, because autocast would otherwise convert them at every call."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.weight = nn.Parameter(module.weight.to(dtype), requires_grad=False)
            if module.bias is not None:
                module.bias = nn.Parameter(module.bias.to(dtype), requires_grad=False)


def probe_tokens(model: Any) -> Tensor:
    """Eight token ids to try a model with: int64 [1, 8]."""
    device = next(model.parameters()).device
    return torch.arange(8, device=device)[None] % model.config.vocab_size


def _auto_class(config: Any) -> tuple[str, Any]:
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    if is_causal_lm(config):
        return "causal ", AutoModelForCausalLM
    return "masked ", AutoModelForMaskedLM


@torch.no_grad()
def _start_as_identity(model: Any, missing: list[str]) -> None:
    for name in missing:
        weight = model.get_parameter(name)
        if weight.ndim == 2 and weight.shape[0] == weight.shape[1]:
            nn.init.eye_(weight)


def _forget_quantisation(model: Any) -> None:
    """Unmark a model as quantised: its weights are plain numbers by now, but transformers would not save it."""
    for holder, name in ((model, "hf_quantizer"), (model.config, "quantization_config")):
        if hasattr(holder, name):
            delattr(holder, name)


def _check_gguf_packages() -> None:
    from importlib.util import find_spec

    if missing := [name for name in ("gguf", "accelerate") if find_spec(name) is None]:
        raise MissingDependencyError(
            f"reading a GGUF file needs {' and '.join(missing)}: pip install 'lsr-engine[decoder]'"
        )
