"""`lsr eval`: what is refused, and when; what is said, and how often."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import Document, SparseEncoder

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def toy(run: Run, toy_documents: list[Document]) -> Path:
    """A BEIR folder, in the empty folder that `run` works in. One of its judged queries is not there."""
    folder = Path("toy")
    (folder / "qrels").mkdir(parents=True)
    lines = [json.dumps({"_id": d.id, "title": d.title, "text": d.text}) for d in toy_documents]
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "bird migration"}\n{"_id": "2", "text": "dense ice"}\n')
    judge(folder, ("1", "arctic-tern"), ("2", "glacier"), ("3", "glacier"))
    return folder


def judge(folder: Path, *pairs: tuple[str, str]) -> None:
    rows = "".join(f"{query}\t{document}\t1\n" for query, document in pairs)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")


def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, whatever encodes or loads a model fails."""

    def encode(*_: Any, **__: Any) -> None:
        raise AssertionError("something was encoded")

    monkeypatch.setattr(SparseEncoder, "encode_documents", encode)


def test_a_warning_is_said_once(run: Run, toy: Path) -> None:
    code, out, err = run("eval", toy, "--no-bm25")
    assert code == 0 and (out + err).count("is not among the queries and was left out") == 1
    code, out, err = run("eval", toy, "--no-bm25", "--json")
    remark = "1 of the 3 judged queries is not among the queries and was left out"
    assert remark in json.loads(out)["notes"][0] and f"warning: {remark}" in err


def test_judgements_of_another_collection_are_refused_before_anything_is_encoded(
    run: Run, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(toy, ("1", "nobody"), ("2", "nothing"))
    never(monkeypatch)
    code, _, err = run("eval", toy, "--no-bm25")
    assert code == 2 and "none of the 2 documents judged relevant is among the 5 that are searched" in err
    assert not Path("lsr-eval/toy/index").exists()


def test_a_search_that_a_new_index_cannot_do_is_refused_before_it_is_made(
    run: Run, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save("one.npy", np.ones((1, 8), np.float32))
    never(monkeypatch)
    for options, message in (
        (("--mode", "hybrid"), "mode hybrid needs dense vectors: name a model of them with --dense"),
        (("--mode", "dense", "--dense-queries", "one.npy"), "mode dense needs dense vectors"),
        (("--mode", "seismic"), "mode seismic needs `lsr index --seismic`"),
        (("--mode", "bmp"), "mode bmp needs `lsr index --bmp`"),
        (("--rerank", "late"), "re-ranking with late needs `lsr late`"),
        (
            ("--mode", "dense", "--dense", "minilm", "--dense-queries", "one.npy"),
            "1 dense vector came with 2 queries: give one for each",
        ),
        (("--dense-queries", "one.npy"), "--dense-queries has no use in this search"),
    ):
        code, _, err = run("eval", toy, "--no-bm25", *options)
        assert code == 2 and message in err, err
    assert not Path("lsr-eval/toy/index").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--index", "x"),
        ("--model", "splade-tiny"),
        ("--max-length", "9"),
        ("--top-k", "9"),
        ("--windows", "max"),
        ("--dense", "minilm"),
        ("--query-idf", "0.5"),
        ("--no-lexical",),
        ("--language", "german"),
        ("--never-split", "terms.txt"),
        ("--title-weight", "1"),
        ("--lexical-weight", "2"),
        ("--mode", "exact"),
        ("--recall", "0.9"),
        ("--plan", "plan.json"),
        ("--tag", "mine"),
    ],
    ids=lambda options: options[0],
)
def test_what_judging_a_run_has_no_use_for_is_refused(run: Run, toy: Path, options: tuple[str, ...]) -> None:
    Path("a.run").write_text("1 Q0 arctic-tern 1 2.0 mine\n2 Q0 glacier 1 1.0 mine\n")
    Path("plan.json").write_text(run("search", "x", "--show-plan")[1])
    code, out, err = run("eval", toy, "--run", "a.run", "--no-bm25", *options)
    assert (code, out) == (2, "") and f"error: {options[0]} is " in err, err
    assert run("eval", toy, "--run", "a.run", "--no-bm25")[0] == 0


