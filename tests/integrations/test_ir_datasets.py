"""A folder registered with the real ir_datasets, and read again by lsr and by others."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest

pytest.importorskip("ir_datasets")

import ir_datasets
import numpy as np

from lsr import Document, Query
from lsr.core.errors import InputError
from lsr.eval.collections import load_collection
from lsr.eval.runs import read_run
from lsr.integrations.ir_datasets import register
from lsr.text import count_documents, open_corpus, open_queries
from lsr.text.beir_output import write_beir
from lsr.training.data.opening import open_training_set

DOCUMENTS = [
    Document("owl", "Owls hunt at night.", "The owl", {"year": 2020, "tags": ["a"]}),
    Document("tern", "Terns migrate."),
    Document("stork", "Storks migrate over land.", "Storks"),
]
QUERIES = [Query("q1", "birds of the night"), Query("q2", "what migrates")]
QRELS = {"q1": {"owl": 2, "tern": 0}, "q2": {"tern": 1, "stork": 1}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "home"))
    write_beir(tmp_path / "birds", DOCUMENTS, queries=QUERIES, qrels=QRELS)
    (tmp_path / "pairs.tsv").write_text("q1\towl\tstork\nq2\ttern\towl\n", encoding="utf-8")
    (tmp_path / "first.run").write_text("q1 Q0 tern 1 2.5 x\nq1 Q0 owl 2 1.5 x\nq2 Q0 owl 1 1 x\n", encoding="utf-8")
    return tmp_path / "birds"


@pytest.fixture
def name(folder: Path) -> Iterator[str]:
    """All five kinds under one name, which no other test has."""
    made = f"lsr-test-{uuid4().hex}"
    given = {"docpairs": folder.parent / "pairs.tsv", "scoreddocs": folder.parent / "first.run"}
    assert register(made, folder, **given) == [made, f"{made}/test"]
    yield made
    for each in (made, f"{made}/test"):
        del ir_datasets.registry._registered[each]


def test_ir_datasets_sees_all_five(name: str) -> None:
    dataset = ir_datasets.load(f"{name}/test")
    assert [each._asdict() for each in dataset.docs_iter()] == [
        {"doc_id": each.id, "title": each.title, "text": each.text, "metadata": each.fields} for each in DOCUMENTS
    ]
    assert [each.default_text() for each in dataset.docs_iter()[1:3]] == [each.contents for each in DOCUMENTS[1:]]
    assert dataset.docs_store().get("owl").metadata == {"year": 2020, "tags": ["a"]}
    assert dataset.docs_count() == 3
    assert [tuple(each) for each in dataset.queries_iter()] == [(each.id, each.text) for each in QUERIES]
    assert dataset.qrels_dict() == QRELS and set(dataset.qrels_defs()) == {0, 1, 2}
    assert [tuple(each) for each in dataset.docpairs_iter()] == [("q1", "owl", "stork"), ("q2", "tern", "owl")]
    scored = [("q1", "tern", 2.5), ("q1", "owl", 1.5), ("q2", "owl", 1.0)]
    assert [tuple(each) for each in dataset.scoreddocs_iter()] == scored
    whole = ir_datasets.load(name)
    assert whole.has_docs() and whole.has_queries() and not whole.has_qrels()


def test_lsr_reads_all_five_through_it(name: str, tmp_path: Path) -> None:
    source = f"irds:{name}/test"
    expected = [*DOCUMENTS]
    expected[0] = Document("owl", expected[0].text, expected[0].title, {"metadata": expected[0].fields})
    assert [*open_corpus(source)] == expected and count_documents(source) in (3, None)
    assert [*open_queries(source)] == QUERIES
    assert load_collection(source).qrels == QRELS
    run = read_run(source)
    assert {query: ranking.ids for query, ranking in run.items()} == {"q1": ["tern", "owl"], "q2": ["owl"]}
    np.testing.assert_array_equal(run["q1"].scores, [2.5, 1.5])
    assert len(open_training_set(source, work=tmp_path / "work")) == 2


def test_a_changed_folder_is_read_anew(name: str, folder: Path) -> None:
    dataset = ir_datasets.load(name)
    assert len([*dataset.docs_iter()[:2]]) == 2  # which builds what documents are looked up in
    write_beir(folder, [Document("auk", "Auks dive.")], force=True)
    assert [each.doc_id for each in dataset.docs_iter()] == ["auk"]


def test_what_cannot_be_registered(name: str, folder: Path) -> None:
    with pytest.raises(InputError, match=f"a data set called {name} already"):
        register(name, folder)
    with pytest.raises(InputError, match=r"no folder with corpus.jsonl"):
        register("lsr-none", folder.parent)
    with pytest.raises(InputError, match="no such file"):
        register("lsr-none", folder, docpairs=folder / "none.tsv")
    (folder.parent / "pairs.tsv").write_text("q1\towl\n", encoding="utf-8")
    with pytest.raises(InputError, match="2 columns where 3 are expected"):
        [*ir_datasets.load(name).docpairs_iter()]
    assert "lsr-none" not in ir_datasets.registry


@pytest.mark.skipif(find_spec("pyterrier") is None, reason="needs pyterrier")
def test_pyterrier_sees_it(name: str) -> None:
    import pyterrier as pt

    dataset = pt.get_dataset(f"irds:{name}/test")
    assert dataset.get_topics().to_dict("list") == {"qid": ["q1", "q2"], "query": [each.text for each in QUERIES]}
    assert [each["docno"] for each in dataset.get_corpus_iter(verbose=False)] == ["owl", "tern", "stork"]
    assert len(dataset.get_qrels()) == 4
