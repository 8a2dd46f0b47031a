"""`lsr calibrate`: what it prints, stores and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lsr import Document
from lsr.build.corpus import index_corpus
from lsr.collection.collection import Collection
from lsr.encoding.lexical.alone import WordsAlone
from lsr.index.format.manifest import Manifest
from lsr.index.format.output import change_manifest

Run = Callable[..., tuple[int, str, str]]

_WORDS = "ant bee cat dog eel fox gnu hen ibis jay koala lynx mole newt owl"
WORDS = _WORDS.split()
DOCUMENTS = [Document(f"{a}-{b}", f"the {a} and the {b}") for a in WORDS for b in WORDS if a < b]
QUERIES = [document.id for document in DOCUMENTS[::3]]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_corpus(DOCUMENTS, tmp_path / "index", WordsAlone())
    lines = [json.dumps({"_id": id, "text": id.replace("-", " ")}) for id in QUERIES]
    (tmp_path / "queries.jsonl").write_text("\n".join(lines))
    judged = "\n".join(f"{id}\t{id}\t1" for id in QUERIES)
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged + "\n")
    return tmp_path / "index"


def test_an_index_is_calibrated_searched_inspected_and_cleared(run: Run, index: Path) -> None:
    judged = ("--queries", index.parent / "queries.jsonl", "--qrels", index.parent / "qrels.tsv")
    plot = index.parent / "plot.svg"
    code, out, err = run("calibrate", index, *judged, "--plot", plot, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found.keys() == {"sparse"} and found["sparse"]["calibration"]["judged"]
    assert plot.read_text().lstrip().startswith("<?xml")
    hits = json.loads(run("search", index, "ant bee", "--json")[1])["hits"]
    assert hits[0]["relevance"] > hits[-1]["relevance"]
    code, out, _ = run("search", index, "ant bee", "--min-relevance", "1")
    assert code == 0 and "Nothing has a relevance of 1 or more." in out
    assert "relevance of sparse search" in run("inspect", index)[1]
    assert "no longer calibrated" in run("calibrate", index, "--clear")[2]
    code, _, err = run("search", index, "ant bee", "--min-relevance", "0.5")
    assert code == 2 and f"run `lsr calibrate {index}`" in err


def test_without_judgements_a_table_says_what_thresholds_do(run: Run, index: Path) -> None:
    code, out, err = run("calibrate", index)
    assert code == 0, err
    assert "| 0.5 |" in out and "random words" in out and "kept" not in out


def test_queries_and_judgements_go_together(run: Run, index: Path) -> None:
    code, _, err = run("calibrate", index, "--queries", index.parent / "queries.jsonl")
    assert code == 2 and "go together" in err
    assert run("calibrate", index, "--clear", "--mode", "dense")[0] == 2


@pytest.mark.parametrize("live", [False, True])
def test_snapshots_and_what_is_restored_of_them_are_calibrated(run: Run, index: Path, live: bool) -> None:
    if live:
        with Collection.create("live", model="bm25") as collection:
            collection.add(DOCUMENTS)
            collection.compact()
        index = Path("live")
    assert run("calibrate", index)[0] == 0
    found = json.loads(run("search", index, "ant bee", "--json")[1])["hits"]
    assert found[0]["relevance"] > 0
    assert run("snapshot", index, "-o", "kept")[0] == 0
    assert run("calibrate", index, "--clear")[0] == 0
    code, _, err = run("restore", "kept", "-o", "again")
    assert code == 0, err
    for path in ("kept", "again"):
        hits = json.loads(run("search", path, "ant bee", "--json")[1])["hits"]
        assert [hit["relevance"] for hit in hits] == [hit["relevance"] for hit in found]
        assert Manifest.read(Path(path)).relevance is not None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weights": {"luck": 1.0}}, "must be weights of"),
        ({"weights": {"log sparse score": -1.0}}, "at least 0 of a score"),
        ({"intercept": "high"}, "intercept"),
        ({"more": 1}, "more"),
    ],
)
def test_verify_checks_what_was_stored(run: Run, index: Path, changes: dict[str, Any], said: str) -> None:
    assert run("calibrate", index)[0] == 0 and run("verify", index)[0] == 0
    manifest = Manifest.read(index)
    assert manifest.relevance is not None
    wrong = [{**manifest.relevance[0], **changes}]
    change_manifest(index, manifest.segment, lambda each: replace(each, relevance=wrong))
    code, out, _ = run("verify", index, "--json")
    (problem,) = json.loads(out)["problems"]
    assert code == 2 and "relevance 0" in problem and said in problem, problem
    assert run("search", index, "ant")[0] == 2
    assert run("calibrate", index, "--clear")[0] == 0 and run("verify", index)[0] == 0
    assert run("search", index, "ant")[0] == 0
