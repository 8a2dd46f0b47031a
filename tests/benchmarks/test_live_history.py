"""That the comparison of histories compares what it says, and notices a difference."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import live_history
from live_history import PLANS, Life

GOLDEN = Path(__file__).parents[1] / "golden" / "encoders"
WORDS = ["wing", "lift", "drag", "wake", "shock", "nose", "tail", "jet", "fin", "spar"]


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    """30 documents of few words, and a question about every third."""
    folder = tmp_path / "wings"
    (folder / "qrels").mkdir(parents=True)
    random = np.random.default_rng(5)
    texts = [" ".join(random.choice(WORDS, 6)) for _ in range(30)]
    lines = [json.dumps({"_id": f"d{i}", "title": "", "text": text}) for i, text in enumerate(texts)]
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    asked = [json.dumps({"_id": f"q{i}", "text": texts[i].split()[0]}) for i in range(0, 30, 3)]
    (folder / "queries.jsonl").write_text("\n".join(asked) + "\n")
    judged = [f"q{i}\td{i}\t1" for i in range(0, 30, 3)]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(judged) + "\n")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, output: Path) -> tuple[int, Any]:
    """The exit code, and what was found."""
    models = ["--model", GOLDEN / "splade" / "model", "--dense", GOLDEN / "dense" / "model"]
    arguments = [folder, *models, "--operations", "120", "--restarts", "4", "--memory", "12", "--output", output]
    monkeypatch.setattr("sys.argv", ["live_history.py", *map(str, arguments)])
    code = live_history.main("live_history", "", live_history.options, live_history.run)
    (values,) = json.loads((output / "live_history.json").read_text())["values"]
    return code, values


def test_one_go_and_a_life_answer_alike(beir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, found = run(monkeypatch, beir, tmp_path / "results")
    assert (code, found["differences"], found["documents"], found["queries"]) == (0, 0, 30, 10)
    assert found["compared"] == 2 * 2 * 10
    done = found["operations"]
    assert done["restarts"] == 4 and done["to end alike"] > 0
    assert done["adds"] - done["deletions"] == 30 and done["replacements"] > 0
    assert found["lived"]["segments"] > 1 or found["lived"]["rows deleted"] > 0
    assert set(found["ndcg@10"]["lived"]) == set(PLANS) and found["ndcg@10"]["lived"]["exact"] > 0


def test_a_document_of_another_text_is_a_difference(
    beir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle(self: Life) -> None:
        once(self)
        self._put("d0", "d1")

    once = Life._settle
    monkeypatch.setattr(Life, "_settle", settle)
    code, found = run(monkeypatch, beir, tmp_path)
    assert code == 1 and found["differences"] > 2
