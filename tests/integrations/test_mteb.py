"""MTEB's evaluation with our search, and with our index under a sparse encoder of sentence-transformers' kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mteb", reason="needs mteb")

import mteb
import scipy.sparse
import torch
from datasets import Dataset
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models import SearchProtocol
from mteb.models.model_meta import ModelMeta
from mteb.models.search_wrappers import SearchEncoderWrapper
from places import tiny_words

from lsr import Document, Query
from lsr.build.corpus import index_corpus
from lsr.core.errors import InputError
from lsr.encoding.lexical.alone import WordsAlone
from lsr.eval.suites.evaluate import evaluate
from lsr.integrations.mteb import LsrSearch, LsrSearchIndex

DOCUMENTS = [
    Document("owl", "Owls hunt at night, and hear where a mouse is.", "The owl"),
    Document("tern", "The Arctic tern migrates from pole to pole."),
    Document("stork", "Storks migrate over land, on warm air."),
    Document("night", "Birds migrate at night by the stars."),
]
QUERIES = [Query("q1", "birds of the night"), Query("q2", "which birds migrate over land"), Query("q3", "a mouse")]
QRELS = {"q1": {"owl": 1, "night": 2}, "q2": {"stork": 1}, "q3": {"tern": 1, "owl": 1}}
MEASURES = {"ndcg_at_10": "ndcg@10", "recall_at_100": "recall@100", "map_at_100": "map@100"}


class Birds(AbsTaskRetrieval):
    """A task that needs no download."""

    metadata = TaskMetadata(
        name="Birds",
        description="Documents about birds.",
        type="Retrieval",
        category="t2t",
        modalities=["text"],
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_10",
        dataset={"path": "local", "revision": "1"},
    )
    top_ranked: dict[str, list[str]] | None = None

    def load_data(self, num_proc: int | None = None, **_: Any) -> None:
        corpus = [{"id": each.id, "title": each.title, "text": each.text} for each in DOCUMENTS]
        queries = [{"id": each.id, "text": each.text} for each in QUERIES]
        split = {
            "corpus": Dataset.from_list(corpus),
            "queries": Dataset.from_list(queries),
            "relevant_docs": {id: dict(each) for id, each in QRELS.items()},
            "top_ranked": self.top_ranked,
        }
        self.dataset = {"default": {"test": split}}  # type: ignore[dict-item]
        self.data_loaded = True


def scores(model: Any, task: AbsTaskRetrieval) -> dict[str, float]:
    found = mteb.evaluate(model, task, cache=None, co2_tracker=False, show_progress_bar=False)
    measured: dict[str, float] = found.task_results[0].scores["test"][0]
    return measured


def test_its_evaluation_is_ours(tmp_path: Path) -> None:
    model = LsrSearch("bm25", folder=tmp_path / "theirs")
    assert isinstance(model, SearchProtocol)
    theirs = scores(model, Birds())
    index_corpus(DOCUMENTS, tmp_path / "ours", WordsAlone())
    ours = evaluate(tmp_path / "ours", QUERIES, QRELS).means
    assert {name: theirs[name] for name in MEASURES} == pytest.approx({a: ours[b] for a, b in MEASURES.items()}, abs=1e-5)
    assert 0.3 < theirs["ndcg_at_10"] < 0.95
    assert model.mteb_model_meta.name == "lsr/bm25"