def test_settings_of_a_model_beside_an_index_as_it_was_made(run: Run, toy: Path) -> None:
    assert run("index", toy, "-o", "made")[0] == 0
    for options in (("--max-length", 16), ("--top-k", 5), ("--title-weight", 1)):
        code, _, err = run("eval", toy, "--index", "made", "--no-bm25", *options)
        assert code == 2 and f"error: {options[0]} is of what an index is made of" in err
    Path("terms.txt").write_text("New York\n")
    for words in (("--language", "german"), ("--no-lexical",), ("--never-split", "terms.txt")):
        code, _, err = run("eval", toy, "--index", "made", "--no-bm25", *words)
        assert code == 2 and f"error: {words[0]} is of the words that an index is made with" in err
    assert run("eval", toy, "--index", "made", "--no-bm25", "--lexical-weight", "0.5")[0] == 0
    code, _, err = run("eval", toy, "--index", "made", "--no-bm25", "--device", "cuda:99")
    assert code == 2 and "there is no device 'cuda:99' here" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "bm25", "--max-length", "9"), "--max-length is of models: bm25 is none"),
        (("--model", "bm25", "--top-k", "9"), "--top-k is of models"),
        (("--model", "bm25", "--query-idf", "0.5"), "--query-idf is of models"),
        (("--model", "bm25", "--device", "cpu"), "--device is of models"),
        (("--model", "bm25", "--no-lexical"), "--no-lexical is of words beside a model's terms"),
        (("--no-lexical", "--never-split", "terms.txt"), "--lexical-weight, --language and --never-split are of words"),
        (("--no-lexical", "--lexical-weight", "2"), "--lexical-weight is of words, which --no-lexical leaves out"),
    ],
    ids=lambda options: " ".join(options) if isinstance(options, tuple) else "",
)
def test_what_words_alone_and_no_words_have_no_use_for(
    run: Run, toy: Path, options: tuple[str, ...], said: str
) -> None:
    code, out, err = run("eval", toy, "--no-bm25", *options)
    assert (code, out) == (2, "") and f"error: {said}" in err, err
    assert not Path("lsr-eval/toy/index").exists()


def test_words_alone_are_measured(run: Run, toy: Path) -> None:
    code, out, err = run("eval", toy, "--no-bm25", "--model", "bm25")
    assert code == 0 and "bm25" in out, err
    assert run("eval", toy, "--no-bm25", "--model", "bm25", "--lexical-weight", "2")[0] == 0


