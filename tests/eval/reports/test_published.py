"""What others published, beside ours: which collections it is of, and whether it is like for like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lsr.eval.measures.metrics import metric_names
from lsr.eval.reports.published import Measured, _known, published_beside
from lsr.eval.reports.suite.results import SuiteResults
from lsr.eval.reports.suite.tables import csv_rows, latex, markdown
from lsr.eval.suites.config import suite_of
from lsr.eval.suites.run import run_suite


def beside(source: str, label: str, queries: int, *, drop_self: bool = False, measures: Sequence[str] = ("ndcg@10",)):  # type: ignore[no-untyped-def]
    found = published_beside([Measured(label, source, queries, drop_self, measures)])
    return {row["system"]: row for row in found}


def test_a_collection_is_known_by_its_name_in_ir_datasets_or_by_its_label() -> None:
    for source, label in (("irds:beir/scifact/test", "anything"), ("folder", "SciFact"), ("folder", "scifact")):
        found = beside(source, label, 300)
        assert (found["SPLADE-v3"]["value"], found["SPLADE-v3"]["unlike"]) == (0.714, [])
        assert found["SPLADE-v3"]["collection"] == label and "anserini" in found["SPLADE-v3"]["source"]
    assert beside("irds:beir/scifact/train", "scifact", 300) == {}
    assert beside("folder", "scifacts", 300) == {}


def test_only_measures_that_are_measured_here() -> None:
    assert beside("folder", "scifact", 300, measures=["mrr@10"]) == {}
    found = beside("irds:msmarco-passage/trec-dl-2019/judged", "x", 43, measures=["recall@1000-l2"])
    assert found["SPLADE-v3"]["value"] == 0.8791


def test_why_a_value_is_not_like_for_like() -> None:
    assert beside("folder", "scifact", 50)["SPLADE-v3"]["unlike"] == ["of 300 queries, where 50 are judged here"]
    trained = ["trained on the training set of this collection"]
    gte = beside("folder", "scifact", 300)["OpenSearch doc-v3-gte"]
    assert gte["unlike"] == trained and "not zero-shot" in gte["about"]
    # Five of BEIR's training sets, and not the others.
    assert beside("folder", "scidocs", 1000)["OpenSearch doc-v3-gte"]["unlike"] == []
    assert beside("folder", "arguana", 1406)["SPLADE-v3"]["unlike"] == ["there no query finds itself"]
    assert beside("folder", "arguana", 1406, drop_self=True)["SPLADE-v3"]["unlike"] == []


def test_the_file_says_what_it_must_of_each_value() -> None:
    known = _known()
    for system in known["systems"]:
        assert known["sources"][system["source"]].keys() == {"title", "where"}
        assert set(system.get("trained_on", ())) <= known["collections"].keys()
        for measure, values in system["values"].items():
            assert metric_names([measure]) and values
            assert values.keys() <= known["collections"].keys()
            assert all(0 < value < 1 for value in values.values())
    names = [each["irds"] for each in known["collections"].values()]
    assert len(set(names)) == len(names)


@pytest.fixture
def results(collection_folder: Path, monkeypatch: pytest.MonkeyPatch) -> SuiteResults:
    """A suite whose collection is called as one that is published."""
    monkeypatch.chdir(collection_folder.parent)
    suite = {"systems": ["bm25", {"name": "words", "model": "bm25"}], "measures": ["nDCG@10"]}
    return run_suite(suite_of(suite | {"collections": [{"name": "scifact", "source": "pets"}]}, "s.yaml"), "out")


def test_published_values_stand_below_ours_in_every_form(results: SuiteResults) -> None:
    assert "| *SPLADE-v3* | 0.7140‡ |" in markdown(results)
    assert "‡ SPLADE-v3: of 300 queries, where 3 are judged here: scifact." in markdown(results)
    assert "\\midrule\n\\textit{BM25 (Lucene, flat)} & 0.6789$^\\ddagger$ \\\\" in latex(results)
    row = next(line for line in csv_rows(results).splitlines() if line.startswith("SPLADE-v3,"))
    assert row.startswith("SPLADE-v3,scifact,ndcg@10,0.714,,,,") and row.endswith('where 3 are judged here"')
    page = Path("out/report.html").read_text()
    assert "<tbody class=published><tr><th scope=row>BM25 (Lucene, flat)<td>0.6789‡" in page
    # What is the best of a column is so among ours.
    assert "| **0.7140**" not in markdown(results)


def test_sparsity_is_drawn_and_costs_are_listed(results: SuiteResults) -> None:
    page = Path("out/report.html").read_text()
    assert page.count("<rect class=bar") == 3  # documents of two and three words, queries of one and of two
    assert "scifact, words: median 2, 90 % from 2 to 2" in page
    (bm25, words) = results.record["costs"]
    assert bm25["flops"] is None and words["flops"] == pytest.approx(1 / 8 + 1 / 4 + 1 / 8)
    assert (words["terms_per_document_mean"], words["terms_per_query_most"]) == (2, 2)
    lines = Path("out/costs.csv").read_text().splitlines()
    assert len(lines) == 3 and {"total_p95_ms", "searching_seconds", "energy_joules"} <= set(lines[0].split(","))


def test_items_of_an_older_version_have_no_histograms(results: SuiteResults) -> None:
    items = {
        place: replace(item, record={**item.record, "index": item.record["index"] and {
            name: value for name, value in item.record["index"].items() if name != "terms"
        }})
        for place, item in results.items.items()
    }  # fmt: skip
    older = replace(results, items=items)
    assert "| scifact: words |" in markdown(older) and "costs" in latex(older)
