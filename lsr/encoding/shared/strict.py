"""Load a transformer strictly: anything missing in its files is an error, never random weights."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lsr.core.errors import ModelError
from lsr.encoding.shared.alone import LOADING, one_at_a_time
from lsr.encoding.shared.architecture import check_architecture
from lsr.encoding.shared.folder import read_json
from lsr.encoding.shared.trust import NO_CODE


@one_at_a_time
def load_strictly(auto: str, folder: Path, *, unused: str = r"(?!)") -> Any:
    """Load the folder's model in float32, in evaluation mode.

    `auto` names the class of transformers that loads it, such as "AutoModel". `unused` is a regular expression of the
    names of weights that the caller has no use for. ModelError names every other weight that is missing, of another
    shape, of a layer too many or not finite.
    """
    import transformers

    check_architecture(folder, read_json(folder / "config.json"))
    with quiet():
        try:
            model, info = getattr(transformers, auto).from_pretrained(
                folder,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # reported below with the rest
                weights_only=True,
                **NO_CODE,
            )
        except Exception as error:  # anything that transformers, safetensors or pickle find wrong with the files
            raise ModelError(f"{folder} cannot be loaded by transformers' {auto}: {error}") from error
    wrong = {
        "missing": sorted(info["missing_keys"]),
        "of another shape": sorted(str(key) for key, *_ in info["mismatched_keys"]),
        "left over": sorted(name for name in info["unexpected_keys"] if _OF_A_LAYER.search(name)),
        "not finite": sorted(name for name, weight in model.state_dict().items() if not all_finite(weight)),
    }
    found = {what: [name for name in names if not re.search(unused, name)] for what, names in wrong.items()}
    if problems := "; ".join(f"{what}: {some(names)}" for what, names in found.items() if names):
        raise ModelError(f"the weights in {folder} do not fit a {type(model).__name__}: {problems}")
    return model.eval()


def read_tensors(file: Path, names: Collection[str] | None = None) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors file in float32, only those with these names if given.

    ModelError if it cannot be read, lacks one, or contains numbers that are not finite.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as tensors:
            wanted = tensors.keys() if names is None else names
            stored = {name: tensors.get_tensor(name).float() for name in wanted}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file} cannot be read: {error}") from None
    if broken := [name for name, tensor in stored.items() if not all_finite(tensor)]:
        raise ModelError(f"{file} has numbers that are not finite: {broken[0]}")
    return stored


def all_finite(weights: torch.Tensor) -> bool:
    """Whether all are numbers, neither infinite nor NaN."""
    # A sum takes a quarter of the time, and is finite only where all of them are; it may overflow where all are.
    return bool(weights.sum().isfinite()) or bool(weights.isfinite().all())


# A layer that the configuration has no place for; heads for other tasks may be left over.
_OF_A_LAYER = re.compile(r"(^|\.)(layers?|h|blocks?)\.\d+\.(?!.*(inv_freq|position_ids|masked_bias|attn\.bias)$)")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' progress bar and load report: what matters in them is raised. For one thread at a time."""
    with LOADING:
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


def some(names: list[str], most: int = 4) -> str:
    """The first few of these names, for a message."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
