"""A training run: `train` makes an encoder in a folder from a configuration, through any number of interruptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsr.training.run.run import train

__all__ = ["train"]


def __getattr__(name: str) -> Any:
    # Imported on first use: torch and transformers take seconds.
    if name == "train":
        from lsr.training.run.run import train

        return train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
