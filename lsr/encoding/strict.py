"""Load a transformer strictly: what its files lack is an error, never random weights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lsr.errors import ModelError


def load_strictly(auto: str, folder: Path, *, unused: str = r"(?!)") -> Any:
    """The folder's model in float32, ready to evaluate.

    `auto` names the class of transformers that loads it, such as "AutoModel". `unused` is a regular expression of the
    names of weights that the caller has no use for. ModelError names every other weight that is missing, of another
    shape or not finite.
    """
    import transformers

    with quiet():
        try:
            model, info = getattr(transformers, auto).from_pretrained(
                folder,
                dtype=torch.float32,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # reported below with the rest
            )
        except Exception as error:  # whatever transformers, safetensors or pickle find wrong with the files
            raise ModelError(f"{folder} cannot be loaded by transformers' {auto}: {error}") from error
    wrong = {
        "missing": sorted(info["missing_keys"]),
        "of another shape": sorted(str(key) for key, *_ in info["mismatched_keys"]),
        "not finite": sorted(name for name, weight in model.state_dict().items() if not weight.isfinite().all()),
    }
    found = {what: [name for name in names if not re.search(unused, name)] for what, names in wrong.items()}
    if problems := "; ".join(f"{what}: {some(names)}" for what, names in found.items() if names):
        raise ModelError(f"the weights in {folder} do not fit a {type(model).__name__}: {problems}")
    return model.eval()


@contextmanager
def quiet() -> Iterator[None]:
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


def some(names: list[str], most: int = 4) -> str:
    """The first few of them, for a message."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
