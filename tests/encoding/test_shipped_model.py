"""The model that comes with lsr: whole, small, and as it was trained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lsr import SparseEncoder
from lsr.models import DEFAULT_MODEL, packaged_model


def test_it_is_the_default_and_small() -> None:
    model = packaged_model(DEFAULT_MODEL)
    assert model is not None and model.installed and model.path is not None
    assert sum(file.stat().st_size for file in model.path.rglob("*") if file.is_file()) <= 10_000_000
    card = (model.path / "README.md").read_text(encoding="utf-8")
    assert all(word in card for word in ("Lineage", "Licence", "seed", "Data"))


def test_it_encodes_as_it_was_trained() -> None:
    """Weights read off when the model was made."""
    encoder = SparseEncoder.load(max_length=256)
    assert encoder.name == "lsr-doc-tiny" and encoder.inference_free and encoder.query_idf == 0.75
    [document] = encoder.decode(encoder.encode_documents(["A glacier is a body of dense ice."]), top_k=4)
    assert [(term, pytest.approx(weight, abs=2e-3)) for term, weight in document] == DOCUMENT
    [query] = encoder.decode(encoder.encode_queries(["the ice of the ice age"]))
    assert [(term, pytest.approx(weight, rel=1e-5)) for term, weight in query] == QUERY


def test_queries_need_no_torch() -> None:
    code = (
        "import sys; from lsr import SparseEncoder; "
        "print(len(SparseEncoder.load(queries_only=True).encode_queries(['ice']).indices), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, cwd=Path.home())
    assert done.stdout.split() == ["1", "False"]


DOCUMENT = [("glacier", 3.8057), ("ice", 3.1903), ("dense", 3.0568), ("body", 2.7461)]
QUERY = [("ice", 3.749408), ("age", 1.150109)]
