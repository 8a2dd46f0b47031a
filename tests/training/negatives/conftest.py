"""A training set over a small corpus, with texts that must not become negatives."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsr.training.data import TrainingSet, TrainingSetWriter

TEXTS = {
    "d0": "alpha beta gamma",
    "d1": "alpha beta",
    "d2": "Alpha  BETA gamma",  # d0 but for case and white space
    "d3": "alpha delta",
    "d4": "beta epsilon alpha",
    "d5": "alpha beta question",  # the first query's text
    "d6": "alpha delta",  # d3's text again
    "d7": "zeta eta",
    "d8": "zeta eta theta",
    "d9": "alpha zeta",
}


@pytest.fixture
def corpus_set(tmp_path: Path) -> TrainingSet:
    """Queries q0 (twice, with different positives and a negative of its own) and q1."""
    with TrainingSetWriter(tmp_path / "set", about={"source": "made"}) as writer:
        rows = [writer.add_text(id, text) for id, text in TEXTS.items()]
        writer.add("q0", "alpha beta question", [rows[0]], [rows[7]])
        writer.add("q1", "zeta", [rows[8]], [])
        writer.add("q0", "alpha beta question", [rows[1]], [])
    return TrainingSet.open(tmp_path / "set")
