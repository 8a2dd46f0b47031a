"""How the answers of engines are compared, and that ours are those of bm25s."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from lexical import Corpus, build_bm25s, measure_lsr, overlap, parity

from lsr.encoding.lexical.analysis import Analyser

# The true hits: rows 5 and 6 tie for the second and last place, k being 2.
TRUTH = [([4, 5, 6, 7], [3.0, 2.0, 2.0, 1.0])]


@pytest.mark.parametrize(
    ("rows", "scores", "share", "hits", "off"),
    [
        ([4, 5], [3.0, 2.0], 1.0, 0, 0),
        ([4, 6], [3.0, 2.0], 1.0, 0, 0),  # the other of those that tie
        ([5, 4], [3.0, 2.0], 1.0, 1, 0),  # in another order
        ([4, 7], [3.0, 2.0], 0.5, 1, 0),
        ([4, 5], [3.0, 2.1], 1.0, 0, 1),
        ([4], [3.0], 0.5, 1, 1),
    ],
)
def test_hits_are_compared_up_to_ties(rows: list[int], scores: list[float], share: float, hits: int, off: int) -> None:
    answers = [(rows, scores)]
    assert overlap(answers, TRUTH, 2) == share
    found = parity(answers, TRUTH, 2)
    assert (found["hits_differ"], found["scores_differ"]) == (hits, off)


def test_a_query_without_hits_is_answered_by_none() -> None:
    assert overlap([([], [])], [([], [])], 2) == 1.0
    assert parity([([], [])], [([], [])], 2)["hits_differ"] == 0


def test_our_hits_are_those_of_bm25s(tmp_path: Path) -> None:
    texts = ["wing lift drag", "wing wing shock", "drag of a long tail", "lift and drag and lift", "nose"]
    lines = [json.dumps({"_id": f"d{i}", "title": "", "text": text}) for i, text in enumerate(texts)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    asked = [
        json.dumps({"_id": f"q{i}", "text": text}) for i, text in enumerate(["wing lift", "drag", "tail tail", "zz"])
    ]
    (tmp_path / "queries.jsonl").write_text("\n".join(asked) + "\n")
    corpus = Corpus(argparse.Namespace(folder=tmp_path, documents=None, queries=None))
    _, bm25s = build_bm25s(corpus, tmp_path / "bm25s", Analyser("english").words)
    truth = [bm25s.answer(bm25s.search(bm25s.prepare(text), 5)) for text in corpus.queries()]
    rows = measure_lsr(corpus, tmp_path, 24, 3, rounds=1)["rows"]
    found = parity(rows["lsr exact, 24 bits"]["answers"], truth, 3)
    assert (found["queries"], found["hits_differ"], found["scores_differ"]) == (4, 0, 0)
