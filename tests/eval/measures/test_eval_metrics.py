from __future__ import annotations

import math
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr.core.errors import InputError, MissingDependencyError
from lsr.eval import Ranking, Run, score_run
from lsr.eval.measures.metrics import _NAMES, metric_label, metric_names
from lsr.eval.measures.significance import paired_t_test

QRELS = {
    "graded": {"a": 2, "b": 1, "c": 1, "n": 0, "junk": -1},
    "second": {"x": 1},
    "absent": {"y": 1, "z": 1},
    "hopeless": {"n": 0},
}


def run_of(**rankings: str) -> Run:
    """Rankings from letters; the scores all tie, so that only the order can tell."""
    return {id: Ranking(list(letters), np.ones(len(letters), np.float32)) for id, letters in rankings.items()}


def test_worked_by_hand() -> None:
    run = run_of(graded="bnaq", second="px", hopeless="n", unjudged="a")
    scores = score_run(run, QRELS)
    assert scores.query_ids == ["graded", "second", "absent", "hopeless"]
    # graded: gains 1, 0, 2, 0 at ranks 1 to 4; ideal 2, 1, 1.
    dcg = 1 / math.log2(2) + 2 / math.log2(4)
    ideal = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    # second: its one relevant document at rank 2. absent: not in the run. hopeless: nothing is relevant.
    np.testing.assert_allclose(scores.values["ndcg@10"], [dcg / ideal, 1 / math.log2(3), 0, 0])
    np.testing.assert_allclose(scores.values["mrr@10"], [1, 1 / 2, 0, 0])
    np.testing.assert_allclose(scores.values["recall@100"], [2 / 3, 1, 0, 0])
    np.testing.assert_allclose(scores.values["recall@1000"], [2 / 3, 1, 0, 0])
    # graded: precision 1/1 at rank 1 and 2/3 at rank 3, over three relevant documents.
    np.testing.assert_allclose(scores.values["map"], [(1 + 2 / 3) / 3, 1 / 2, 0, 0])
    assert scores.means()["mrr@10"] == pytest.approx(1.5 / 4)
    assert scores.per_query()["second"] == {
        "ndcg@10": pytest.approx(1 / math.log2(3)),
        "mrr@10": 0.5,
        "recall@100": 1.0,
        "recall@1000": 1.0,
        "map": 0.5,
    }


def test_cut_offs_cut() -> None:
    eleventh = run_of(second="0123456789x")
    scores = score_run(eleventh, {"second": {"x": 1}}, ["nDCG@10", "MRR@10", "MRR", "R@10", "R@11", "P@5"])
    assert scores.means() == {
        "ndcg@10": 0,
        "mrr@10": 0,
        "mrr": pytest.approx(1 / 11),
        "recall@10": 0,
        "recall@11": 1,
        "precision@5": 0,
    }


def test_one_metric_alone_and_a_level_of_relevance() -> None:
    run = run_of(graded="ba")
    assert score_run(run, QRELS, ["mrr@10"]).values["mrr@10"][0] == 1
    assert score_run(run, QRELS, ["mrr@10-l2"]).values["mrr@10-l2"][0] == 0.5


