"""The index: building, opening, searching. Never imports torch.

Build with `IndexBuilder`, open with `Index.open`, check a folder with `verify`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsr.index.builder import IndexBuilder
    from lsr.index.dense.settings import DenseSettings
    from lsr.index.dense.writing import add_dense
    from lsr.index.hits import Hits, SearchStats
    from lsr.index.late.record import LateRecord
    from lsr.index.late.vectors import LateVectors
    from lsr.index.late.writer import LateWriter
    from lsr.index.manifest import FORMAT_VERSION, Manifest
    from lsr.index.output import check_index_output
    from lsr.index.pruning import prune_index
    from lsr.index.reader import Index
    from lsr.index.settings import BmpSettings, IndexSettings, SeismicSettings
    from lsr.index.tuning import Tuning, parameter_grid
    from lsr.index.upgrade import Upgrade, upgrade_index
    from lsr.index.verification import verify

# Resolved on first use, so that `import lsr.index` does not load Numba and Arrow.
_HOMES = {
    "BmpSettings": "lsr.index.settings",
    "DenseSettings": "lsr.index.dense.settings",
    "FORMAT_VERSION": "lsr.index.manifest",
    "Hits": "lsr.index.hits",
    "Index": "lsr.index.reader",
    "IndexBuilder": "lsr.index.builder",
    "IndexSettings": "lsr.index.settings",
    "LateRecord": "lsr.index.late.record",
    "LateVectors": "lsr.index.late.vectors",
    "LateWriter": "lsr.index.late.writer",
    "Manifest": "lsr.index.manifest",
    "SearchStats": "lsr.index.hits",
    "SeismicSettings": "lsr.index.settings",
    "Tuning": "lsr.index.tuning",
    "Upgrade": "lsr.index.upgrade",
    "add_dense": "lsr.index.dense.writing",
    "check_index_output": "lsr.index.output",
    "parameter_grid": "lsr.index.tuning",
    "prune_index": "lsr.index.pruning",
    "upgrade_index": "lsr.index.upgrade",
    "verify": "lsr.index.verification",
}

__all__ = [
    "FORMAT_VERSION",
    "BmpSettings",
    "DenseSettings",
    "Hits",
    "Index",
    "IndexBuilder",
    "IndexSettings",
    "LateRecord",
    "LateVectors",
    "LateWriter",
    "Manifest",
    "SearchStats",
    "SeismicSettings",
    "Tuning",
    "Upgrade",
    "add_dense",
    "check_index_output",
    "parameter_grid",
    "prune_index",
    "upgrade_index",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lsr.index' has no attribute {name!r}")
