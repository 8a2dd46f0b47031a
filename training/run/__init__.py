"""A training run: `train` takes a configuration to an encoder in a folder, over any number of interruptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsr.training.run.run import train

__all__ = ["train"]


def __getattr__(name: str) -> Any:
    # Imported when it is used: torch and transformers take seconds.
    if name == "train":
        from lsr.training.run.run import train

        return train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
