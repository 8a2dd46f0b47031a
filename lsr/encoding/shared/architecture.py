"""Whether a configuration is of a model that may be loaded: of a known kind, without code, as large as its weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsr.core.errors import ModelError
from lsr.encoding.shared.alone import one_at_a_time
from lsr.encoding.shared.folder import weight_files

ADAPTER = "adapter_config.json"

# A weight takes four bits or more in a file; some numbers have no weights at all, as positions that are computed.
_PER_BYTE = 2
_SLACK = 1 << 26
_MOST_LAYERS = 10_000
_WIDTHS = ("hidden_size", "dim", "d_model", "n_embd")
_LENGTHS = ("vocab_size", "intermediate_size", "max_position_embeddings", "n_positions", "type_vocab_size", *_WIDTHS)
_HEADS = ("num_attention_heads", "n_heads", "n_head", "num_key_value_heads")
_SHARES_LAYERS = "num_hidden_groups"
_LAYERS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")


@one_at_a_time
def check_architecture(folder: Path, config: dict[str, Any]) -> None:
    """ModelError for a configuration that takes more than the folder's numbers and the installed transformers."""
    from transformers import CONFIG_MAPPING, __version__

    if (folder / ADAPTER).exists():
        raise ModelError(
            f"{folder} holds an adapter ({ADAPTER}), which names another model to be loaded: merge the two and save "
            "the whole model"
        )
    kind = config.get("model_type")
    if isinstance(kind, str) and kind not in CONFIG_MAPPING:
        if "auto_map" in config:
            raise ModelError(
                f"{folder} is a model of the type {kind!r}, which runs code that comes with it (auto_map in its "
                "config.json). lsr runs no code of a model's folder"
            )
        raise ModelError(f"{folder} is a model of the type {kind!r}, which transformers {__version__} does not know")
    for name, value in _implementations(config):
        if "/" in str(value):
            raise ModelError(
                f"{folder / 'config.json'} asks for code of the Hugging Face hub ({name}: {value!r}). lsr runs none"
            )
    _check_sizes(folder, config)


def _check_sizes(folder: Path, config: dict[str, Any]) -> None:
    """ModelError for a model far larger than its files: it would fill the memory before its weights are missed.

    So for a number of heads that cannot be one.
    """
    for file in weight_files(folder):
        # safetensors says of a file that this user may not read that there is none.
        try:
            if file.is_file():
                file.open("rb").close()
        except PermissionError as error:
            raise ModelError(f"{file} cannot be read: {error.strerror}") from error
    held = _PER_BYTE * sum(file.stat().st_size for file in weight_files(folder)) + _SLACK
    sizes = {name: value for name, value in config.items() if isinstance(value, int) and not isinstance(value, bool)}
    width = max((sizes[name] for name in _WIDTHS if name in sizes), default=1)
    wrong = [name for name in _LENGTHS if not 0 <= sizes.get(name, 0) * width <= held]
    # Each layer takes tens of milliseconds to make, before it is missed; those of ALBERT share one set of weights.
    layers = _MOST_LAYERS if _SHARES_LAYERS in sizes else min(_MOST_LAYERS, _tensors(folder))
    wrong += [name for name in _LAYERS if not 0 <= sizes.get(name, 0) <= layers]
    # A width whose name is not known here bounds no heads.
    most = max(width, 1) if any(name in sizes for name in _WIDTHS) else held
    for name in _HEADS:
        if not 1 <= sizes.get(name, 1) <= most:
            raise ModelError(f"{folder / 'config.json'} says {name}: {sizes[name]:,}, which cannot be")
    padding, tokens = sizes.get("pad_token_id", 0), sizes.get("vocab_size")
    if tokens is not None and padding >= max(tokens, 1):
        raise ModelError(f"{folder / 'config.json'} says pad_token_id: {padding:,}, which is no token of the model")
    if wrong:
        raise ModelError(
            f"{folder / 'config.json'} says {wrong[0]}: {sizes[wrong[0]]:,} (and a width of {width:,}), for which the "
            "weights beside it are far too few"
        )


def _tensors(folder: Path) -> int:
    """How many tensors a folder's weights have, which no model with weights in each layer has fewer of than layers.

    `_MOST_LAYERS` where that would take reading them all, or where a file is damaged, which its reader is to say.
    """
    from safetensors import SafetensorError, safe_open

    count = 0
    for file in weight_files(folder):
        if file.suffix != ".safetensors":
            return _MOST_LAYERS
        try:
            with safe_open(file, framework="numpy") as tensors:
                count += len(tensors.keys())
        except (SafetensorError, OSError):
            return _MOST_LAYERS
    return count


def _implementations(config: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Which implementations a configuration, or one within it, asks for: transformers takes them from the hub too."""
    for name, value in config.items():
        if name.strip("_").endswith(("_implementation", "_implementation_internal")):
            yield name, value
        elif isinstance(value, dict) and depth < 8:
            yield from _implementations(value, depth + 1)
