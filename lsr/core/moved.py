"""Modules that have moved: old names go on working, with a DeprecationWarning that says the new one."""

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


# Neither derives from the base classes of `importlib.abc`: loading those takes longer than all else in `import lsr`.
class _Finder:
    """Asked last, when nothing else knows a module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, cast(Any, _Alias())) if fullname in MOVED else None


class _Alias:
    """Puts the module of the new name under the old one, so that both give the same classes."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Python makes the empty module that is replaced."""

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        warnings.warn(f"{old} is now {MOVED[old]}", DeprecationWarning, stacklevel=2)
        sys.modules[old] = import_module(MOVED[old])


def install() -> None:
    """Make the old names importable."""
    sys.meta_path.append(_Finder())
