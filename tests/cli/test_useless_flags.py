"""What is given and would not be used is refused: nobody takes for done what was ignored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr import Document

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(run: Run, toy_documents: list[Document]) -> Path:
    """The empty folder that `run` works in, with a corpus, queries and vectors of both."""
    lines = [json.dumps({"_id": d.id, "title": d.title, "text": d.text}) for d in toy_documents]
    Path("corpus.jsonl").write_text("\n".join(lines) + "\n")
    Path("queries.jsonl").write_text('{"_id": "1", "text": "ice"}\n')
    return Path.cwd()


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["ice", "--tag", "x"], "--tag"),
        (["ice", "-o", "x.run"], "--output"),
        (["--queries", "queries.jsonl", "-o", "x.run", "--explain"], "--explain"),
        (["--queries", "queries.jsonl", "-o", "x.run", "--offset", "5"], "--offset"),
    ],
)
def test_search_refuses_what_it_would_not_use(
    run: Run, folder: Path, toy_index: Path, arguments: list[str], flag: str
) -> None:
    code, out, err = run("search", toy_index, *arguments)
    assert (code, out) == (2, "") and f"error: {flag} is for " in err and not Path("x.run").exists()


def test_a_question_beside_vectors_that_say_all_is_refused(run: Run, toy_index: Path) -> None:
    code, out, err = run("search", toy_index, "ice", "--vector", '{"bird": 1.0}')
    assert (code, out) == (2, "") and "the text beside them would not be read: leave one of them out" in err
    assert run("search", toy_index, "--vector", '{"bird": 1.0}')[0] == 0


VECTORS = '{"id": "a", "vector": {"bird": 1.0}}\n'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["encode", "corpus.jsonl", "--text", "ice"], "CORPUS is for a corpus"),
        (["encode", "--text", "ice", "-o", "v.parquet"], "--output is for a corpus"),
        (["encode", "--text", "ice", "--dry-run"], "--dry-run is for a corpus"),
        (["encode", "queries.jsonl", "--queries", "-o", "v.parquet", "--dry-run"], "--dry-run is for a corpus"),
        (["encode", "queries.jsonl", "--queries", "-o", "v.parquet", "--restart"], "--restart is for a corpus"),
        (
            ["encode", "queries.jsonl", "--queries", "-o", "v.parquet", "--window-overlap", "4"],
            "--window-overlap is for",
        ),
        (["index", "--vectors", "v.jsonl", "--top-k", "4"], "--top-k is for texts to encode"),
        (["index", "--vectors", "v.jsonl", "--window-overlap", "4"], "--window-overlap is for texts to encode"),
        (["index", "--vectors", "v.jsonl", "--max-length", "4"], "--max-length is of a model"),
        (["index", "--vectors", "v.jsonl", "--restart"], "--restart is for what takes long"),
        (["index", "--vectors", "v.jsonl", "--format", "tsv"], "--format is for a CORPUS"),
        (["index", "--vectors", "v.jsonl", "--language", "german"], "--language is for texts to encode"),
        (["index", "--vectors", "v.jsonl", "--lexical-weight", "2"], "--lexical-weight is for texts to encode"),
        (["index", "--vectors", "v.jsonl", "--no-lexical"], "--no-lexical is for texts to encode"),
        (["index", "--vectors", "v.jsonl", "--model", "bm25"], "bm25 is no model that makes vectors"),
        (["index", "corpus.jsonl", "--model", "bm25", "--max-length", "9"], "--max-length is of models: bm25 is none"),
        (["index", "corpus.jsonl", "--model", "bm25", "--window-overlap", "9"], "--window-overlap is of models"),
        (["index", "corpus.jsonl", "--model", "bm25", "--top-k", "9"], "--top-k is of models"),
        (["index", "corpus.jsonl", "--model", "bm25", "--device", "cpu"], "--device is of models"),
        (["index", "corpus.jsonl", "--model", "bm25", "--no-lexical"], "--no-lexical is of words beside"),
        (["index", "corpus.jsonl", "--model", "bm25", "--lexical-weight", "2"], "--lexical-weight is of words beside"),
        (
            ["index", "corpus.jsonl", "--no-lexical", "--language", "german"],
            "--lexical-weight, --language and",
        ),
        (["create", "made", "--model", "bm25", "--no-lexical"], "--no-lexical is of words beside"),
        (["create", "made", "--model", "bm25", "--lexical-weight", "2"], "--lexical-weight is of words beside"),
        (["create", "made", "--model", "bm25", "--device", "cpu"], "--device is of models"),
        (["create", "made", "--no-lexical", "--language", "german"], "--language is of words, which --no-lexical"),
        (["create", "made", "--no-lexical", "--lexical-weight", "2"], "--lexical-weight is of words, which"),
        (["create", "made", "--no-lexical", "--never-split", "corpus.jsonl"], "--never-split is of words, which"),
        (["create", "made", "--no-lexical", "--mean-length", "9"], "--mean-length is of words, which"),
        (["dense", "INDEX", "--vectors", "v.npy", "--max-length", "4"], "--max-length is of a model"),
        (["dense", "INDEX", "--vectors", "v.npy", "--restart"], "--restart is for texts"),
        (["search", "INDEX", "--vector", '{"bird": 1}', "--query-idf", "0.5"], "--query-idf is of the vectors"),
        (["search", "INDEX", "--queries", "v.jsonl", "-o", "x.run", "--query-idf", "0.5"], "--query-idf is of the"),
        (["search", "INDEX", "--vector", '{"bird": 1}', "--lexical-weight", "2"], "--lexical-weight is of the vectors"),
        (["search", "INDEX", "--queries", "v.jsonl", "-o", "x", "--lexical-weight", "2"], "--lexical-weight is of the"),
        (["search", "INDEX", "ice", "--query-idf", "0.5"], "--query-idf: has no use here, for the model splade"),
        (["search", "INDEX", "ice", "--mode", "dense", "--query-idf", "0.5"], "--query-idf is of the terms"),
        (["eval", "set", "--mode", "dense", "--query-idf", "0.5"], "--query-idf is of the terms"),
        (["search", "INDEX", "ice", "--force"], "--force is for the run file"),
        (["index", "--vectors", "v.jsonl", "--device", "cpu"], "--device is for models that encode"),
        (["dense", "INDEX", "--vectors", "v.npy", "--device", "cpu"], "--device is for models that encode"),
        (["tune", "INDEX", "--queries", "queries.jsonl", "--metric", "MAP"], "--metric is for judged queries"),
        (["tune", "INDEX", "--queries", "queries.jsonl", "--fusion", "rrf"], "--fusion is for judged queries"),
        (["tune", "INDEX", "--queries", "v.jsonl", "--device", "cpu"], "--device is for texts to encode"),
        (["tune", "INDEX", "--queries", "v.jsonl", "--model", "splade-tiny"], "--model is for texts to encode"),
        (["tune", "INDEX", "--queries", "q", "--qrels", "q.tsv", "--recall", "0.9"], "--recall is for the search that"),
        (["tune", "INDEX", "--queries", "q", "--qrels", "q.tsv", "-k", "9"], "--k is for the search that"),
        (["tune", "INDEX", "--queries", "q", "--qrels", "q.tsv", "--max-queries", "9"], "--max-queries is for the"),
        (["bench", "v.jsonl", "v.jsonl", "--against", "none", "--force"], "--force is for the files of --output"),
        (["prune", "INDEX", "--curve", "folder", "--force"], "--force is for --output"),
        (["prune", "v.jsonl", "-o", "s.jsonl", "--top-k", "1", "--threads", "2"], "--threads is for an index"),
        (["mine", "set", "-o", "mined", "--top", "--seed", "1"], "--seed is of a random choice"),
        (["mine", "set", "-o", "mined", "--with", "splade-tiny", "--bm25-corpus", "c"], "--bm25-corpus is of bm25"),
        (["mine", "set", "-o", "mined", "--device", "cpu"], "--device is of models"),
        (["score", "set", "-o", "s", "-t", "bm25", "--weight", "2"], "--weight is of several teachers"),
        (["score", "set", "-o", "s", "-t", "bm25", "--scale", "2"], "--scale is of scores that are normalised"),
        (["score", "set", "-o", "s", "-t", "bm25", "-t", "minilm", "--normalise"], "--normalise is for a single"),
        (["score", "set", "-o", "s", "-t", "v.jsonl", "-t", "bm25", "--max-length", "9"], "--max-length is of models"),
        (["score", "set", "-o", "s", "-t", "minilm", "--bm25-corpus", "c"], "--bm25-corpus is of bm25"),
        (["train", "--list", "--data", "set"], "--data is for a run"),
        (["train", "run", "--plot", "p.svg", "--restart"], "--restart is for training"),
        (["train", "run", "--plot", "p.svg", "--json"], "--json is for training"),
        (["search", "INDEX", "ice", "--lexical-weight", "2"], "--lexical-weight: this index holds no"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_other_commands_refuse_it_too(run: Run, folder: Path, toy_index: Path, arguments: list[str], said: str) -> None:
    Path("v.jsonl").write_text(VECTORS)
    before = sorted(folder.rglob("*"))
    code, out, err = run(*[toy_index if each == "INDEX" else each for each in arguments])
    assert (code, out) == (2, "") and f"error: {said}" in err, err
    assert sorted(folder.rglob("*")) == before


def test_a_run_goes_on_in_its_own_folder(run: Run) -> None:
    Path("run").mkdir()
    Path("run/config.yaml").touch()
    code, out, err = run("train", "run", "-o", "other")
    assert (code, out) == (2, "") and "error: --output is for a new run: run is one, which goes on where it is" in err


def test_words_alone_have_no_idf_to_blend(run: Run, folder: Path) -> None:
    assert run("index", "corpus.jsonl", "-o", "words", "--model", "bm25")[0] == 0
    code, out, err = run("search", "words", "ice", "--query-idf", "0.5")
    assert (code, out) == (2, "") and "--query-idf: is of models, and bm25 is none" in err


def test_synonyms_that_are_stored_are_printed_as_json_where_that_is_asked_for(run: Run, folder: Path) -> None:
    assert run("index", "corpus.jsonl", "-o", "words", "--model", "bm25")[0] == 0
    Path("rules.txt").write_text("ice, frozen water\n")
    assert json.loads(run("synonyms", "words", "rules.txt", "--json")[1]) == {"synonyms": ["ice, frozen water"]}
    assert json.loads(run("synonyms", "words", "--clear", "--json")[1]) == {"synonyms": []}
