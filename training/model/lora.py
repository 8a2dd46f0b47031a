"""Low-rank adapters: training a large backbone by a few numbers per layer (LoRA, https://arxiv.org/abs/2106.09685).

Each linear layer W of the language model becomes W + (alpha / rank) B A, with A and B of that rank, and nothing else of
the model is trained. The head and the word embeddings stay as they are: adapted separately, tied ones would no longer
be equal. The adapters are `peft`'s, put into the model in place, so that the backbone is trained and used like any
other, and merged into W before saving, so that the saved model is a plain one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from lsr.core.errors import InputError, MissingDependencyError
from lsr.encoding.shared.language_model import PassingHead

if TYPE_CHECKING:
    from lsr.encoding.sparse.backbone import Backbone


def add_lora(backbone: Backbone, *, rank: int = 16, alpha: float = 32.0, dropout: float = 0.1) -> None:
    """Adapt every linear layer of the backbone's language model except its head, and freeze the rest.

    A head of term weights, a learned scale and a learned scalar bias stay trainable, as does a bias of each term.

    Args:
        rank: Echo-Mistral-SPLADE and Lion-SP use 16.
        alpha: what the product is multiplied by, over `rank`.
        dropout: of the adapters' input, in training.

    Raises:
        MissingDependencyError: peft is not installed.
        InputError: the backbone has adapters already, or a number is out of range.
    """
    peft = _peft()
    if has_lora(backbone):
        raise InputError("the backbone already has adapters: merge them before adding others")
    if rank < 1 or alpha <= 0 or not 0 <= dropout < 1:
        raise InputError(
            f"LoRA needs a rank of at least 1, alpha above 0 and dropout below 1, not {rank}, {alpha}, {dropout}"
        )
    layers = _linear_layers(backbone.model)
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=list(layers),
        fan_in_fan_out=not any(isinstance(layer, nn.Linear) for layer in layers.values()),
        bias="none",
    )
    peft.inject_adapter_in_model(config, backbone.model)
    head = backbone.head
    if head is not None and head.bias is not None and not backbone.own_bias:
        head.bias.requires_grad_(True)


def merge_lora(backbone: Backbone) -> None:
    """Add the adapters to the layers they adapt, and remove them; nothing happens without any.

    Outputs change only by the rounding of that sum. The layers' weights become trainable again.
    """
    if not has_lora(backbone):
        return
    _peft()
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, layer in list(backbone.model.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            layer.merge(safe_merge=True)
            backbone.model.set_submodule(name, layer.get_base_layer())
    backbone.model.__dict__.pop("peft_config", None)
    backbone.model.requires_grad_(True)


def has_lora(backbone: Backbone) -> bool:
    """Whether the backbone has adapters."""
    return any(".lora_A." in name for name, _ in backbone.model.named_parameters())


def _linear_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Linear layers by name; GPT-2 and related models have them as `Conv1D`, with transposed weights."""
    from transformers.pytorch_utils import Conv1D

    layers: dict[str, nn.Module] = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and not isinstance(module, PassingHead)
    }
    if not layers:
        raise InputError("the backbone has no linear layer to adapt")
    return layers


def _peft() -> Any:
    try:
        import peft
    except ImportError:
        raise MissingDependencyError("LoRA needs peft: pip install 'lsr-engine[train]'") from None
    return peft
