"""Write a backbone from memory: a folder that transformers can open, plus files for what transformers cannot store."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from lsr.core.errors import ModelError
from lsr.encoding.shared.language_model import probe_tokens
from lsr.encoding.shared.strict import quiet
from lsr.encoding.sparse.backbone import Backbone
from lsr.encoding.sparse.spec import FREQUENCY_FILE, HEAD_FILE

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def needs_adjusted_head(backbone: Backbone) -> bool:
    """Whether scale or bias cannot be stored in the language model itself."""
    if backbone.head is None:
        return False
    return (backbone.bias is not None and not backbone.own_bias) or (
        backbone.scale is not None and _norm_before_head(backbone, backbone.scale) is None
    )


def export_backbone(backbone: Backbone, folder: Path, dtype: str) -> None:
    """Write config.json and weights into `folder`.

    A scale goes into the norm before the head, so that the head may stay tied to the word embeddings; a bias goes into
    the head's own. If the architecture has no such place, they go into HEAD_FILE, as does a head of term weights;
    FREQUENCY_FILE contains the weights of term frequencies.
    `dtype` is what is stored; a model is always loaded as float32.

    ModelError for an adapter that is not merged yet, or numbers that are not finite in `dtype`.
    """
    if dtype not in DTYPES:
        raise ModelError(f"dtype is {dtype!r}; a model can be stored as {', '.join(DTYPES)}")
    state = {name: tensor.detach() for name, tensor in backbone.model.state_dict().items()}
    if any("lora_" in name for name in state):
        raise ModelError("the adapter is not merged into the model yet: call merge_lora first")
    beside: dict[str, Tensor] = {}
    if backbone.term_head is not None:
        beside = {name: tensor.detach() for name, tensor in backbone.term_head.state_dict().items()}
    elif backbone.head is not None:
        beside = _fold_head(backbone, backbone.head, state)
    with quiet():
        backbone.model.save_pretrained(folder, state_dict=_cast(state, DTYPES[dtype]))
    from safetensors.torch import save_file

    if beside:
        save_file({name: tensor.cpu().contiguous() for name, tensor in beside.items()}, folder / HEAD_FILE)
    if backbone.frequency is not None:
        save_file({"weight": backbone.frequency.weight.detach().relu().cpu()}, folder / FREQUENCY_FILE)


def _fold_head(backbone: Backbone, head: nn.Linear, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put scale and bias into the state; return what does not fit there."""
    beside: dict[str, Tensor] = {}
    bias = backbone.bias
    if bias is not None and backbone.own_bias:
        _replace(state, head.bias, bias.detach())
    elif bias is not None:
        beside["bias"] = bias.detach()
        for name in [name for name, tensor in state.items() if head.bias is not None and _same(tensor, head.bias)]:
            del state[name]
    if backbone.scale is not None:
        scale, norm = backbone.scale.detach(), _norm_before_head(backbone, backbone.scale)
        if norm is None:
            beside["scale"] = scale
        else:
            for parameter in norm.parameters():
                _replace(state, parameter, parameter.detach() * scale)
    return beside


def _norm_before_head(backbone: Backbone, scale: Tensor) -> nn.Module | None:
    """The normalisation whose output the head takes as it is, if multiplying its weights multiplies that output."""
    outputs: dict[nn.Module, Tensor] = {}
    hooks = [
        module.register_forward_hook(lambda module, _, output: outputs.update({module: output}))
        for module in backbone.model.modules()
        if (parameters := list(module.parameters())) and all(p.shape == (backbone.width,) for p in parameters)
    ]
    tokens, training = probe_tokens(backbone.model), backbone.training
    backbone.eval()
    with torch.no_grad():
        try:
            hidden = backbone(tokens, torch.ones_like(tokens))
        finally:
            for hook in hooks:
                hook.remove()
        found = None
        for module, output in outputs.items():
            if not isinstance(output, Tensor) or not torch.equal(output * scale, hidden):
                continue
            _multiply(module, 2.0)
            doubled = backbone(tokens, torch.ones_like(tokens))
            _multiply(module, 0.5)  # exact, as powers of two are
            if torch.allclose(doubled, 2 * hidden, rtol=1e-4, atol=1e-6):  # not where weights count as 1 + w
                found = module
    backbone.train(training)
    return found


def _multiply(module: nn.Module, factor: float) -> None:
    for parameter in module.parameters():
        parameter.mul_(factor)


def _same(tensor: Tensor, other: Tensor) -> bool:
    return tensor.data_ptr() == other.data_ptr() and tensor.shape == other.shape


def _replace(state: dict[str, Tensor], old: Tensor, new: Tensor) -> None:
    """Put a tensor in the place of another, under all names that share it."""
    for name in [name for name, tensor in state.items() if _same(tensor, old)]:
        state[name] = new


def _cast(state: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors in `dtype`, on the CPU; names that shared a tensor still share one."""
    cast: dict[int, Tensor] = {}
    for name, tensor in state.items():
        key = tensor.data_ptr()
        if key not in cast:
            cast[key] = tensor.to("cpu", dtype if tensor.is_floating_point() else tensor.dtype).contiguous()
            if not cast[key].isfinite().all():
                raise ModelError(f"{name} has numbers that are not finite in {str(dtype).removeprefix('torch.')}")
    return {name: cast[tensor.data_ptr()] for name, tensor in state.items()}
