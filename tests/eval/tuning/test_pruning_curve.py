"""What pruning costs and saves: the curve's points by hand, and what is read off them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from lsr.core.errors import InputError, ModelError
from lsr.eval import EvaluationSettings, TestCollection, evaluate, load_collection, open_or_index
from lsr.eval.measures.latency import Latency
from lsr.eval.tuning.pruning import CURVES, CurvePoint, furthest, measure_curve, strengths
from lsr.eval.tuning.pruning_report import curve_table, rule_in_words, save_plot
from lsr.index import Index, prune_index
from lsr.search.retriever import Retriever
from lsr.text.windows import WindowSettings
from lsr.vectors.pruning import Mass, MaxRatio, Quantile, TopK


@pytest.fixture
def collection(collection_folder: Path) -> TestCollection:
    return load_collection(collection_folder)


@pytest.fixture
def retriever(collection: TestCollection, words: Any, tmp_path: Path) -> Retriever:
    return open_or_index(collection, tmp_path / "index", words)


def test_worked_by_hand(collection: TestCollection, retriever: Retriever, tmp_path: Path) -> None:
    """Of "cat sat", d2 is found by "sat", which one term a document leaves out; q2 finds d3 by "fish", which stays.

    d1 has weights 2 and 1, the others 1 and 1: half of the eight can go only if all seven of weight 1 may.
    """
    rules = [TopK(1), Quantile(0.5), MaxRatio(0.75)]
    whole, one, none, ratio = measure_curve(retriever, collection, rules, threads=1, rounds=2)
    assert (whole.rule, whole.value, whole.weight, whole.postings, whole.share) == (None, None, None, 8, 1)
    assert whole.ndcg == pytest.approx((1 / math.log2(3) + 1 + 0) / 3)
    assert (one.rule, one.value, one.weight, one.postings, one.share) == ("top_k", 1, None, 4, 0.5)
    assert one.ndcg == pytest.approx((0 + 1 + 0) / 3)
    assert (none.rule, none.value, none.weight, none.share) == ("quantile", 0.5, pytest.approx(1, rel=1e-2), 1)
    assert (ratio.postings, ratio.ndcg) == (7, whole.ndcg)
    space = retriever.index.describe()["bytes"]
    assert whole.bytes == space["total"] and whole.vector_bytes == space["forward"] + space["summaries"]
    assert one.bytes < whole.bytes and one.vector_bytes < whole.vector_bytes
    assert all(point.latency.queries == 2 and point.latency.mean_ms > 0 for point in (whole, one))
    # The very index that the rule makes.
    made = prune_index(retriever.index, tmp_path / "one", TopK(1), threads=1)
    assert abs(made.describe()["bytes"]["total"] - one.bytes) < 50  # of the manifest, which names the time
    assert json.loads(json.dumps(one.to_record(), allow_nan=False))["latency"]["queries"] == 2


def test_windows_count_for_their_documents(collection: TestCollection, words: Any, tmp_path: Path) -> None:
    """As in an index of whole documents, where each has one window under another name."""
    whole = open_or_index(collection, tmp_path / "whole", words)
    cut = open_or_index(collection, tmp_path / "cut", words, windows=WindowSettings(words=1, stride=1))
    assert cut.index.documents.windows is not None and len(cut.index) > len(whole.index)
    [of_whole, of_cut] = [measure_curve(each, collection, [], rounds=1)[0] for each in (whole, cut)]
    assert 0 < of_cut.ndcg <= 1 and of_whole.ndcg > 0


def test_an_index_of_other_documents(collection: TestCollection, retriever: Retriever, collection_folder: Path) -> None:
    corpus = collection_folder / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace("bird flew", "bird sat"))
    with pytest.raises(InputError, match="'d4' has another text in the index"):
        measure_curve(retriever, collection, [TopK(1)])


def test_strengths_of_every_rule(retriever: Retriever) -> None:
    rules = strengths(retriever.index)
    # Documents have two terms: no k of the grid drops any.
    assert {rule.name for rule in rules} == set(CURVES) - {"top_k"}
    for name in ("mass", "max_ratio", "quantile"):
        values = [rule.value for rule in rules if rule.name == name]
        assert len(values) > 10 and values == sorted(values, reverse=name == "mass")
    assert strengths(retriever.index, ["mass", "mass"])[0] == Mass(0.99)
    assert len(strengths(retriever.index, ["mass", "mass"])) == len(strengths(retriever.index, ["mass"]))
    with pytest.raises(InputError, match="a threshold is equivalent to a quantile"):
        strengths(retriever.index, ["threshold"])


def test_a_k_that_drops_nothing_is_left_out(build_long: Index) -> None:
    assert [rule.value for rule in strengths(build_long, ["top_k"])] == [24, 16, 12, 8]


@pytest.fixture
def build_long(tmp_path: Path) -> Index:
    """Two documents, of 30 and of 32 terms: a k of 32 would leave both whole."""
    from lsr.index import IndexBuilder
    from lsr.vectors.sparse import SparseVectors

    with IndexBuilder(tmp_path / "long", dim=40) as builder:
        builder.add(SparseVectors.from_rows([(range(30), [1.0] * 30), (range(32), [1.0] * 32)], dim=40))
        return builder.finish(threads=1)


def point(rule: str | None, value: float | None, postings: int, ndcg: float, weight: float | None = None) -> CurvePoint:
    latency = Latency(0.0123, 0.012, 0.02, 0.03, 5)
    return CurvePoint(rule, value, weight, postings, postings / 1000, postings * 9000, postings * 2000, ndcg, latency)


POINTS = [
    point(None, None, 1000, 0.5),
    point("top_k", 64, 900, 0.499),
    point("top_k", 32, 700, 0.4951),
    point("top_k", 16, 500, 0.48),
    point("top_k", 8, 300, 0.496),  # a fluke, after more was lost
    point("mass", 0.9, 800, 0.494),
    point("quantile", 0.3, 650, 0.51, 0.125),
]


def test_how_far() -> None:
    found = furthest(POINTS, 0.01)
    assert found == {"top_k": POINTS[2], "mass": None, "quantile": POINTS[6]}
    assert list(found) == ["top_k", "mass", "quantile"]
    assert furthest(reversed(POINTS), 0.05)["top_k"] == POINTS[4]
    assert furthest(POINTS, 0.01, gentler_too=False)["top_k"] == POINTS[4]
    assert furthest(POINTS, 0.0)["top_k"] is None


def test_the_table() -> None:
    lines = curve_table(POINTS).splitlines()
    assert lines[0] == "| rule | postings | share | nDCG@10 | index MB | of it vectors | mean µs | p95 µs |"
    assert lines[2] == "| unpruned | 1,000 | 100.0% | 0.5000 | 9.00 | 2.00 | 12.3 | 20.0 |"
    assert lines[8].startswith("| quantile 0.3 (threshold 0.125) | 650 | 65.0% | 0.5100 | 5.85 | 1.30 |")
    assert rule_in_words(POINTS[5]) == "mass 0.9"


def test_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("one.svg", "two.svg"):
        save_plot(POINTS, [tmp_path / name], title="my-index on pets")
    drawn = (tmp_path / "one.svg").read_text()
    assert drawn == (tmp_path / "two.svg").read_text()
    for text in ("my-index on pets", "top_k", "mass", "quantile", "unpruned", "nDCG@10", "MB of terms and weights"):
        assert text in drawn
    with pytest.raises(InputError, match="the name of a plot must end in"):
        save_plot(POINTS, [tmp_path / "curve.pdf"])


def test_an_evaluation_says_that_its_index_was_pruned(
    collection: TestCollection, retriever: Retriever, words: Any, tmp_path: Path
) -> None:
    settings = EvaluationSettings(bm25=False)
    assert evaluate(collection, retriever, settings).report.index["prunings"] == []
    prune_index(retriever.index, tmp_path / "pruned", TopK(1), threads=1)
    pruned = open_or_index(collection, tmp_path / "pruned")
    pruned.encoder = words
    report = evaluate(collection, pruned, settings).report
    assert report.index is not None and report.index["prunings"] == pruned.index.manifest.prunings
    assert "| pruned by | top_k 1: 4 of 8 postings kept |" in report.to_markdown()
    # It is not what the model makes of the collection.
    with pytest.raises(ModelError, match=r"was pruned \(top_k 1: 4 of 8 postings kept\); evaluate it as it is"):
        open_or_index(collection, tmp_path / "pruned", words)
