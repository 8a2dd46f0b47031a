"""What the measurement of the IDF's prior draws, and that it measures what searching an index gives."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from lsr import SparseEncoder
from lsr.eval import EvaluationSettings, evaluate, load_collection, open_or_index

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import idf_prior
from idf_prior import judged_within, sample

WORDS = ["wing", "lift", "drag", "wake", "shock", "nose", "tail", "jet", "fin", "spar"]


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    """30 documents of ten words in uneven numbers, and a question about each but the first."""
    folder = tmp_path / "wings"
    (folder / "qrels").mkdir(parents=True)
    random = np.random.default_rng(5)
    share = np.arange(10, 0, -1) / 55
    texts = [" ".join(random.choice(WORDS, 8, p=share)) for _ in range(30)]
    lines = [json.dumps({"_id": f"d{i}", "title": "", "text": text}) for i, text in enumerate(texts)]
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    asked = [json.dumps({"_id": f"q{i}", "text": " ".join(sorted(set(texts[i].split())))}) for i in range(1, 30)]
    (folder / "queries.jsonl").write_text("\n".join(asked) + "\n")
    judged = [f"q{i}\td{(i + step) % 30}\t{grade}" for i in range(1, 30) for step, grade in ((0, 2), (7, 1), (9, 0))]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(judged) + "\n")
    return folder


def test_half_of_a_sample_is_relevant_to_questions_in_turn() -> None:
    ids = [f"d{i}" for i in range(100)]
    qrels = {
        "many": {f"d{i}": 1 for i in range(40)},
        "one": {"d50": 1, "d60": 0, "absent": 1},
        "other": {"d70": 2, "d50": 1},
    }
    relevant = {f"d{i}" for i in range(40)} | {"d50", "d70"}
    for seed in range(20):
        drawn = [ids[row] for row in sample(ids, qrels, 6, seed)]
        assert drawn == [id for id in ids if id in set(drawn)] and len(drawn) == 6
        assert len(relevant & set(drawn)) >= 3
        assert judged_within(qrels, set(drawn)).keys() >= {"many", "one"}
    assert sample(ids, qrels, 100, 0).tolist() == list(range(100))
    assert sample(ids, qrels, 6, 0).tolist() != sample(ids, qrels, 6, 1).tolist()
    assert judged_within(qrels, {"d60", "d70"}) == {"other": {"d70": 2}}


def test_the_whole_collection_ranks_as_its_index(
    beir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "results"
    arguments = [beir, "--sizes", "8", "--samples", "2", "--max-length", "32", "--output", output]
    monkeypatch.setattr("sys.argv", ["idf_prior.py", *map(str, arguments)])
    assert idf_prior.main("idf_prior", "", idf_prior.options, idf_prior.run) == 0
    text = (output / "idf_prior.md").read_text()
    assert capsys.readouterr().out == text and "| wings | 30 | 29 |" in text
    drawn, whole = json.loads((output / "idf_prior.json").read_text())["values"]
    assert (drawn["documents"], drawn["samples"], whole["samples"]) == (8, 2, 1) and whole["error"] is None
    collection = load_collection(beir)
    encoder = SparseEncoder.load("lsr-doc-tiny", max_length=32)
    found = {}
    for name, blend in {"share 0": 0.0, "share 0.5": 0.5, "constant 30": 0.75 * 30 / 60}.items():
        retriever = open_or_index(collection, tmp_path / "index", encoder, query_idf=blend)
        settings = EvaluationSettings(bm25=False, latency_queries=1)
        found[name] = evaluate(collection, retriever, settings).report.metrics["ndcg@10"]
        assert whole["ndcg@10"][name] == pytest.approx(found[name], abs=1e-9)
    assert len(set(found.values())) == 3


def test_gains_are_paired_by_sample() -> None:
    found = idf_prior.summary({"constant 0": [0.2, 0.6, 0.1], "constant 30": [0.3, 0.6, 0.4]})
    assert found["ndcg@10"]["constant 0"] == pytest.approx(0.3)
    assert found["gain"] == {"constant 0": 0, "constant 30": pytest.approx(0.4 / 3)}
    # Gains of 0.1, 0 and 0.3: squares around their mean sum to 0.14 / 3, over two, over three samples.
    assert found["error"] == {"constant 0": 0, "constant 30": pytest.approx((0.14 / 3 / 2 / 3) ** 0.5)}


def test_a_model_that_runs_for_queries_has_no_idf(
    beir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [beir, "--model", "splade-tiny", "--output", tmp_path]
    monkeypatch.setattr("sys.argv", ["idf_prior.py", *map(str, arguments)])
    assert idf_prior.main("idf_prior", "", idf_prior.options, idf_prior.run) == 2
    assert "splade-tiny does not use the collection's IDF" in capsys.readouterr().err
