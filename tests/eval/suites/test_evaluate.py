from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr.core.documents import Query
from lsr.core.errors import InputError, MissingDependencyError, ModelError, OutputExistsError
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.eval import (
    Answered,
    EvaluationSettings,
    Ranking,
    TestCollection,
    evaluate,
    evaluate_run,
    evaluate_runs,
    evaluate_systems,
    load_collection,
    open_or_index,
    read_run,
)
from lsr.search.retriever import Retriever


@pytest.fixture
def collection(collection_folder: Path) -> TestCollection:
    return load_collection(collection_folder)


@pytest.fixture
def retriever(collection: TestCollection, words: Any, tmp_path: Path) -> Retriever:
    return open_or_index(collection, tmp_path / "index", words)


def test_worked_by_hand(collection: TestCollection, retriever: Retriever) -> None:
    result = evaluate(collection, retriever, EvaluationSettings(per_query=True))
    assert {id: ranking.ids for id, ranking in result.runs["lsr"].items()} == {"q1": ["d1", "d2"], "q2": ["d3"]}
    # q1 finds its document at rank 2, q2 at rank 1; q3 has no text, so it finds nothing and counts as zero.
    report = result.report
    assert report.metrics == {
        "ndcg@10": pytest.approx((1 / math.log2(3) + 1 + 0) / 3),
        "mrr@10": pytest.approx((1 / 2 + 1 + 0) / 3),
        "recall@100": pytest.approx(2 / 3),
        "recall@1000": pytest.approx(2 / 3),
        "map": pytest.approx((1 / 2 + 1 + 0) / 3),
    }
    assert report.per_query is not None
    assert [report.per_query["lsr"][id]["mrr@10"] for id in ("q1", "q2", "q3")] == [0.5, 1, 0]
    assert report.index is not None
    assert report.index["active_terms"] == {"documents": 2, "queries": 1.5}
    # cat: 1/2 of the queries, 1/4 of the documents; sat: 1/2 and 2/4; fish: 1/2 and 1/4.
    assert report.index["flops"] == pytest.approx(1 / 8 + 1 / 4 + 1 / 8)
    assert report.index["bytes"] == retriever.index.describe()["bytes"]["total"]
    assert report.index["bytes_per_document"] == report.index["bytes"] / 4
    assert report.index["read"] == "all" and "| read of a document | all |" in report.to_markdown()
    assert report.label == "words"
    assert report.model == {"model": "words", "factor": 1.0, "shape": [1, 2], "top_k": None}


def test_bm25_stands_beside_it(collection: TestCollection, retriever: Retriever) -> None:
    result = evaluate(collection, retriever)
    bm25 = result.report.baselines["bm25"]
    assert {id: ranking.ids for id, ranking in result.runs["bm25"].items()} == {"q1": ["d1", "d2"], "q2": ["d3"]}
    assert bm25.metrics == result.report.metrics
    assert set(bm25.p_values.values()) == {1.0}
    assert (bm25.settings["method"], bm25.settings["k1"], bm25.settings["b"]) == ("lucene", 1.2, 0.75)
    alone = evaluate(collection, retriever, EvaluationSettings(bm25=False))
    assert (alone.report.baselines, list(alone.runs)) == ({}, ["lsr"])


