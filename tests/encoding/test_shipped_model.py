"""The models that come with lsr: whole, small, and as they were trained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lsr import SparseEncoder
from lsr.encoding.catalogue import DEFAULT_MODEL, packaged_model


@pytest.mark.parametrize(("name", "most"), [(DEFAULT_MODEL, 10_000_000), ("lsr-doc-small", 48_000_000)])
def test_it_is_there_and_small(name: str, most: int) -> None:
    model = packaged_model(name)
    assert model is not None and model.installed and model.path is not None
    assert sum(file.stat().st_size for file in model.path.rglob("*") if file.is_file()) <= most
    card = (model.path / "README.md").read_text(encoding="utf-8")
    assert all(word in card for word in ("Lineage", "Licence", "seed", "Data"))


def test_the_smallest_is_the_default() -> None:
    assert DEFAULT_MODEL == "lsr-doc-tiny" == SparseEncoder.load(queries_only=True).name


@pytest.mark.parametrize("name", ["lsr-doc-tiny", "lsr-doc-small"])
def test_it_encodes_as_it_was_trained(name: str) -> None:
    """Weights read off when the model was made."""
    encoder = SparseEncoder.load(name, max_length=256, dtype="float32")
    assert encoder.inference_free and encoder.query_idf == 0.75
    [document] = encoder.decode(encoder.encode_documents(["A glacier is a body of dense ice."]), top_k=4)
    assert [(term, pytest.approx(weight, abs=2e-3)) for term, weight in document] == DOCUMENT[name]
    [query] = encoder.decode(encoder.encode_queries(["the ice of the ice age"]))
    assert [(term, pytest.approx(weight, rel=1e-5)) for term, weight in query] == QUERY


@pytest.mark.process
def test_queries_need_no_torch() -> None:
    code = (
        "import sys; from lsr import SparseEncoder; "
        "print(len(SparseEncoder.load(queries_only=True).encode_queries(['ice']).indices), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, cwd=Path.home())
    assert done.stdout.split() == ["1", "False"]


DOCUMENT = {
    "lsr-doc-tiny": [("glacier", 3.8057), ("ice", 3.1903), ("dense", 3.0568), ("body", 2.7461)],
    "lsr-doc-small": [("body", 2.8102), ("dense", 2.7976), ("glacier", 2.7884), ("ice", 2.7658)],
}
QUERY = [("ice", 3.749408), ("age", 1.150109)]
