"""Measures in the course of training: what `lsr eval` would have said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lsr import SparseEncoder
from lsr.core.errors import InputError
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.eval import EvaluationSettings, evaluate, load_collection, open_or_index
from lsr.training.config import DevelopmentConfig, TrainingConfig
from lsr.training.data import TrainingSet
from lsr.training.run import train
from lsr.training.run.development import Development
from lsr.training.run.log import read_log


@pytest.fixture
def collection(tiny_set: Path, tmp_path: Path) -> Path:
    """The tiny set's texts and queries as a BEIR folder."""
    made, folder = TrainingSet.open(tiny_set), tmp_path / "collection"
    (folder / "qrels").mkdir(parents=True)
    texts = [{"_id": made.texts.id(row), "text": made.texts[row]} for row in range(len(made.texts))]
    queries = [{"_id": made[i].query_id, "text": made[i].query} for i in range(len(made))]
    for name, lines in (("corpus", texts), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    pairs = [f"{made[i].query_id}\t{made.texts.id(made[i].positives[0])}\t1" for i in range(len(made))]
    (folder / "qrels" / "dev.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *pairs]) + "\n")
    return folder


def test_the_log_says_what_lsr_eval_says(recipe: dict[str, Any], collection: Path, tmp_path: Path) -> None:
    development = {"source": str(collection), "split": "dev"}
    run = recipe["run"] | {"steps": 4, "evaluate_every": 2}
    model = train(
        TrainingConfig.from_record(recipe | {"development": development, "run": run}, "test"), tmp_path / "run"
    )
    found = [line for line in read_log(tmp_path / "run" / "log.jsonl") if "eval_ndcg@10" in line]
    assert [line["step"] for line in found] == [2, 4]
    loaded = load_collection(collection, "dev")
    retriever = open_or_index(loaded, tmp_path / "index", SparseEncoder.load(model))
    report = evaluate(loaded, retriever, EvaluationSettings(bm25=False)).report
    assert report.index is not None
    assert found[-1]["eval_ndcg@10"] == pytest.approx(report.metrics["ndcg@10"], abs=1e-9)
    assert found[-1]["eval_document_terms"] == pytest.approx(report.index["active_terms"]["documents"])
    assert found[-1]["eval_flops"] == pytest.approx(report.index["flops"])
    assert not list((tmp_path / "run" / "development").iterdir())


def test_words_count_where_the_run_has_them(recipe: dict[str, Any], collection: Path, tmp_path: Path) -> None:
    """nDCG@10 is that of an index with words; terms are the model's."""
    changes = {"development": {"source": str(collection), "split": "dev"}, "words": {"weight": 0.5}}
    run = recipe["run"] | {"steps": 4, "evaluate_every": 4}
    model = train(TrainingConfig.from_record(recipe | changes | {"run": run}, "test"), tmp_path / "run")
    [found] = [line for line in read_log(tmp_path / "run" / "log.jsonl") if "eval_ndcg@10" in line]
    loaded, encoder = load_collection(collection, "dev"), SparseEncoder.load(model)
    reached = {}
    for name, lexical in (("words", LexicalSettings(weight=0.5)), ("alone", None)):
        retriever = open_or_index(loaded, tmp_path / name, encoder, lexical=lexical)
        report = evaluate(loaded, retriever, EvaluationSettings(bm25=False)).report
        reached[name] = report.metrics["ndcg@10"]
    assert found["eval_ndcg@10"] == pytest.approx(reached["words"], abs=1e-9)
    assert reached["words"] > reached["alone"]
    assert report.index is not None
    assert found["eval_document_terms"] == pytest.approx(report.index["active_terms"]["documents"])


def test_limits_keep_what_is_relevant(collection: Path, tmp_path: Path) -> None:
    made = Development(DevelopmentConfig(source=str(collection), documents=9, queries=5), tmp_path)
    relevant = {id for judged in made.qrels.values() for id in judged}
    assert len(made.queries) == 5 and len(made.documents) == 9
    assert relevant <= {document.id for document in made.documents}
    with pytest.raises(InputError, match="split"):
        Development(DevelopmentConfig(source=str(collection), split="test"), tmp_path)
