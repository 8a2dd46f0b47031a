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

from lsr import Document, Query
from lsr.build.corpus import index_corpus
from lsr.core.errors import InputError
from lsr.encoding.lexical.alone import WordsAlone
from lsr.eval.measures.metrics import score_run
from lsr.eval.runs import Ranking
from lsr.index import IndexSettings
from lsr.integrations.mteb import LsrSearch, LsrSearchIndex
from lsr.search.retriever import Retriever

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


def ranked(retriever: Retriever, text: str) -> tuple[list[str], np.ndarray]:
    hits = retriever.search(text, 100).hits
    return [hit.id for hit in hits], np.array([hit.score for hit in hits])


def test_its_evaluation_is_ours(tmp_path: Path) -> None:
    model = LsrSearch("bm25", folder=tmp_path / "theirs")
    assert isinstance(model, SearchProtocol)
    theirs = scores(model, Birds())
    retriever = Retriever(
        index_corpus(DOCUMENTS, tmp_path / "ours", WordsAlone(), settings=IndexSettings(weight_bits=24))
    )
    run = {query.id: Ranking(*ranked(retriever, query.text)) for query in QUERIES}
    means = score_run(run, QRELS, [*MEASURES.values()]).means()
    means = {name: means[measure] for name, measure in MEASURES.items()}
    assert {name: theirs[name] for name in MEASURES} == pytest.approx(means, abs=1e-5)
    assert 0.3 < theirs["ndcg_at_10"] < 0.95
    assert model.mteb_model_meta.name == "lsr/bm25"


def test_reranking_ranks_what_is_given(tmp_path: Path) -> None:
    task = Birds()
    task.top_ranked = {"q1": ["tern", "owl"], "q2": ["stork", "tern"], "q3": ["tern", "owl", "night"]}
    model = LsrSearch("bm25", folder=tmp_path)
    assert scores(model, task)["ndcg_at_10"] > 0.5
    queries = Dataset.from_list([{"id": "q1", "text": "birds of the night"}])
    found = model.search(queries, top_k=2, top_ranked={"q1": ["tern", "owl", "stork"]})
    assert list(found["q1"]) == ["owl", "tern"] and found["q1"]["owl"] > found["q1"]["tern"] == 0
    assert len([*tmp_path.iterdir()]) == 1  # the index of the task before is gone
    with pytest.raises(InputError, match="first"):
        LsrSearch("bm25").search(queries, top_k=2)
    with pytest.raises(InputError, match="not id, image"):
        model.index(Dataset.from_list([{"id": "a", "image": "b"}]))


class Letters:
    """An encoder of texts by their letters, as torch tensors in COO form, as sparse encoders of MTEB give them."""

    mteb_model_meta = ModelMeta.create_empty(overwrites={"name": "test/letters", "revision": "1"})

    def __init__(self, sparse: bool) -> None:
        self.sparse = sparse

    def encode(self, inputs: Any, **_: Any) -> torch.Tensor:
        rows = [
            [text.lower().count(chr(97 + letter)) for letter in range(26)] for batch in inputs for text in batch["text"]
        ]
        made = torch.tensor(rows, dtype=torch.float32)
        return made.to_sparse() if self.sparse else made

    def similarity(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return first.to_dense() @ second.to_dense().T

    def similarity_pairwise(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return (first.to_dense() * second.to_dense()).sum(1)


@pytest.mark.parametrize("top_ranked", [None, {"q1": ["tern", "owl"], "q2": ["stork"], "q3": ["night", "owl", "tern"]}])
def test_an_index_stands_in_for_brute_force(top_ranked: dict[str, list[str]] | None) -> None:
    task = Birds()
    task.top_ranked = top_ranked
    encoder = Letters(sparse=top_ranked is None)  # MTEB itself re-ranks dense tensors alone
    with_ours = scores(SearchEncoderWrapper(encoder, index_backend=LsrSearchIndex()), task)
    task.data_loaded = False
    without = scores(SearchEncoderWrapper(encoder), task)
    for name in MEASURES:
        assert with_ours[name] == pytest.approx(without[name]), name


def test_an_index_of_arrays() -> None:
    index = LsrSearchIndex()
    dense = np.array([[0.0, 1, 2], [3, 0, 0], [0, 0, 1]], np.float32)
    index.add_documents(dense[:2], ["a", "b"])
    index.add_documents(scipy.sparse.csr_array(dense[2:]), ["c"])
    assert index.search(np.array([[0.0, 0, 1], [0, 1, 0]], np.float32), 2) == (
        [pytest.approx([2, 1], rel=0.01), pytest.approx([1], rel=0.01)],
        [[0, 2], [0]],
    )
    given = {"top_ranked": {"q": ["c", "a"]}, "query_idx_to_id": {0: "q"}}
    assert index.search(np.array([[0.0, 0, 1]], np.float32), 5, **given)[1] == [[1, 0]]  # type: ignore[arg-type]
    with pytest.raises(InputError, match="query_idx_to_id"):
        index.search(dense, 1, top_ranked={})
    index.clear()
    with pytest.raises(InputError, match="add documents first"):
        index.search(dense, 1)