def test_every_metric_by_hand() -> None:
    """Rank 1 is not judged to matter (-1), 2 not relevant, 3 and 5 relevant, 4 unknown; "z" is never found."""
    qrels = {"q": {"a": -1, "b": 0, "c": 1, "e": 2, "z": 1, "n": 0}}
    run = run_of(q="abcde")
    dcg, ideal = 1 / 2 + 2 / math.log2(6), 2 + 1 / math.log2(3) + 1 / 2
    burges, ideal_burges = 1 / 2 + 3 / math.log2(6), 3 + 1 / math.log2(3) + 1 / 2
    expected = {
        # Both are below one of the two documents that are not relevant: twice 1 - 1 / min(2, 3), over three.
        "bpref": (0.5 + 0.5) / 3,
        "bpref-l2": 1 - 1 / 1,
        "dcg": dcg,
        "dcg_burges": burges,
        "f1@4": 2 * (1 / 4) * (1 / 3) / (1 / 4 + 1 / 3),
        "f1": 2 * (2 / 5) * (2 / 3) / (2 / 5 + 2 / 3),
        "hit_rate@2": 0,
        "hit_rate@3": 1,
        "hits@4": 1,
        "hits": 2,
        "judged@4": 2 / 4,  # "b" and "c"
        "judged": 3 / 5,
        "map": (1 / 3 + 2 / 5) / 3,
        "map-l2": 1 / 5,
        "map-l0": (1 / 2 + 2 / 3 + 3 / 5) / 5,
        "mrr@2": 0,
        "mrr": 1 / 3,
        "ndcg": dcg / ideal,
        "ndcg@4": (1 / 2) / ideal,
        "ndcg_burges": burges / ideal_burges,
        "precision@10": 2 / 10,
        "precision": 2 / 5,
        "r-precision": 1 / 3,
        "recall@4": 1 / 3,
        "recall-l2": 1,
        "rbp.50": 0.5 * (0.5**2 + 0.5**4),
        "rbp@75-l2": 0.25 * 0.75**4,
    }
    assert {name.partition("@")[0].partition("-l")[0] for name in expected} >= _NAMES
    found = score_run(run, qrels, list(expected)).means()
    assert found == {name: pytest.approx(value) for name, value in expected.items()}
    for name, value in expected.items():  # alone as together
        assert score_run(run, qrels, [name]).means() == {name: pytest.approx(value)}


def test_every_metric_of_queries_with_nothing_to_find() -> None:
    qrels = {"all bad": {"a": 0}, "unjudged": {"a": -1}, "missing": {"a": 1}, "only good": {"a": 1}, "none": {"x": 1}}
    run = run_of(**{"all bad": "ab", "unjudged": "ab", "only good": "ab", "none": ""})
    found = score_run(run, qrels, [*sorted(_NAMES), "rbp.50"])
    for name, values in found.values.items():
        assert values[[0, 1, 2, 4]].tolist() == [0.5 * (name == "judged"), 0, 0, 0] and values[3] > 0
    assert found.values["bpref"][3] == 1  # nothing is judged that it could be below


def test_a_document_twice_and_grades_beyond_all_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="document 'b' is retrieved twice for query 'second'"):
        score_run(run_of(second="abxb"), QRELS)
    with pytest.raises(InputError, match="ndcg_burges is not a finite number: the judgements have grades too large"):
        score_run(run_of(q="a"), {"q": {"a": 2000}}, ["ndcg_burges"])


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([f"q{i}" for i in range(30)]),
        st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-1, 3), min_size=1),
        min_size=1,
    ),
    st.dictionaries(
        st.sampled_from([f"q{i}" for i in range(30)]),
        st.permutations("abcdefghijklmnop").flatmap(lambda order: st.integers(0, 16).map(lambda n: order[:n])),
    ),
)
def test_equal_to_the_plain_formulas(qrels: dict[str, dict[str, int]], rankings: dict[str, list[str]]) -> None:
    run = {id: Ranking(ids, np.zeros(len(ids))) for id, ids in rankings.items()}
    scores = score_run(run, qrels, ["ndcg@10", "mrr@10", "recall@5", "map"])
    for i, id in enumerate(scores.query_ids):
        grades, ids = qrels[id], rankings.get(id, [])
        gains = [max(grades.get(document, 0), 0) for document in ids]
        ideal = sorted((max(grade, 0) for grade in grades.values()), reverse=True)
        relevant = sum(gain > 0 for gain in ideal)
        hits = [rank for rank, gain in enumerate(gains, start=1) if gain > 0]
        ndcg = dcg(gains[:10]) / dcg(ideal[:10]) if relevant else 0
        assert scores.values["ndcg@10"][i] == pytest.approx(ndcg)
        assert scores.values["mrr@10"][i] == pytest.approx(1 / hits[0] if hits and hits[0] <= 10 else 0)
        assert scores.values["recall@5"][i] == pytest.approx(sum(rank <= 5 for rank in hits) / max(relevant, 1))
        precisions = [number / rank for number, rank in enumerate(hits, start=1)]
        assert scores.values["map"][i] == pytest.approx(sum(precisions) / max(relevant, 1))


