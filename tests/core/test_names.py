"""What `import lsr` offers, and that it costs nothing."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import lsr

PACKAGES = ["lsr", "lsr.index", "lsr.text", "lsr.vectors", "lsr.training.run"]


def test_what_a_user_would_import() -> None:
    from lsr import DenseEncoder, Index, IndexBuilder, Retriever, SparseEncoder, SparseVectors, open_corpus

    assert Index is importlib.import_module("lsr.index").Index
    assert all(callable(each) for each in (DenseEncoder, IndexBuilder, Retriever, SparseEncoder, SparseVectors))
    assert open_corpus is importlib.import_module("lsr.text").open_corpus
    with pytest.raises(AttributeError, match="module 'lsr' has no attribute 'Nothing'"):
        _ = lsr.Nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", PACKAGES)
def test_names_are_listed_before_they_are_loaded(name: str) -> None:
    code = f"import {name} as package, sys; print(*dir(package)); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    listed, loaded = (set(line.split()) for line in done.stdout.splitlines())
    package = importlib.import_module(name)
    assert set(package.__all__) <= listed
    assert not {"torch", "transformers", "numba", "pyarrow"} & loaded
    assert name != "lsr" or "numpy" not in loaded
    assert all(hasattr(package, each) for each in package.__all__)
