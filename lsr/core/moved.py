"""Modules that have moved: old names keep working, with a DeprecationWarning that gives the new one."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

MOVED = {
    "lsr.ciff": "lsr.vectors.ciff",
    "lsr.documents": "lsr.core.documents",
    "lsr.encoder": "lsr.encoding.sparse.encoder",
    "lsr.errors": "lsr.core.errors",
    "lsr.models": "lsr.encoding.catalogue",
    "lsr.pipeline": "lsr.build.corpus",
    "lsr.pruning": "lsr.vectors.pruning",
    "lsr.retriever": "lsr.search.retriever",
    "lsr.vector_files": "lsr.vectors.files",
    "lsr.vector_pruning": "lsr.vectors.prune_file",
    "lsr.vocabulary": "lsr.core.vocabulary",
    "lsr.windows": "lsr.text.windows",
}
"""Old name: new name. Kept until the release that docs/stability.md names."""


# Neither derives from the base classes of `importlib.abc`: they take longer to load than the rest of `import lsr`.
class _Finder:
    """Finds modules under their old names. Consulted last, when no other finder knows a module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, cast(Any, _Alias())) if fullname in MOVED else None


class _Alias:
    """Registers the new module under the old name as well, so that both give the same classes."""

    def create_module(self, spec: ModuleSpec) -> None:
        """None: Python then makes an empty module, which `exec_module` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        warnings.warn(f"{old} is now {MOVED[old]}", DeprecationWarning, stacklevel=2)
        sys.modules[old] = import_module(MOVED[old])


def install() -> None:
    """Make the old names importable."""
    sys.meta_path.append(_Finder())