def dcg(gains: list[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


@pytest.mark.process
def test_numba_is_left_as_it_was() -> None:
    """In a process that imports ranx for the first time, and where Numba has a thread more than ranx is given."""
    code = """
import numba, numpy as np
from lsr.eval import Ranking, score_run
before = numba.config.THREADING_LAYER, numba.get_num_threads()
score_run({"q": Ranking(["d"], np.ones(1))}, {"q": {"d": 1}})
assert before == (numba.config.THREADING_LAYER, numba.get_num_threads()) == ("default", 2), before
"""
    environment = os.environ | {"NUMBA_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


def test_may_be_called_from_several_threads() -> None:
    run = run_of(graded="bnaq", second="px")
    with ThreadPoolExecutor(4) as pool:
        means = list(pool.map(lambda _: score_run(run, QRELS).means(), range(20)))
    assert all(mean == means[0] for mean in means)


def test_names() -> None:
    asked = ["nDCG@10", "R@100", "recall@100", "P@5", "MAP", "RR@10", "rbp.95", "r-precision", "ndcg@10-l2"]
    names = metric_names(asked)
    assert names == ["ndcg@10", "recall@100", "precision@5", "map", "mrr@10", "rbp.95", "r-precision", "ndcg@10-l2"]
    labels = [
        metric_label(name) for name in ("ndcg@10", "mrr@10", "recall@100", "map", "map-l2", "f1@5", "r-precision")
    ]
    assert labels == ["nDCG@10", "MRR@10", "R@100", "MAP", "MAP-l2", "f1@5", "r-precision"]


def test_ranx_has_every_metric_that_passes() -> None:
    from ranx.metrics import metric_switch

    for name in [*(_NAMES - {"judged"}), "rbp"]:
        assert callable(metric_switch(name))


@pytest.mark.parametrize("name", ["ndgc@10", "ndcg@0", "ndcg@ten", "recall@", "", "ndcg@10@5"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(InputError, match="unknown metric"):
        metric_names([name])


def test_judged_has_no_level() -> None:
    assert [metric_label(name) for name in metric_names(["Judged@10"])] == ["Judged@10"]
    with pytest.raises(InputError, match="'judged@10-l2': a document is judged or not, whatever its grade"):
        metric_names(["judged@10-l2"])


@pytest.mark.parametrize("name", ["bpref@10", "r-precision@5"])
def test_a_cut_off_that_would_have_no_effect_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is of the whole ranking, without a cut-off"):
        metric_names([name])


def test_paired_t_test() -> None:
    first, second = np.array([0.5, 0.4, 0.9, 0.3]), np.array([0.4, 0.4, 0.6, 0.1])
    # Differences 0.1, 0, 0.3, 0.2: mean 0.15, sample deviation √(1/60), so t = 0.15 / √(1/240) = 2.3238 with 3 degrees
    # of freedom, for which the t distribution's two tails hold 0.10273.
    assert paired_t_test(first, second) == pytest.approx(0.10273, abs=1e-5)
    assert paired_t_test(first, first) == 1.0
    assert paired_t_test(first[:1], second[:1]) == 1.0
    # With one degree of freedom it is Cauchy's: differences 0.1 and 0.3 give t = 0.2 / 0.1, p = 1 - 2 arctan(2) / π.
    assert paired_t_test(first[[0, 2]], second[[0, 2]]) == pytest.approx(1 - 2 * math.atan(2) / math.pi)


def test_differences_that_do_not_vary_make_no_noise() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for first, second in (([0.5, 0.7], [0.4, 0.6]), ([0.5, 0.5, 0.5], [0.4, 0.4, 0.4]), ([1, 1], [0, 0])):
            assert paired_t_test(np.array(first, float), np.array(second, float)) == 0.0


def test_without_ranx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ranx", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lsr-engine\[eval\]'"):
        score_run(run_of(second="x"), QRELS)
