"""Every measure, computed again by ir-measures: that both agree, and that what differs is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr.core.errors import LsrError, MissingDependencyError
from lsr.eval import Ranking, Run, TestCollection, evaluate_run, load_collection
from lsr.eval.measures.metrics import _NAMES, _UNCUT, DEFAULT_METRICS, Scores, score_run
from lsr.eval.measures.second_opinion import checked_scores, compare_scores
from lsr.eval.systems.settings import EvaluationSettings

PLAIN = sorted(_NAMES)
CUT = [f"{name}@{cutoff}" for name in sorted(_NAMES - _UNCUT) for cutoff in (1, 3, 10)]
LEVELS = [f"{name}-l{level}" for name in (*PLAIN, *CUT) if not name.startswith("judged") for level in (0, 2)]
# DCG alone, F1 and hits with a cut-off, the hit rate without: ir-measures has none of them.
OURS_ALONE = re.compile(r"dcg(_burges)?([@-].*)?|(f1|hits)@.*|hit_rate(-.*)?")

grades = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-1, 4), min_size=1)
rankings = st.permutations("abcdefghijklmnop").flatmap(lambda order: st.integers(0, 16).map(lambda n: order[:n]))


@pytest.fixture
def collection(collection_folder: Path) -> TestCollection:
    return load_collection(collection_folder)


def tied(found: dict[str, list[str]]) -> Run:
    """Rankings whose scores are all the same, so that only their order says what is first."""
    return {id: Ranking(list(ids), np.ones(len(ids), np.float32)) for id, ids in found.items()}


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from("123456"), grades, min_size=1),
    st.dictionaries(st.sampled_from("1234567"), rankings),
)
def test_both_agree_on_every_measure(qrels: dict[str, dict[str, int]], found: dict[str, list[str]]) -> None:
    run, names = tied(found), [*PLAIN, *CUT, *LEVELS, "rbp.50"]
    compared = compare_scores(score_run(run, qrels, names), run, qrels)
    assert set(compared) == {name for name in names if not OURS_ALONE.fullmatch(name) and name != "rbp.50"}


def test_what_is_printed_unless_asked_otherwise_has_a_second_opinion() -> None:
    run, qrels = tied({"q": ["a", "b"]}), {"q": {"b": 1}}
    assert compare_scores(score_run(run, qrels), run, qrels) == list(DEFAULT_METRICS)


@pytest.mark.parametrize("name", ["ndcg@10", "mrr@10", "recall@100", "map", "precision@5", "bpref", "judged@2"])
def test_a_difference_names_measure_query_and_both_values(name: str) -> None:
    run, qrels = tied({"one": ["a", "b"], "two": ["b", "a", "c"]}), {"one": {"a": 1, "b": 0}, "two": {"a": 2, "b": 0}}
    right = score_run(run, qrels, [name])
    within = Scores(right.query_ids, {name: right.values[name] + [0, 0.9e-6]})
    assert compare_scores(within, run, qrels) == [name]
    wrong = Scores(right.query_ids, {name: right.values[name] + [0, 1.1e-6]})
    values = f"{wrong.values[name][1]:.9g} as lsr computes it, and {right.values[name][1]:.9g} by ir-measures"
    with pytest.raises(LsrError, match=rf"(?i)two opinions on .* of query 'two': {re.escape(values)}"):
        compare_scores(wrong, run, qrels)


def test_not_a_number_is_a_difference() -> None:
    run, qrels = tied({"q": ["a"]}), {"q": {"a": 1}}
    with pytest.raises(LsrError, match="nan as lsr computes it, and 1 by ir-measures"):
        compare_scores(Scores(["q"], {"map": np.array([np.nan])}), run, qrels)


def test_the_order_counts_whatever_the_rule_for_ties() -> None:
    """trec_eval would put the last id first among equals, and lsr's runs have the first id first."""
    qrels = {"q": {"b": 1}}
    for order, value in (("abc", 1 / 2), ("cba", 1 / 2), ("bac", 1), ("acb", 1 / 3)):
        assert checked_scores(tied({"q": list(order)}), qrels, ["mrr"]).values["mrr"].tolist() == pytest.approx([value])


def test_ids_that_c_would_take_for_one_another_are_told_apart() -> None:
    qrels = {"q\0": {"d\0": 1, "d": 0}, "q": {"d": 1, "d\\0": 0}}
    run = tied({"q\0": ["d", "d\0"], "q": ["d\\0", "d", "d\0"]})
    assert checked_scores(run, qrels, ["mrr"]).values["mrr"].tolist() == [0.5, 0.5]


def test_many_queries_go_in_parts() -> None:
    qrels = {str(number): {"a": number % 3, "b": 1} for number in range(600)}
    run = tied({str(number): ["a", "b"][:: 1 - 2 * (number % 2)] for number in range(0, 600, 7)})
    assert len(checked_scores(run, qrels).query_ids) == 600
    scores = score_run(run, qrels, ["map"])
    scores.values["map"][-1] = 0.5  # of the last part, and the run does not have it
    with pytest.raises(LsrError, match=r"two opinions on MAP of query '599': 0\.5 as lsr computes it, and 0 by"):
        compare_scores(scores, run, qrels)


def test_grades_that_would_fill_memory_are_ours_alone() -> None:
    """trec_eval counts documents by grade, in an array as long as the largest."""
    run, qrels = tied({"q": ["a", "b"]}), {"q": {"a": 1 << 40, "b": 1}}
    assert compare_scores(score_run(run, qrels, ["ndcg@10"]), run, qrels) == []


def test_an_evaluation_stops(collection: TestCollection, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(run: Run, qrels: dict[str, dict[str, int]], metrics: list[str]) -> Scores:
        scores = score_run(run, qrels, metrics)
        return Scores(scores.query_ids, {name: values / 2 for name, values in scores.values.items()})

    monkeypatch.setattr("lsr.eval.measures.second_opinion.score_run", half)
    with pytest.raises(LsrError, match=r"two opinions on MAP of query 'q1': 0\.5 as lsr computes it, and 1 by"):
        evaluate_run(collection, tied({"q1": ["d2"]}), EvaluationSettings(metrics=["map"], bm25=False))


@pytest.mark.parametrize(
    ("module", "package"), [("ir_measures", "ir-measures"), ("pytrec_eval", "pytrec-eval-terrier")]
)
def test_without_the_package(module: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingDependencyError, match=rf"needs {package}, .* pip install 'lsr-engine\[eval\]'"):
        checked_scores(tied({"q": ["a"]}), {"q": {"a": 1}})
