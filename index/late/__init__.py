"""Late interaction: the documents' token vectors, quantised, and MaxSim over them. Never imports torch.

Write with `LateWriter`, open with `LateVectors.open`; the manifest keeps the `LateRecord`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsr.index.late.record import LateRecord
    from lsr.index.late.vectors import LateVectors
    from lsr.index.late.writer import LateWriter

# Resolved on first use, so that reading a manifest does not load Numba.
_HOMES = {
    "LateRecord": "lsr.index.late.record",
    "LateVectors": "lsr.index.late.vectors",
    "LateWriter": "lsr.index.late.writer",
}

__all__ = ["LateRecord", "LateVectors", "LateWriter"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
