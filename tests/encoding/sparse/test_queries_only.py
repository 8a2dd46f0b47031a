"""Inference-free queries: a table, no model, no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import SparseEncoder
from lsr.core.errors import ModelError


@pytest.fixture(scope="module")
def folder(make_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    bare = make_model("bert")
    (bare / "idf.json").write_text(json.dumps({f"w{i}": 1 + i / 10 for i in range(60)}))
    saved = tmp_path_factory.mktemp("queries") / "router"
    SparseEncoder.load(bare).save(saved)
    (saved / "query_0_SparseStaticEmbedding" / "tokenizer_config.json").unlink()  # tokenizer.json is enough
    return saved


@pytest.mark.process
def test_neither_torch_nor_transformers_is_imported(folder: Path) -> None:
    program = """
import json, sys
from lsr import SparseEncoder
encoder = SparseEncoder.load(sys.argv[1], queries_only=True)
vectors = encoder.encode_queries(["w1 w2 w1 what"], ["q"])
heavy = [name for name in ("torch", "transformers", "sentence_transformers", "scipy") if name in sys.modules]
print(json.dumps([heavy, encoder.dim, encoder.inference_free, encoder.decode(vectors), encoder.settings()]))
"""
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True)
    heavy, dim, inference_free, decoded, settings = json.loads(done.stdout)
    assert heavy == []
    assert (dim, inference_free) == (70, True)
    assert decoded == [[["w2", pytest.approx(1.2)], ["w1", pytest.approx(1.1)]]]
    assert settings == SparseEncoder.load(folder).settings() | {"dtype": None}


def test_the_table_is_as_wide_as_the_documents_head(folder: Path) -> None:
    encoder = SparseEncoder.load(folder)
    assert encoder.encode_queries(["w1"]).dim == encoder.encode_documents(["w1"]).dim == 70
    assert encoder.explain("w1 w2", "w1 w2 w3").score > 0


def test_documents_need_the_whole_model(folder: Path) -> None:
    encoder = SparseEncoder.load(folder, queries_only=True)
    with pytest.raises(ModelError, match="queries_only"):
        encoder.encode_documents(["w1"])
    with pytest.raises(ModelError, match="queries_only"):
        encoder.save(folder.parent / "other")


def test_queries_only_of_a_model_with_one_tower(make_model: Any) -> None:
    folder = make_model("bert")
    whole, queries = SparseEncoder.load(folder), SparseEncoder.load(folder, queries_only=True)
    expected, got = whole.encode_queries(["w1 w2"]), queries.encode_queries(["w1 w2"])
    np.testing.assert_array_equal(got.to_scipy().toarray(), expected.to_scipy().toarray())
    assert queries.settings() == whole.settings()
