"""Old names of modules."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from lsr.core.moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_gives_the_module_of_the_new_one(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f"^{old} is now {MOVED[old]}$"):
        module = import_module(old)
    assert module is import_module(MOVED[old])


def test_other_names_are_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"lsr\.nothing"):
        import_module("lsr.nothing")


@pytest.mark.process
def test_importing_lsr_loads_nothing_that_takes_time() -> None:
    """Without the site's own finders, which load some of it themselves."""
    root = Path(__file__).parents[2]
    script = f"import sys; sys.path.insert(0, {str(root)!r}); import lsr; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True).stdout
    assert "lsr.core.moved" in loaded.split()
    assert not {"importlib.abc", "importlib.metadata", "numpy", "typing_extensions"} & set(loaded.split())
