"""The engine of lsr-benchmark on a data set and vectors in folders, beside brute force."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lsr_benchmark", reason="needs lsr-benchmark")

from click.testing import CliRunner

from lsr.core.errors import OutputExistsError
from lsr.eval.runs import read_run
from lsr.integrations.lsr_benchmark import main, retrieve


def write_vectors(folder: Path, kind: str, prefix: str, matrix: np.ndarray) -> None:
    (folder / kind).mkdir(parents=True)
    rows, columns = np.nonzero(matrix)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(matrix)))])
    tokens = np.array([f"term{column}" for column in columns])
    np.savez(folder / kind / f"{kind}-embeddings.npz", data=matrix[rows, columns], indices=tokens, indptr=indptr)
    ids = "\n".join(f"{prefix}{number}" for number in range(len(matrix)))
    (folder / kind / f"{kind}-ids.txt").write_text(ids, encoding="utf-8")


def test_the_run_is_that_of_brute_force(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    documents, queries = (
        (generator.random((rows, 40)) * (generator.random((rows, 40)) < 0.3)).astype(np.float32) for rows in (60, 5)
    )
    dataset, vectors = tmp_path / "tiny", tmp_path / "vectors"
    dataset.mkdir()
    lines = [json.dumps({"qid": f"q{number}", "query": "text"}) for number in range(5)]
    (dataset / "queries.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with gzip.open(dataset / "corpus.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"doc_id": "d0", "segments": [], "default_text": "text"}) + "\n")
    write_vectors(vectors, "doc", "d", documents)
    write_vectors(vectors, "query", "q", queries)
    run = read_run(retrieve(str(dataset), str(vectors), tmp_path / "out", k=10))
    products = queries @ documents.T
    for number, row in enumerate(products):
        best = np.argsort(-row, kind="stable")[:10]
        assert run[f"q{number}"].ids == [f"d{each}" for each in best]
        np.testing.assert_allclose(run[f"q{number}"].scores, row[best], rtol=1e-5)
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"run.txt", "index-metadata.yml", "retrieval-metadata.yml"} <= made
    assert "tag: lsr" in (tmp_path / "out" / "retrieval-metadata.yml").read_text(encoding="utf-8")
    with pytest.raises(OutputExistsError):
        retrieve(str(dataset), str(vectors), tmp_path / "out")
    given = ["--dataset", str(dataset), "--embedding", str(vectors), "--output", str(tmp_path / "again"), "--k", "3"]
    assert CliRunner().invoke(main, given, catch_exceptions=False).exit_code == 0
    assert len(read_run(tmp_path / "again" / "run.txt")["q0"]) == 3
