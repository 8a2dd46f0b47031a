"""Suites: what they find, what they do again, and what they refuse before any work."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from lsr.core.errors import InputError, LsrError, OutputExistsError
from lsr.core.files import atomic_file
from lsr.eval.suites.config import read_suite, suite_of
from lsr.eval.suites.run import _only_one, run_suite

MINE = "q1 Q0 d2 1 2.0 mine\nq2 Q0 d4 1 1.0 mine\n"


@pytest.fixture
def record(collection_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Three systems on one collection that is there twice, in the current folder."""
    monkeypatch.chdir(collection_folder.parent)
    Path("mine.trec").write_text(MINE)
    return {
        "systems": ["bm25", {"name": "words", "model": "bm25"}, {"name": "mine", "runs": "mine.trec"}],
        "collections": ["pets", {"name": "again", "source": "pets", "measures": ["P@1"]}],
        "measures": ["MRR@10"],
    }


def contents(folder: Path, *, times: bool = False) -> dict[str, bytes]:
    """The bytes of each file, without the indexes, and without what differs from run to run."""
    files = (path for path in folder.rglob("*") if path.is_file() and "work" not in path.parts)
    timed = ("times.json", "costs.csv", "report.html", "report.md")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if times or path.name not in timed}


def test_worked_by_hand(record: dict[str, Any]) -> None:
    run_suite(suite_of(record, "s.yaml"), "out")
    found = json.loads(Path("out/results.json").read_text())
    rows = {(row["system"], row["collection"], row["measure"]): row for row in found["rows"]}
    # bm25 ranks q1's document second and q2's first; mine has only q1's; q3 has no text and counts as zero.
    assert rows["bm25", "pets", "mrr@10"]["value"] == rows["words", "pets", "mrr@10"]["value"] == 0.5
    assert (
        rows["mine", "pets", "mrr@10"]["value"] == rows["mine", "again", "precision@1"]["value"] == pytest.approx(1 / 3)
    )
    assert rows["bm25", "pets", "mrr@10"]["ci"] == pytest.approx([0.5 - 1.2421, 0.5 + 1.2421], abs=1e-4)
    assert rows["bm25", "pets", "mrr@10"]["p"] is None and rows["words", "pets", "mrr@10"]["p"] == 1.0
    # Of one collection there is no mean.
    assert not any(row["collection"] == "mean" for row in found["rows"])
    assert len(found["comparisons"]) == 2 * 3
    assert {key for item in found["items"] for key in item} >= {"identity", "documents", "model", "index", "notes"}
    assert found["environments"][0]["packages"]["numpy"] and found["collections"]["pets"]["queries"] == 3
    assert Path("out/runs/pets/mine/run.trec").read_text() == MINE.replace("2.0", "2").replace("1.0", "1")
    assert "| bm25 | **0.5000** |" in Path("out/report.md").read_text()
    assert "bm25 & \\textbf{0.5000} \\\\" in Path("out/table.tex").read_text()
    with Path("out/table.csv").open() as file:
        assert next(row["value"] for row in csv.DictReader(file)) == "0.5"


def test_means_count_a_group_as_one(record: dict[str, Any]) -> None:
    record["systems"] = ["bm25"]
    named = [{"name": name, "source": "pets", "group": group} for name, group in (("a", "g"), ("b", "g"), ("c", None))]
    record["collections"] = named
    named[1]["queries"] = "one.jsonl"
    Path("one.jsonl").write_text('{"_id": "q2", "text": "fish"}\n')
    rows = run_suite(suite_of(record, "s.yaml"), "out").record["rows"]
    values = {row["collection"]: row["value"] for row in rows}
    assert values == {"a": 0.5, "b": 1.0, "c": 0.5, "g": 0.75, "mean": 0.625}


