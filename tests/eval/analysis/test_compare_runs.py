"""Two runs against each other, by hand; lost queries of indexes whose faults are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import Document, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.core.documents import Query
from lsr.core.errors import InputError
from lsr.encoding.lexical.alone import WordsAlone
from lsr.eval import Ranking, Run, TestCollection
from lsr.eval.analysis.compare import compare_runs, explained
from lsr.eval.analysis.diagnose import CAUSES, Diagnosis, diagnose
from lsr.search.retriever import Retriever

QRELS = {"q1": {"a": 1, "b": 1}, "q2": {"a": 1}, "q3": {"c": 1}}


def run_of(**rankings: str) -> Run:
    return {query: Ranking(list(ids), np.arange(len(ids), 0, -1, dtype=np.float32)) for query, ids in rankings.items()}


def test_by_hand() -> None:
    found = compare_runs(run_of(q1="xab", q2="a", q3="xyc"), run_of(q1="bax", q2="xa"), QRELS, "MRR@10")
    assert found.means == (pytest.approx((1 / 2 + 1 + 1 / 3) / 3), pytest.approx((1 + 1 / 2 + 0) / 3))
    assert (found.won, found.lost, found.tied) == (1, 2, 0)
    first, second, third = found.differences
    assert {first.query, second.query} == {"q1", "q2"} and third.query == "q3"
    of = {each.query: (each.difference, each.document, each.ranks) for each in found.differences}
    # Of q1's two, b gains most: from 1/3 to 1.
    assert of["q1"] == (0.5, "b", (3, 1))
    assert of["q2"] == (-0.5, "a", (1, 2))
    assert of["q3"] == (pytest.approx(-1 / 3), "c", (3, None))
    assert found.effect_size == pytest.approx(np.mean([0.5, -0.5, -1 / 3]) / np.std([0.5, -0.5, -1 / 3], ddof=1))
    assert json.loads(json.dumps(found.to_record()))["differences"][2]["ranks"] == [3, None]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="the second run has none of the 3 judged queries"):
        compare_runs(run_of(q1="a"), run_of(other="a"), QRELS)
    with pytest.raises(InputError, match="unknown metric 'mrrr'"):
        compare_runs(run_of(q1="a"), run_of(q1="b"), QRELS, "mrrr")


def collection(tmp_path: Path, documents: dict[str, str], query: str) -> TestCollection:
    lines = [json.dumps({"_id": id, "text": text}) for id, text in documents.items()]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    return TestCollection("toy", str(tmp_path / "corpus.jsonl"), None, [Query("q", query)], {"q": {"right": 1}})


def diagnosed(tmp_path: Path, encoder: Any, query: str, right: str, wrong: str = "ice", **options: Any) -> Diagnosis:
    """The diagnosis of a query that the baseline answers, and a run with the wrong document first does not."""
    documents = {"right": right, "wrong": wrong}
    index_corpus([Document(id, text) for id, text in documents.items()], tmp_path / "index", encoder, **options)
    retriever = Retriever.open(tmp_path / "index")
    given = collection(tmp_path, documents, query)
    answers = {"q": Ranking(["wrong", "right"], np.array([2.0, 1.0])), "x": Ranking([], np.empty(0))}
    best = {"q": Ranking(["right"], np.array([1.0]))}
    return diagnose(answers, best, given, retriever, "MRR@10")


@pytest.mark.parametrize(
    ("query", "right", "wrong", "cause", "shown"),
    [
        ("volcano", "ice " * 100 + "volcano", "ice", "cut", ["volcano"]),
        ("the part XK-4412", "an XK-4412 of steel", "the part", "identifier", ["XK-4412"]),
        ("zygomorphic flowers", "zygomorphic flowers", "ice", "pieces", ["zygomorphic"]),
    ],
)
def test_a_cause_is_named(
    encoder: SparseEncoder, tmp_path: Path, query: str, right: str, wrong: str, cause: str, shown: list[str]
) -> None:
    (lost,) = diagnosed(tmp_path, encoder, query, right, wrong).lost
    assert lost.causes[0] == cause, lost
    assert lost.details[cause] == shown


def test_a_word_without_weight_is_said_to_be_pruned(encoder: SparseEncoder, tmp_path: Path) -> None:
    right = "glacier ice, a violin, thunder and wheel"
    (lost,) = diagnosed(tmp_path, encoder, "thunder wheel violin", right, top_k=1).lost
    assert len(lost.details["pruned"]) >= 2


def test_words_that_another_document_has_more_of(tmp_path: Path) -> None:
    (lost,) = diagnosed(tmp_path, WordsAlone(), "bird", "birds by rivers and lakes", "a bird, a bird").lost
    assert (lost.causes, lost.details) == (["own words"], {"own words": ["word:bird"]})


def test_a_wrong_document_that_stands_higher_by_expansion(encoder: SparseEncoder, tmp_path: Path) -> None:
    (lost,) = diagnosed(
        tmp_path, encoder, "bird", "bread, butter, cheese and milk for a bird", "owl hawk", top_k=6
    ).lost
    assert (lost.causes, lost.details) == (["drift"], {"drift": ["hawk"]})


def test_words_alone_that_are_not_shared(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, WordsAlone(), "car", "an automobile", "a car")
    (lost,) = found.lost
    assert lost.causes[0] == "no shared term"
    (cause,) = found.to_record(1)["causes"]
    assert (cause["queries"], cause["lost"], cause["helps"]) == (1, 0.5, CAUSES["no shared term"].helps)
    assert json.dumps(found.to_record()) and found.means == (1.0, 0.5)


def test_shared_words_and_matching_terms(encoder: SparseEncoder, tmp_path: Path) -> None:
    documents = {"right": "birds fly over the river", "wrong": "ice"}
    index_corpus([Document(id, text) for id, text in documents.items()], tmp_path / "index", encoder)
    given = collection(tmp_path, documents, "river birds")
    found = compare_runs(
        {"q": Ranking(["wrong"], np.ones(1))},
        {"q": Ranking(["right"], np.ones(1))},
        given.qrels,
        texts={"q": "river birds"},
    )
    (plain,) = explained(found.differences, given)
    assert (plain.shared, plain.terms) == (["river", "bird"], None)
    (weighed,) = explained(found.differences, given, retriever=Retriever.open(tmp_path / "index"))
    assert weighed.terms and {"river", "birds"} <= {term for term, _ in weighed.terms}
