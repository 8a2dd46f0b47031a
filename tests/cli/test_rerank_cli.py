"""`lsr rerank`: MS MARCO's candidates and runs, by a model and by an index; what is refused, and leaves nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr import Document
from lsr.eval import read_run

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def files(run: Run, toy_documents: list[Document]) -> dict[str, Document]:
    """In the empty folder that `run` works in: candidates in both forms, queries, a corpus, judgements."""
    known = {each.id: each for each in toy_documents}
    queries = {"1": "bird migration", "2": "dense ice"}
    found = {"1": ["glacier", "arctic-tern"], "2": ["arctic-tern", "glacier"]}
    Path("corpus.jsonl").write_text(
        "".join(json.dumps({"_id": d.id, "title": d.title, "text": d.text}) + "\n" for d in toy_documents)
    )
    Path("queries.tsv").write_text("".join(f"{id}\t{text}\n" for id, text in queries.items()))
    Path("qrels.tsv").write_text("1\t0\tarctic-tern\t1\n2\t0\tglacier\t1\n3\t0\tglacier\t1\n")
    Path("top1000.dev").write_text(
        "".join(f"{q}\t{d}\t{queries[q]}\t{known[d].contents}\n" for q, ids in found.items() for d in ids)
    )
    Path("first.trec").write_text(
        "".join(f"{q} Q0 {d} {rank} {-rank} first\n" for q, ids in found.items() for rank, d in enumerate(ids, 1))
    )
    return known


def test_msmarcos_candidates_are_ranked_by_a_model_and_measured(run: Run, files: dict[str, Document]) -> None:
    code, out, err = run("rerank", "top1000.dev", "-m", "splade-tiny", "--qrels", "qrels.tsv", "-o", "made.trec")
    assert code == 0, err
    # Both relevant documents are first; the third judged query has no candidates, and counts as 0.
    assert out == "MRR@10: 0.6667\n" and "lacks 1 of the 3 judged queries" in err
    made = read_run("made.trec")
    assert [made[q].ids for q in ("1", "2")] == [["arctic-tern", "glacier"], ["glacier", "arctic-tern"]]
    assert Path("made.trec").read_text().split()[5] == "splade-tiny"
    # The same from a run, whose documents a corpus or an index has.
    texts = ("--queries", "queries.tsv", "-m", "splade-tiny")
    assert run("rerank", "first.trec", *texts, "--corpus", "corpus.jsonl", "-o", "second.trec")[0] == 0
    assert Path("second.trec").read_text().split("\n")[0].rsplit(" ", 1)[0] == "1 Q0 arctic-tern 1 " + str(
        Path("made.trec").read_text().split()[4]
    )
    code, out, _ = run("rerank", "first.trec", *texts, "--corpus", "corpus.jsonl", "-o", "x.trec", "--json", "-k", "1")
    assert json.loads(out) == {"output": "x.trec", "queries": 2, "candidates": 2, "metrics": None}


def test_an_index_ranks_a_runs_documents(run: Run, files: dict[str, Document], toy_index: Path) -> None:
    beside = ("first.trec", "--queries", "queries.tsv", "--index", toy_index)
    code, out, err = run("rerank", *beside, "-o", "own.trec", "--qrels", "qrels.tsv", "--metric", "R@1", "--json")
    assert code == 0, err
    assert json.loads(out)["metrics"] == {"recall@1": pytest.approx(2 / 3)}
    found = {hit["id"]: hit["score"] for hit in json.loads(run("search", toy_index, "dense ice", "--json")[1])["hits"]}
    own = read_run("own.trec")["2"]
    assert own.ids[0] == "glacier" and own.scores[0] == pytest.approx(found["glacier"], abs=1e-4)
    assert run("rerank", *beside, "-m", "splade-tiny", "-o", "model.trec")[0] == 0
    assert read_run("model.trec")["2"].ids == own.ids
    code, out, _ = run("rerank", *beside, "-o", "none.trec", "--lexical-weight", "0", "--show-plan")
    assert code == 0 and json.loads(out)["retrieve"]["lexical_weight"] == 0 and not Path("none.trec").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["top1000.dev", "--corpus", "corpus.jsonl"], "--corpus is of the documents of a run: give its --queries"),
        (["first.trec", "--queries", "queries.tsv"], "give its documents, too, with --corpus or --index"),
        (["first.trec", "--queries", "q", "--corpus", "c", "--index", "i"], "give one of them"),
        (["top1000.dev", "--metric", "R@5"], "--metric is of judgements"),
        (["top1000.dev", "--mode", "dense"], "--mode is of a search among the candidates"),
        (["top1000.dev", "-m", "bm25"], "make an index with `lsr index -m bm25`"),
        (["first.trec"], "first.trec:1: expected 4 columns"),
        (["bad.dev", "-m", "splade-tiny"], "bad.dev:2: expected 4 columns"),
        (["gone.dev"], "gone.dev: cannot be read"),
        (["first.trec", "--queries", "queries.tsv", "--index", "INDEX", "--filter", "a > 1"], "leave out --filter"),
        (["first.trec", "--queries", "queries.tsv", "--index", "INDEX", "--max-length", "9"], "--max-length is of"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_written(
    run: Run, files: dict[str, Document], toy_index: Path, arguments: list[str], said: str
) -> None:
    Path("bad.dev").write_text(Path("top1000.dev").read_text().split("\n")[0] + "\nbroken\n")
    given = [str(toy_index) if each == "INDEX" else each for each in arguments]
    code, out, err = run("rerank", *given, "-o", "made.trec")
    assert (code, out) == (2, "") and said in err, err
    assert not Path("made.trec").exists()


def test_a_file_that_is_there_is_kept(run: Run, files: dict[str, Document]) -> None:
    Path("made.trec").write_text("mine")
    code, _, err = run("rerank", "top1000.dev", "-o", "made.trec")
    assert code == 2 and "made.trec" in err and Path("made.trec").read_text() == "mine"
