"""The index: building, opening, searching. Never imports torch.

Build with `IndexBuilder`, open with `Index.open`, check a folder with `verify`, and repair it with `repair`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsr.index.build.builder import IndexBuilder
    from lsr.index.build.dense import add_dense
    from lsr.index.build.prune import prune_index
    from lsr.index.collection.repair.repair import repair
    from lsr.index.engines.hits import Hits, SearchStats
    from lsr.index.engines.tuning import Tuning, parameter_grid
    from lsr.index.format.manifest import FORMAT_VERSION, Manifest
    from lsr.index.format.output import check_index_output
    from lsr.index.format.settings import BmpSettings, IndexSettings, SeismicSettings
    from lsr.index.live.snapshot import Index
    from lsr.index.live.tunings import store_tuning
    from lsr.index.live.upgrade import Upgrade, upgrade_index
    from lsr.index.live.verification import verify
    from lsr.index.parts.dense.settings import DenseSettings
    from lsr.index.parts.late.record import LateRecord
    from lsr.index.parts.late.vectors import LateVectors
    from lsr.index.parts.late.writer import LateWriter
    from lsr.index.parts.registry import PARTS

# Resolved on first use, so that `import lsr.index` does not load Numba and Arrow.
_HOMES = {
    "BmpSettings": "lsr.index.format.settings",
    "DenseSettings": "lsr.index.parts.dense.settings",
    "FORMAT_VERSION": "lsr.index.format.manifest",
    "Hits": "lsr.index.engines.hits",
    "Index": "lsr.index.live.snapshot",
    "IndexBuilder": "lsr.index.build.builder",
    "IndexSettings": "lsr.index.format.settings",
    "LateRecord": "lsr.index.parts.late.record",
    "LateVectors": "lsr.index.parts.late.vectors",
    "LateWriter": "lsr.index.parts.late.writer",
    "Manifest": "lsr.index.format.manifest",
    "PARTS": "lsr.index.parts.registry",
    "SearchStats": "lsr.index.engines.hits",
    "SeismicSettings": "lsr.index.format.settings",
    "Tuning": "lsr.index.engines.tuning",
    "Upgrade": "lsr.index.live.upgrade",
    "add_dense": "lsr.index.build.dense",
    "check_index_output": "lsr.index.format.output",
    "parameter_grid": "lsr.index.engines.tuning",
    "prune_index": "lsr.index.build.prune",
    "repair": "lsr.index.collection.repair.repair",
    "store_tuning": "lsr.index.live.tunings",
    "upgrade_index": "lsr.index.live.upgrade",
    "verify": "lsr.index.live.verification",
}

__all__ = [
    "FORMAT_VERSION",
    "PARTS",
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
    "repair",
    "store_tuning",
    "upgrade_index",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lsr.index' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