def test_a_finished_suite_is_not_done_again(record: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    run_suite(suite_of(record, "s.yaml"), "out")
    before = contents(Path("out"), times=True)
    with monkeypatch.context() as patched:
        patched.setattr("lsr.eval.suites.run.publish_item", None)
        run_suite(suite_of(record, "s.yaml"), "out")
        assert contents(Path("out"), times=True) == before
        # Other measures are taken of the runs that are there.
        more = run_suite(suite_of(record | {"measures": ["MRR@10", "R@5"]}, "s.yaml"), "out")
        assert {row["measure"] for row in more.record["rows"]} == {"mrr@10", "recall@5", "precision@1"}


def test_what_was_changed_is_done_again(record: dict[str, Any]) -> None:
    def value(system: str) -> float:
        rows = run_suite(suite_of(record, "s.yaml"), "out").record["rows"]
        return float(next(row["value"] for row in rows if row["system"] == system))

    assert value("mine") == pytest.approx(1 / 3)
    Path("mine.trec").write_text(MINE.replace("d4", "d3"))
    assert value("mine") == pytest.approx(2 / 3)
    assert value("bm25") == value("words") == 0.5
    with Path("pets/corpus.jsonl").open("a") as file:
        file.write('{"_id": "d5", "title": "", "text": "fish fish"}\n')
    assert value("bm25") == value("words") == pytest.approx((0.5 + 0.5) / 3)
    # An item of which half is gone is made again.
    Path("out/runs/pets/bm25/item.json").write_text("{")
    assert value("bm25") == pytest.approx((0.5 + 0.5) / 3)


def test_interrupted_anywhere_it_goes_on_to_the_same_bytes(
    record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before each time that something is published; `benchmarks/killed.py` kills it at every call."""
    suite = suite_of(record, "s.yaml")
    run_suite(suite, "whole")
    stops = 0

    class Stop(BaseException):
        pass

    def stopping(path: str | Path, *, force: bool = False) -> Any:
        if Path(path) not in published:
            published.add(Path(path))
            raise Stop
        return atomic_file(path, force=force)

    published: set[Path] = set()
    for module in ("lsr.eval.runs", "lsr.eval.suites.hashes", "lsr.eval.reports.suite.files"):
        monkeypatch.setattr(f"{module}.atomic_file", stopping)
    while True:
        try:
            run_suite(suite, "broken")
            break
        except Stop:
            stops += 1
    assert stops > 10
    assert contents(Path("broken")) == contents(Path("whole"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"systems": ["bm25", "bm25"]}, "s.yaml: field 'systems': 'bm25' is there twice"),
        ({"systems": ["bm25", {"name": "BM25", "model": "bm25"}]}, "'bm25' and 'BM25' would have the same folder"),
        ({"collections": ["pets", "./pets"]}, "s.yaml: field 'collections': 'pets' is there twice"),
        ({"collections": [{"name": "mean", "source": "pets"}]}, "'mean' is the mean over collections"),
        ({"collections": ["pets", {"source": "x", "group": "pets"}]}, "'pets' is a group's name and a collection's"),
        ({"systems": []}, "s.yaml: field 'systems': name at least one"),
        ({"systems": ["bm52"]}, "'bm52' is no system: write bm25, or {name: …, model: bm52}"),
        ({"systems": [{"name": "a", "modle": "b"}]}, r"systems.0.modle: systems.0 has no 'modle'"),
        ({"systems": [{"name": "a", "max_length": 1}]}, "systems.0.max_length: Input should be greater than"),
        ({"systems": [{"name": "a", "mode": "hybrid"}]}, "field 'systems.0.dense': is missing: mode hybrid"),
        ({"systems": [{"name": "a", "mode": "seismic"}]}, "field 'systems.0.mode': seismic searches a part"),
        ({"systems": [{"name": "a", "mode": "exat"}]}, "did you mean exact?"),
        ({"systems": [{"name": "a", "search": {"fedback": "rm3"}}]}, "'systems.0.search.fedback': there is no such"),
        ({"systems": [{"name": "a", "window_words": 9}]}, "field 'systems.0.windows': must be max, first or sum"),
        ({"systems": [{"name": "a", "language": "klingon"}]}, "klingon"),
        ({"measures": ["ndgc@10"]}, "s.yaml: field 'measures': unknown metric 'ndgc@10'"),
        ({"k": 5}, "s.yaml: field 'measures': mrr@10 needs rankings of 10, but k is 5"),
        ({"collections": "beer"}, "there is no suite 'beer': there are beir,"),
        ({"mesures": []}, "a suite has no 'mesures'; it has systems"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(record: dict[str, Any], change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        suite_of(record | change, "s.yaml")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"collections": ["pets", "nowhere"]}, "s.yaml: field 'collections.1': there is no file or folder nowhere"),
        ({"collections": ["pets", "irds:beir/nope"]}, "ir_datasets has no dataset 'beir/nope'"),
        ({"collections": ["pets", {"source": "pets", "name": "b", "split": "dev"}]}, "'dev'"),
        ({"systems": ["bm25", {"name": "a", "model": "nope"}]}, "s.yaml: field 'systems.1': there is no model 'nope'"),
        ({"systems": ["bm25", {"name": "a", "dense": "nope"}]}, "s.yaml: field 'systems.1': there is no model 'nope'"),
        ({"systems": ["bm25", {"name": "a", "runs": "no"}]}, "s.yaml: field 'systems.1.runs': there is no run no"),
        ({"systems": ["bm25", {"name": "a", "runs": {"pets": "mine.trec"}}]}, "has no run for the collection 'again'"),
        ({"systems": ["bm25", {"name": "a", "runs": "other.trec"}]}, "other.trec has none of the 3 judged queries"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused_before_any_work(
    record: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    Path("other.trec").write_text("x Q0 d1 1 1.0 t\n")
    with pytest.raises(LsrError) as error:
        run_suite(suite_of(record | change, "s.yaml"), "out", source="s.yaml")
    assert said in str(error.value)
    assert not Path("out/runs").exists()


def test_a_suite_by_name_is_a_list_of_collections() -> None:
    suite = suite_of({"systems": ["bm25"], "collections": "trec-dl"}, "s.yaml")
    assert [each.label for each in suite.collections] == ["dl-2019", "dl-2020"]
    assert suite.measures == read_suite("trec-dl").measures
    assert suite_of({"systems": ["bm25"], "collections": "trec-dl", "measures": ["MAP"]}, "s").measures == ["MAP"]


def test_one_process_at_a_time(record: dict[str, Any]) -> None:
    Path("out").mkdir()
    with _only_one(Path("out")), pytest.raises(OutputExistsError, match="another process is working in out"):
        run_suite(suite_of(record, "s.yaml"), "out")