def test_json_and_markdown(collection: TestCollection, retriever: Retriever) -> None:
    report = evaluate(collection, retriever, EvaluationSettings(metrics=("nDCG@10", "R@5"), latency_queries=1)).report
    found = json.loads(json.dumps(report.to_record(), allow_nan=False))
    assert {"metrics", "baselines", "latency", "index", "collection", "model", "settings"} <= found.keys()
    assert "per_query" not in found
    assert found["metrics"].keys() == {"ndcg@10", "recall@5"}
    assert found["baselines"]["bm25"].keys() == {"label", "metrics", "p_values", "latency", "settings"}
    assert found["latency"].keys() == {"encode", "search", "total"}
    assert all(part["queries"] == 1 and part["mean_ms"] > 0 for part in found["latency"].values())
    assert found["collection"] | {"source": ""} == {
        "name": "pets", "source": "", "split": "test", "documents": 4, "queries": 3, "judgements": 4
    }  # fmt: skip
    lines = report.to_markdown().splitlines()
    assert lines[0] == "## pets (test)"
    assert lines[2] == "4 documents, 3 judged queries, 4 judgements."
    assert "|  | nDCG@10 | R@5 |" in lines
    assert "| words | 0.5436 | 0.6667 |" in lines
    assert "| BM25 | 0.5436 | 0.6667 |" in lines
    assert "| FLOPS | 0.50 |" in lines


def test_queries_that_are_documents_do_not_find_themselves(collection: TestCollection, retriever: Retriever) -> None:
    asked = TestCollection("pets", collection.source, None, [Query("d1", "cat sat")], {"d1": {"d2": 1}})
    kept = evaluate(asked, retriever, EvaluationSettings(metrics=["mrr@1", "mrr@2"], k=2))
    dropped = evaluate(asked, retriever, EvaluationSettings(metrics=["mrr@1"], k=1, drop_self=True))
    assert kept.report.metrics == {"mrr@1": 0, "mrr@2": 0.5}
    assert dropped.report.metrics == dropped.report.baselines["bm25"].metrics == {"mrr@1": 1}
    assert [run["d1"].ids for run in dropped.runs.values()] == [["d2"], ["d2"]]


