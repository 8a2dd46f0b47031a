"""`lsr calibrate`: what it prints, stores and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr import Document
from lsr.build.corpus import index_corpus
from lsr.encoding.lexical.alone import WordsAlone

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
