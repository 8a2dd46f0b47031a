"""What has moved: old names go on working, with a DeprecationWarning that says the new one."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

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


class _Finder(MetaPathFinder):
    """Asked last, when nothing else knows a module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, _Alias()) if fullname in MOVED else None


class _Alias(Loader):
    """Puts the module of the new name under the old one, so that both give the same classes."""

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        warnings.warn(f"{old} is now {MOVED[old]}", DeprecationWarning, stacklevel=2)
        sys.modules[old] = import_module(MOVED[old])


def install() -> None:
    """Make the old names importable."""
    sys.meta_path.append(_Finder())


def renamed_names(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a module that exported these names: old name → "MODULE:NAME", where it is now."""

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, new = names[name].partition(":")
        warnings.warn(f"{module}.{name} is now {home}.{new}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(home), new)

    return find


def renamed_method(old: str, new: str) -> Callable[..., Any]:
    """A method under its old name, which messages give with its class."""

    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        warnings.warn(f"{old} is now {new}", DeprecationWarning, stacklevel=2)
        return getattr(self, new)(*arguments, **options)

    call.__doc__ = f"Deprecated: use `{new}`."
    return call
