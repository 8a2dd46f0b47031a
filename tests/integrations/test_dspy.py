"""DSPy's retriever, in a program of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("dspy", reason="needs dspy")

import dspy

from lsr import Collection, Document
from lsr.integrations.dspy import LsrRetriever

DOCUMENTS = [Document("owl", "hunts at night", "The owl", {"year": 2020}), Document("tern", "Terns migrate at night.")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Collection.create(tmp_path / "birds", model="bm25") as collection:
        collection.add(DOCUMENTS)
    return tmp_path / "birds"


def test_passages_ids_and_scores(folder: Path) -> None:
    found = LsrRetriever(folder)("owl at night")
    assert found.passages == ["The owl hunts at night", "Terns migrate at night."]
    assert found.ids == ["owl", "tern"] and found.scores[0] > found.scores[1] > 0
    assert LsrRetriever(folder, k=1)("night owl").ids == ["owl"]
    assert LsrRetriever(folder)("night owl", k=1).ids == ["owl"]
    assert LsrRetriever(folder, filter="year = 2020")("night").ids == ["owl"]
    assert LsrRetriever(folder, how={"min_score": 1e6})("night").passages == []


def test_in_a_program(folder: Path) -> None:
    class Program(dspy.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.retrieve = LsrRetriever(folder, k=1)

        def forward(self, question: str) -> Any:
            return dspy.Prediction(context=self.retrieve(question).passages)

    assert Program()(question="what migrates").context == ["Terns migrate at night."]
