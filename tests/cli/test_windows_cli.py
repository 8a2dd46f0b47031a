"""Long documents by windows from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr.eval import read_run
from lsr.index import Index
from lsr.index.fusion.tuning import stored_tuning

Run = Callable[..., tuple[int, str, str]]

FILLER = "The committee met again on a Tuesday and spoke about nothing in particular. " * 5
DOCUMENTS = {
    "minutes": f"{FILLER}A glacier is a body of dense ice that moves slowly. {FILLER}",
    "a#0": f"{FILLER}Bread is leavened by wild yeast kept alive in flour and water.",
    "tern": "The Arctic tern flies from pole to pole.",
}
WINDOWS = ("--windows", "max", "--window-words", 20)


@pytest.fixture
def corpus(run: Run) -> Path:
    """A BEIR folder, in the empty folder that `run` works in."""
    folder = Path("long")
    (folder / "qrels").mkdir(parents=True)
    rows = [json.dumps({"_id": id, "title": id.title(), "text": text, "n": 1}) for id, text in DOCUMENTS.items()]
    (folder / "corpus.jsonl").write_text("\n".join(rows) + "\n")
    queries = [{"_id": "1", "text": "dense ice of a glacier"}, {"_id": "2", "text": "flour for bread"}]
    (folder / "queries.jsonl").write_text("".join(json.dumps(query) + "\n" for query in queries))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\tminutes\t1\n2\ta#0\t1\n")
    return folder


def test_index_search_inspect(run: Run, corpus: Path) -> None:
    code, out, err = run("index", corpus, "-o", "index", *WINDOWS, "--json")
    made = json.loads(out)
    assert code == 0 and made["documents"] == 3 < made["windows"] and "windows" in err
    code, _, err = run("index", corpus, "-o", "index", *WINDOWS, "--force")
    assert f"index: 3 documents in {made['windows']} windows" in err
    assert run("verify", "index")[0] == 0

    code, out, _ = run("search", "index", "dense ice of a glacier", "-k", 2, "--json")
    hit = json.loads(out)["hits"][0]
    assert code == 0 and (hit["id"], hit["title"], hit["fields"]) == ("minutes", "Minutes", {"n": 1})
    window = hit["window"]
    assert DOCUMENTS["minutes"][window["start"] : window["stop"]] == hit["text"] and "dense ice" in hit["text"]
    _, out, _ = run("search", "index", "dense ice of a glacier", "-k", 2)
    assert f"window {window['number']}" in out.splitlines()[0] and "body of dense ice" in out
    assert window["of"] > 1
    # One that was not cut has no number.
    _, out, _ = run("search", "index", "Arctic tern from pole to pole", "-k", 1)
    assert "Tern (tern)" in out and "window" not in out
    _, out, _ = run("search", "index", "Arctic tern from pole to pole", "-k", 1, "--json")
    length = len(DOCUMENTS["tern"])
    assert json.loads(out)["hits"][0]["window"] == {"number": 0, "start": 0, "stop": length, "of": 1}

    assert run("search", "index", "--queries", corpus / "queries.jsonl", "-o", "some.run", "-k", 3)[0] == 0
    assert {id: ranking.ids[0] for id, ranking in read_run("some.run").items()} == {"1": "minutes", "2": "a#0"}

    _, out, _ = run("inspect", "index", "--json")
    assert json.loads(out)["windows"] == {"score": "max", "words": 20, "stride": 16, "top": 3, "documents": 3}
    _, out, _ = run("inspect", "index", "--document", "a#0", "--json")
    shown = json.loads(out)
    assert shown["text"] == DOCUMENTS["a#0"]
    index = Index.open("index")
    terms = {int(term) for row in index.documents.rows_of("a#0") for term in index.vector(row)[0]}
    assert len(shown["vector"]) == len(terms)
    code, _, err = run("inspect", "index", "--document", "a")
    assert code == 2 and "no document with id 'a'" in err


def test_eval(run: Run, corpus: Path) -> None:
    common = ["eval", corpus, "-o", "out", "--no-bm25", "--json"]
    code, out, _ = run(*common, *WINDOWS)
    report = json.loads(out)
    assert code == 0 and report["metrics"]["ndcg@10"] == 1 and report["collection"]["documents"] == 3
    assert report["index"]["windows"]["words"] == 20
    assert report["index"]["read"] == "all, in windows of up to 20 words"
    assert set(read_run("out/lsr.run")["1"].ids) <= set(DOCUMENTS)
    # Used again where the windows are the same; one that was named is measured as it is.
    assert run(*common, *WINDOWS)[0] == 0
    assert run(*common, "--index", "out/index")[0] == 0
    code, _, err = run(*common, "--windows", "none")
    assert code == 2 and "made with windows of score max, words 20, stride 16, top 3, not no windows" in err
    code, _, err = run(*common, "--index", "out/index", "--windows", "sum")
    assert code == 2 and "not windows of score sum, words 150" in err
    lines = (corpus / "corpus.jsonl").read_text()
    (corpus / "corpus.jsonl").write_text(lines.replace("dense ice", "thick ice"))
    code, _, err = run(*common, *WINDOWS)
    assert code == 2 and "document 'minutes' has another text in the index" in err


def test_eval_of_first_windows(run: Run, corpus: Path) -> None:
    common = ["eval", corpus, "-o", "out", "--no-bm25", "--json", "--windows", "first", "--window-words", 20]
    assert json.loads(run(*common)[1])["index"]["documents"] == 3 == len(Index.open("out/index"))
    assert run(*common)[0] == 0


def test_hybrid_search_and_its_tuning(run: Run, corpus: Path) -> None:
    assert run("index", corpus, "-o", "index", "--windows", "sum", "--window-words", 20, "--dense", "minilm")[0] == 0
    code, out, _ = run("search", "index", "dense ice of a glacier", "--mode", "hybrid", "--explain", "--json")
    hits = json.loads(out)["hits"]
    assert code == 0 and hits[0]["id"] == "minutes" and len({hit["id"] for hit in hits}) == len(hits) == 3
    for hit in hits:
        given = sum(hit["stages"][side]["contribution"] for side in ("sparse", "dense"))
        assert hit["score"] == pytest.approx(given)
    (corpus / "queries.jsonl").write_text("".join(f'{{"_id": "{n}", "text": "dense ice"}}\n' for n in range(12)))
    rows = "".join(f"{n}\tminutes\t1\n" for n in range(12))
    (corpus / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    code, out, _ = run(
        "tune", "index", "--queries", corpus / "queries.jsonl", "--qrels", corpus / "qrels" / "test.tsv", "--json"
    )
    assert code == 0 and stored_tuning(Index.open("index")).reached == 1
    code, _, err = run("tune", "index", "--queries", corpus / "queries.jsonl", "--recall", 0.5, "--k", 1)
    assert code == 0 and "recall and the top 1 are counted in windows here" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--window-words", 20], "need --windows max, first or sum"),
        (["--windows", "max", "--top-windows", 2], "--top-windows needs --windows sum"),
        (["--windows", "max", "--window-words", 20, "--window-stride", 30], "1 to 20 words"),
        (["--windows", "max", "--vectors", "some.parquet"], "cannot be used with --vectors"),
    ],
)
def test_options_that_do_not_fit(run: Run, corpus: Path, options: list, message: str) -> None:
    code, _, err = run("index", corpus, "-o", "index", *options)
    assert code == 2 and message in " ".join(err.split())
    assert not Path("index").exists()