def test_stages_report_their_progress(collection: TestCollection, words: Any, tmp_path: Path) -> None:
    done: dict[str, tuple[int | None, list[int]]] = {}

    @contextmanager
    def stages(description: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        counts: list[int] = []
        done[description] = (total, counts)
        yield counts.append

    evaluate(collection, open_or_index(collection, tmp_path / "index", words, stages=stages), stages=stages)
    assert {description: (total, sum(counts)) for description, (total, counts) in done.items()} == {
        "encoding": (4, 4),
        "reading": (4, 4),
        "building": (4, 4),
        "searching": (2, 2),
        "timing": (2, 2),
        "indexing for BM25": (4, 4),
        "searching with BM25": (2, 2),
        "timing BM25": (2, 2),
    }


def test_any_system_can_stand_beside_it(collection: TestCollection, retriever: Retriever, tmp_path: Path) -> None:
    """A system is a function: it need not search, be timed or say what it is."""
    best = {id: Ranking([max(judged, key=judged.__getitem__)], np.ones(1)) for id, judged in collection.qrels.items()}

    def oracle(asked: TestCollection, settings: EvaluationSettings, stages: Any) -> Answered:
        assert asked is collection
        return Answered("oracle", {id: settings.cut(ranking, id) for id, ranking in best.items()})

    result = evaluate(collection, retriever, EvaluationSettings(metrics=["mrr@1"]), beside={"oracle": oracle})
    assert list(result.runs) == ["lsr", "oracle", "bm25"]
    found = result.report.baselines["oracle"]
    assert (found.metrics, found.latency, found.settings) == ({"mrr@1": 1.0}, None, {})
    # By hand: differences 1, 0, 1, so t = (2/3) / (1/3) with two degrees of freedom, and p = 1 - t / √(2 + t²).
    assert found.p_values["mrr@1"] == pytest.approx(1 - 2 / math.sqrt(6))
    lines = result.report.to_markdown().splitlines()
    assert "| oracle | 1.0000 |" in lines and not any(line.startswith("| oracle | 0.") for line in lines)
    assert [path.name for path in result.save(tmp_path / "out")][:3] == ["lsr.run", "oracle.run", "bm25.run"]
    # The first is the one that the report is of.
    alone = evaluate_systems(collection, {"oracle": oracle}, EvaluationSettings(metrics=["mrr@1"], bm25=False))
    assert (alone.report.label, alone.report.metrics, alone.report.baselines) == ("oracle", {"mrr@1": 1.0}, {})
    assert (alone.report.collection["documents"], alone.report.latency) == (None, None)


def test_old_names_still_work(collection: TestCollection, retriever: Retriever) -> None:
    import lsr.eval

    with pytest.warns(DeprecationWarning, match=r"lsr\.eval\.Collection is now lsr\.eval\.TestCollection"):
        assert lsr.eval.Collection is TestCollection
    with pytest.raises(AttributeError, match=r"'lsr\.eval' has no attribute 'Colection'"):
        _ = lsr.eval.Colection
    report = evaluate(collection, retriever, EvaluationSettings(bm25=False)).report
    with pytest.warns(DeprecationWarning, match=r"EvaluationReport\.to_json is now to_record"):
        assert report.to_json() == report.to_record()


def test_saving(collection: TestCollection, retriever: Retriever, tmp_path: Path) -> None:
    result = evaluate(collection, retriever)
    paths = result.save(tmp_path / "out")
    assert [path.name for path in paths] == ["lsr.run", "bm25.run", "report.json", "report.md"]
    again = read_run(paths[0])
    assert {id: found.ids for id, found in again.items()} == {"q1": ["d1", "d2"], "q2": ["d3"]}
    assert json.loads(paths[2].read_text()) == json.loads(json.dumps(result.report.to_record()))
    # The runs give the report's values again.
    assert evaluate_run(collection, again).report.metrics == result.report.metrics
    paths[0].unlink()
    with pytest.raises(OutputExistsError):
        result.save(tmp_path / "out")
    assert not paths[0].exists()
    result.save(tmp_path / "out", force=True)


def test_a_run_made_elsewhere(collection: TestCollection) -> None:
    run = {
        "q1": Ranking(["d4", "d1", "d2"], np.array([3.0, 2.0, 1.0])),
        "q3": Ranking(["d1"], np.array([1.0])),
        "unjudged": Ranking(["d2"], np.array([1.0])),
    }
    result = evaluate_run(collection, run, EvaluationSettings(metrics=["mrr@2", "mrr@3"], k=3), label="theirs")
    assert result.report.metrics == {"mrr@2": pytest.approx(1 / 3), "mrr@3": pytest.approx((1 / 3 + 0 + 1) / 3)}
    assert (result.report.latency, result.report.index, result.report.model) == (None, None, None)
    assert result.report.baselines["bm25"].metrics["mrr@2"] == pytest.approx(0.5)
    assert list(result.runs["lsr"]) == ["q1", "q3"]
    assert "| theirs | 0.3333 | 0.4444 |" in result.report.to_markdown().splitlines()


def test_several_runs_are_all_judged_and_compared_with_the_first(collection: TestCollection, tmp_path: Path) -> None:
    good = {"q1": Ranking(["d2"], np.ones(1)), "q2": Ranking(["d3"], np.ones(1))}
    bad = {"q1": Ranking(["d4"], np.ones(1)), "q2": Ranking(["d3"], np.ones(1)), "q3": Ranking(["d2"], np.ones(1))}
    result = evaluate_runs(collection, {"a/good": good, "bad": bad}, EvaluationSettings(metrics=["mrr@1"]))
    assert (result.report.label, result.report.metrics) == ("a/good", {"mrr@1": pytest.approx(2 / 3)})
    assert list(result.report.baselines) == ["bad", "bm25"]
    assert result.report.baselines["bad"].metrics == {"mrr@1": pytest.approx(1 / 3)}
    assert result.report.baselines["bad"].p_values["mrr@1"] == pytest.approx(0.4226497)
    assert "a/good lacks 1 of the 3 judged queries, which counts as 0; the first is 'q3'" in result.report.notes
    assert [path.name for path in result.save(tmp_path / "out")] == [
        "lsr.run", "bad.run", "bm25.run", "report.json", "report.md"
    ]  # fmt: skip
    tags = [(tmp_path / "out" / name).read_text().split()[5] for name in ("lsr.run", "bad.run", "bm25.run")]
    assert tags == ["a/good", "bad", "BM25"]
    with pytest.raises(InputError, match="a run cannot be called 'bm25'"):
        evaluate_runs(collection, {"good": good, "bm25": bad})
    assert evaluate_runs(collection, {"bm25": bad}, EvaluationSettings(bm25=False)).report.label == "bm25"


def test_a_run_of_another_collection_is_never_a_silent_zero(collection: TestCollection) -> None:
    with pytest.raises(InputError, match=r"theirs has none of the 3 judged queries: judged is 'q1', in the run is '1'"):
        evaluate_run(collection, {"1": Ranking(["d1"], np.ones(1))}, label="theirs")
    with pytest.raises(InputError, match="theirs is an empty run"):
        evaluate_run(collection, {}, label="theirs")
    other = {"q1": Ranking(["D1"], np.ones(1)), "q2": Ranking([], np.ones(0)), "q3": Ranking(["D2"], np.ones(1))}
    report = evaluate_run(collection, other, label="theirs").report
    assert report.metrics["map"] == 0
    assert any("theirs has no document that is judged for any query" in remark for remark in report.notes)
    assert "in the run is 'D1'" in report.to_markdown() and report.to_record()["notes"] == report.notes


def test_judgements_of_another_collection_are_an_error(collection: TestCollection, retriever: Retriever) -> None:
    other = replace(collection, qrels={"q1": {"PMC1": 1}, "q2": {"d3": 0}, "q3": {"d1": 0}})
    with pytest.raises(InputError, match=r"none of the 1 documents judged relevant is among the 4 .*'PMC1', .* 'd1'"):
        evaluate(other, retriever)
    with pytest.raises(InputError, match=r"none of the 1 documents judged relevant is among the 4 "):
        evaluate_run(other, {"q1": Ranking(["PMC1"], np.ones(1))})
    part = replace(collection, qrels=collection.qrels | {"q1": {"d2": 1, "PMC1": 1}}, left_out=("q7", "q8"))
    assert evaluate(part, retriever).report.notes == [
        "2 of the 5 judged queries are not among the queries and were left out; the first is 'q7'",
        "1 of the 3 judged queries has no text, and counts as 0; the first is 'q3'",
        "1 of the 4 documents judged relevant is not among the 4 that are searched, and counts as not found; the first "
        "is 'PMC1'",
    ]
    answered = {id: Ranking(["d1"], np.ones(1)) for id in part.qrels}  # as by vectors of the queries
    assert not any(
        "no text" in note for note in evaluate_run(part, answered, EvaluationSettings(bm25=False)).report.notes
    )
    nothing = replace(collection, qrels={"q1": {"d2": 0}, "q2": {"d3": -1}, "q3": {"d1": 0}})
    report = evaluate(nothing, retriever).report
    assert set(report.metrics.values()) == {0}
    assert report.notes[-1] == "no document is judged relevant, so there is nothing to find: every measure is 0"


def test_what_cannot_be_measured_is_met_before_anything_is_searched(collection: TestCollection) -> None:
    def searched(*_: Any) -> Answered:
        raise AssertionError("searched")

    huge = replace(collection, qrels=collection.qrels | {"q2": {"d3": 5000}})
    with pytest.raises(InputError, match="ndcg_burges is not a finite number"):
        evaluate_systems(huge, {"any": searched}, EvaluationSettings(metrics=["ndcg_burges"]))


def test_ids_with_white_space_cost_nothing(tmp_path: Path, collection: TestCollection) -> None:
    spaced = replace(collection, queries=[Query("q 1", "cat")], qrels={"q 1": {"my note.md": 1, "d1": 0}})
    result = evaluate_run(spaced, {"q 1": Ranking(["my note.md"], np.ones(1))}, EvaluationSettings(bm25=False))
    path = result.save(tmp_path)[0]
    assert path.read_text() == "q%201 Q0 my%20note.md 1 1 run\n"
    assert evaluate_run(spaced, read_run(path), EvaluationSettings(bm25=False)).report.metrics["map"] == 1


def test_the_report_is_there_even_if_a_run_cannot_be_written(tmp_path: Path, collection: TestCollection) -> None:
    result = evaluate_run(collection, {"q1": Ranking(["d2"], np.array([np.nan]))}, EvaluationSettings(bm25=False))
    with pytest.raises(InputError, match="'q1' has a score that is not a finite number"):
        result.save(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("report.*")) == ["report.json", "report.md"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (EvaluationSettings(metrics=["ndgc@10"]), "unknown metric 'ndgc@10'"),
        (EvaluationSettings(k=100), "recall@1000 needs rankings of 1000, but k is 100"),
        (EvaluationSettings(latency_k=0), "at least 1"),
    ],
)
def test_settings_that_cannot_be_met(
    collection: TestCollection, retriever: Retriever, settings: EvaluationSettings, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(collection, retriever, settings)


def test_queries_without_any_text(collection: TestCollection, retriever: Retriever) -> None:
    blank = TestCollection("pets", collection.source, None, [Query("q3", " ")], {"q3": {"d1": 1}})
    with pytest.raises(InputError, match="none of the judged queries"):
        evaluate(blank, retriever)


def test_an_index_is_used_again(
    collection: TestCollection, retriever: Retriever, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "encode_documents", None)  # so that encoding once more would fail
    again = open_or_index(collection, retriever.index.path, words)
    assert again.encoder is words
    assert again.index.manifest == retriever.index.manifest


def test_an_index_made_otherwise_is_refused(collection: TestCollection, retriever: Retriever, words: Any) -> None:
    path = retriever.index.path
    with pytest.raises(ModelError, match=r"other encoder settings \(factor 1.0, not 2.0\)"):
        open_or_index(collection, path, type(words)(2.0))
    with pytest.raises(ModelError, match="top_k None, not 5"):
        open_or_index(collection, path, words, top_k=5)
    assert open_or_index(collection, path, type(words)(2.0), force=True).index.encoder["factor"] == 2.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda corpus: corpus.replace("dog sat", "dog swam"), "'d2' has another text"),
        (lambda corpus: corpus.replace('"title": "cat"', '"title": ""'), "'d1' has another text"),
        (lambda corpus: corpus + '{"_id": "d5", "text": "dog"}\n', "'d5' is not in the index"),
        (lambda corpus: corpus.partition("\n")[2], "the corpus has 3 documents, the index 4"),
    ],
)
def test_an_index_of_another_corpus_is_refused(
    collection: TestCollection, retriever: Retriever, words: Any, change: Callable[[str], str], message: str
) -> None:
    corpus = Path(collection.source) / "corpus.jsonl"
    corpus.write_text(change(corpus.read_text()))
    with pytest.raises(InputError, match=message):
        open_or_index(collection, retriever.index.path, words)


def test_without_bm25s(collection: TestCollection, retriever: Retriever, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "bm25s", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lsr-engine\[eval\]'"):
        evaluate(collection, retriever)


def test_an_index_is_used_again_whatever_its_words_weigh_in_queries(
    words: Any, collection_folder: Path, tmp_path: Path
) -> None:
    collection = load_collection(collection_folder)
    open_or_index(collection, tmp_path / "index", words, lexical=LexicalSettings(weight=3.0))
    again = open_or_index(collection, tmp_path / "index", words, lexical=LexicalSettings())
    assert again.lexical_weight == 3
    for other in (None, LexicalSettings(language="none"), LexicalSettings(k1=0.9)):
        with pytest.raises(ModelError, match=r"was made with words \(.*weight 3.*\), not with"):
            open_or_index(collection, tmp_path / "index", words, lexical=other)