def test_words_are_counted_as_index_counts_them(run: Run, tmp_path: Path) -> None:
    judged = tmp_path / "york"
    (judged / "qrels").mkdir(parents=True)
    texts = {"house": "A new house in York", "city": "Hotels of the city of New York", "pen": "The pen"}
    corpus = [{"_id": id, "title": id, "text": text} for id, text in texts.items()]
    (judged / "corpus.jsonl").write_text("".join(json.dumps(each) + "\n" for each in corpus))
    (judged / "queries.jsonl").write_text('{"_id": "1", "text": "York"}\n{"_id": "2", "text": "new york"}\n')
    (judged / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n1\thouse\t1\n2\tcity\t1\n")
    (tmp_path / "terms.txt").write_text("New York\n")
    counted = ("--model", "bm25", "--never-split", "terms.txt", "--title-weight", "2")
    command = ("eval", judged, "--no-bm25", "-o", "here", "--metric", "P@1", *counted)
    code, out, err = run(*command)
    assert code == 0 and "1.000" in out, err  # "York" finds the house before the city
    assert run("index", judged, "-o", "made", *counted)[0] == 0
    for index in ("made", "here/index"):
        record = json.loads((tmp_path / index / "manifest.json").read_text())["encoder"]
        assert record["title_weight"] == 2 and record["lexical"]["settings"]["never_split"] == ["New York"]
    assert run(*command)[0] == 0  # with the index that is there
    for differing in (counted[:4], (*counted[:2], *counted[4:])):
        code, _, err = run("eval", judged, "--no-bm25", "-o", "here", *differing)
        assert code == 2 and "here/index was made with" in err, err
    assert "never_split 1 term)" in err


def test_a_suite_from_the_command_line(run: Run, toy: Path) -> None:
    Path("suite.yaml").write_text(
        "systems: [bm25, {name: words, model: bm25}]\ncollections: [toy]\nmeasures: [MRR@10]\n"
    )
    code, out, err = run("eval", "suite.yaml", "-o", "results")
    assert code == 0 and "| bm25 | **" in out and "results.json, report.html" in err, err
    assert "- toy: 1 of the 3 judged queries is not among the queries and was left out" in out
    code, out, _ = run("eval", "suite.yaml", "-o", "results", "--json")
    assert code == 0 and json.loads(out) == json.loads(Path("results/results.json").read_text())
    for flags in (("--k", "5"), ("--no-bm25",), ("--mode", "hybrid"), ("--force",)):
        code, _, err = run("eval", "suite.yaml", "-o", "results", *flags)
        assert code == 2 and f"{flags[0]} is of a single evaluation" in err
    assert run("eval", "suit.yaml")[2].startswith("error: suit.yaml is neither a YAML file nor a suite")


def test_the_suites_that_come_with_lsr_are_listed(run: Run) -> None:
    code, out, _ = run("eval", "--list")
    assert code == 0 and "nanobeir         NanoBEIR" in out
    assert len(json.loads(run("eval", "--list", "--json")[1])) == len(out.splitlines())
    assert "--k is for an evaluation" in run("eval", "--list", "--k", "3")[2]
    assert "name a collection or a suite" in run("eval")[2]
    Path("beir").mkdir()  # a folder of that name is meant
    assert "beir" in run("eval", "beir")[2] and not Path("lsr-eval").exists()


def test_runs_are_compared_and_lost_queries_diagnosed(run: Run, toy: Path) -> None:
    Path("a.run").write_text("1 Q0 arctic-tern 1 2.0 a\n2 Q0 arctic-tern 1 1.0 a\n")
    Path("b.run").write_text("1 Q0 arctic-tern 1 2.0 b\n2 Q0 glacier 1 1.0 b\n")
    code, out, err = run("compare", "a.run", "b.run", "--qrels", toy / "qrels" / "test.tsv", "--metric", "MRR@10")
    assert code == 0, err
    assert "MRR@10: a.run 0.3333, b.run 0.6667: +0.3333" in out
    assert "of 3 queries, b.run wins 1, loses 0, ties 2" in out and "relevant glacier: not found, then rank 1" in out
    assert run("index", toy, "-o", "made")[0] == 0
    code, out, err = run("compare", "a.run", "b.run", "--collection", toy, "--index", "made", "--json")
    assert code == 0, err
    (found,) = json.loads(out)["differences"]
    assert found["shared"] and found["terms"] and found["text"] == "dense ice"
    code, out, err = run("diagnose", "a.run", "b.run", "--collection", toy, "--index", "made")
    assert code == 0 and "1 of 2 queries are lost" in out and "would help: " in out, err
    code, out, _ = run("diagnose", "a.run", "b.run", "--collection", toy, "--index", "made", "--json")
    assert code == 0 and json.loads(out)["lost"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "name the judgements: --qrels FILE, or a --collection"),
        (("--qrels", "toy/qrels/test.tsv", "--index", "x"), "--index is of the texts of a --collection"),
        (("--collection", "nowhere"), "nowhere"),
        (("--collection", "toy", "--metric", "ndgc"), "unknown metric 'ndgc'"),
        (("--collection", "toy", "--language", "klingon"), "klingon"),
    ],
)
def test_what_a_comparison_needs(run: Run, toy: Path, options: tuple[str, ...], said: str) -> None:
    Path("a.run").write_text("1 Q0 arctic-tern 1 2.0 a\n")
    code, out, err = run("compare", "a.run", "a.run", *options)
    assert (code, out) == (2, "") and said in err
