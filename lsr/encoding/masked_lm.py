"""Load a masked language model strictly, and take it apart before its last layer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lsr.errors import ModelError

# Parts that checkpoints carry beside their masked-LM head, and buffers of older transformers.
_HARMLESS = re.compile(r"(^|\.)(pooler\.|cls\.seq_relationship\.|embeddings\.position_ids$)")


def load_masked_lm(folder: Path) -> Any:
    """The folder's masked LM in float32, ready to evaluate.

    ModelError names every weight that is missing, unexpected, of another shape or not finite: nothing starts from
    random numbers.
    """
    from transformers import AutoConfig, AutoModelForMaskedLM

    with _quiet():
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
            model, info = AutoModelForMaskedLM.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # reported below with the rest
            )
        except Exception as error:  # whatever transformers, safetensors or pickle find wrong with the files
            raise ModelError(f"{folder} cannot be loaded as a masked language model: {error}") from error
    missing = sorted(info["missing_keys"])
    body = f"{model.base_model_prefix}."
    if missing and all(not key.startswith(body) for key in missing):
        raise ModelError(
            f"{folder} has no masked-LM head (missing: {_some(missing)}). It is a {config.model_type} "
            f"{'/'.join(config.architectures or ['encoder'])}: a dense encoder, not a SPLADE model"
        )
    found = {
        "missing": missing,
        "unexpected": sorted(key for key in info["unexpected_keys"] if not _HARMLESS.search(key)),
        "of another shape": sorted(str(key) for key, *_ in info["mismatched_keys"]),
    }
    if problems := "; ".join(f"{what}: {_some(keys)}" for what, keys in found.items() if keys):
        raise ModelError(f"the weights in {folder} do not fit a {type(model).__name__}: {problems}")
    if broken := [name for name, weight in model.state_dict().items() if not weight.isfinite().all()]:
        raise ModelError(f"{folder} has weights that are not finite numbers: {_some(broken)}")
    return model.eval()


def detach_head(model: Any) -> nn.Linear | None:
    """Take off the last linear layer, so that `model(…).logits` becomes that layer's input.

    Works for any architecture whose logits are this layer of something, which is tried on a few tokens. Otherwise the
    model stays as it was and None is returned.
    """
    head = model.get_output_embeddings()
    name = next((name for name, module in model.named_modules() if module is head), None)
    if not isinstance(head, nn.Linear) or name is None:
        return None
    with torch.inference_mode():
        tokens = torch.arange(8, device=head.weight.device)[None] % model.config.vocab_size
        expected = model(input_ids=tokens).logits
        model.set_submodule(name, nn.Identity())
        hidden = model(input_ids=tokens).logits
        if hidden.shape[-1] == head.in_features and torch.allclose(head(hidden), expected, rtol=1e-4, atol=1e-4):
            return head
    model.set_submodule(name, head)
    return None


def halve_linear_layers(model: nn.Module, dtype: torch.dtype) -> None:
    """Keep the weights of linear layers in `dtype`, as autocast would otherwise make them anew at every call."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.weight = nn.Parameter(module.weight.to(dtype), requires_grad=False)
            if module.bias is not None:
                module.bias = nn.Parameter(module.bias.to(dtype), requires_grad=False)


def _some(keys: list[str], most: int = 4) -> str:
    return ", ".join(keys[:most]) + (f" and {len(keys) - most} more" if len(keys) > most else "")


@contextmanager
def _quiet() -> Iterator[None]:
    """Hush transformers' progress bar and load report: what matters of them is raised."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
