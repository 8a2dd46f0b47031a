"""`lsr calibrate`: what it prints, stores and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lsr import Document
from lsr.build.corpus import index_corpus
from lsr.cli.app import app
from lsr.encoding.lexical.alone import WordsAlone

RUN = CliRunner()
WORDS = "ant bee cat dog eel fox gnu hen ibis jay koala lynx mole newt owl".split()
DOCUMENTS = [Document(f"{a}-{b}", f"the {a} and the {b}") for a in WORDS for b in WORDS if a < b]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index_corpus(DOCUMENTS, tmp_path / "index", WordsAlone())
    queries = [f"{a}-{b}" for a, b in zip(WORDS * 2, WORDS[1:] + WORDS[3:] + WORDS, strict=False) if a < b]
    lines = [json.dumps({"_id": id, "text": id.replace("-", " ")}) for id in dict.fromkeys(queries)]
    (tmp_path / "queries.jsonl").write_text("\n".join(lines))
    judged = "\n".join(f"{id}\t{id}\t1" for id in dict.fromkeys(queries))
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged + "\n")
    return tmp_path / "index"


def test_an_index_is_calibrated_searched_inspected_and_cleared(index: Path) -> None:
    judged = ["--queries", str(index.parent / "queries.jsonl"), "--qrels", str(index.parent / "qrels.tsv")]
    plot = index.parent / "plot.svg"
    done = RUN.invoke(app, ["calibrate", str(index), *judged, "--plot", str(plot), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found.keys() == {"sparse"} and found["sparse"]["calibration"]["judged"]
    assert plot.read_text().lstrip().startswith("<?xml")
    hits = json.loads(RUN.invoke(app, ["search", str(index), "ant bee", "--json"]).stdout)["hits"]
    assert hits[0]["relevance"] > hits[-1]["relevance"]
    nothing = RUN.invoke(app, ["search", str(index), "ant bee", "--min-relevance", "1"])
    assert nothing.exit_code == 0 and "Nothing has a relevance of 1 or more." in nothing.stdout
    assert "relevance of sparse search" in RUN.invoke(app, ["inspect", str(index)]).stdout
    assert RUN.invoke(app, ["calibrate", str(index), "--clear"]).exit_code == 0
    refused = RUN.invoke(app, ["search", str(index), "ant bee", "--min-relevance", "0.5"])
    assert refused.exit_code != 0


def test_without_judgements_a_table_says_what_thresholds_do(index: Path) -> None:
    done = RUN.invoke(app, ["calibrate", str(index)])
    assert done.exit_code == 0, done.output
    assert "| 0.5 |" in done.stdout and "random words" in done.stdout and "kept" not in done.stdout


def test_queries_and_judgements_go_together(index: Path) -> None:
    done = RUN.invoke(app, ["calibrate", str(index), "--queries", str(index.parent / "queries.jsonl")])
    assert done.exit_code == 2
    assert RUN.invoke(app, ["calibrate", str(index), "--clear", "--mode", "dense"]).exit_code == 2
