"""What the command line refuses, and what it says then and leaves behind."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from lsr import Document, SparseVectors

Run = Callable[..., tuple[int, str, str]]


BAD = {
    "malformed": ('{"_id": "a", "text": "x"}\n{"_id": "b", "text": \n', "corpus.jsonl:2: malformed JSON"),
    "missing id": ('{"text": "x"}\n', "corpus.jsonl:1: field '_id': missing"),
    "duplicate id": ('{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n', "corpus.jsonl:2: field '_id'"),
    "empty": ("", "corpus.jsonl"),
    "not utf-8": (b'{"_id": "a", "text": "caf\xe9"}\n', "corpus.jsonl:1"),
}


@pytest.mark.parametrize("content, message", BAD.values(), ids=BAD.keys())
def test_a_bad_corpus_is_named_and_leaves_nothing(run: Run, content: str | bytes, message: str) -> None:
    path = Path("corpus.jsonl")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = run("index", "corpus.jsonl", "-o", "index")
    assert code == 2 and out == "" and message in err
    assert [path.name for path in Path().iterdir()] == ["corpus.jsonl"]


def test_skipping_counts_and_lists(run: Run) -> None:
    Path("corpus.jsonl").write_text(
        '{"_id": "a", "text": "birds"}\nnonsense\n{"text": "no id"}\n{"_id": "b", "text": "fish"}\n'
    )
    code, _, err = run("index", "corpus.jsonl", "-o", "index", "--on-error", "skip")
    assert code == 0 and "skipped 2:" in err and "corpus.jsonl:2" in err and "corpus.jsonl:3" in err
    assert json.loads(run("inspect", "index", "--json")[1])["documents"] == 2


def test_bad_calls_exit_with_2(run: Run, toy_index: Path, tmp_path: Path) -> None:
    for arguments, message in [
        (("search", "nowhere", "x"), "nowhere"),
        (("search", toy_index, "  "), "query is empty"),
        (("search", toy_index), "give either a QUERY (or --vector, --dense-vector) or --queries"),
        (("search", toy_index, "x", "-k", 0), "greater than"),
        (("index", "-o", "x"), "CORPUS"),
        (("index", "nothing.jsonl"), "nothing.jsonl"),
        (("encode", "--text", "x", "--model", "unheard-of"), "unheard-of"),
        (("inspect", toy_index, "-d", "nobody"), "nobody"),
        (("no-such-command",), "no-such-command"),
    ]:
        code, out, err = run(*arguments)
        assert code == 2 and out == "" and message in err, arguments


def test_a_model_without_a_head_is_refused(run: Run) -> None:
    Path("corpus.jsonl").write_text('{"_id": "a", "text": "birds"}\n')
    code, _, err = run("index", "corpus.jsonl", "--model", "minilm", "-o", "index")
    assert code == 2 and "minilm" in err and "dense" in err
    assert not Path("index").exists()


def test_a_vector_that_is_not_a_number_is_named(run: Run) -> None:
    Path("v.jsonl").write_text('{"id": "a", "vector": {"x": 1.0}}\n{"id": "b", "vector": {"x": NaN}}\n')
    code, _, err = run("index", "--vectors", "v.jsonl", "-o", "index")
    assert code == 2 and "v.jsonl:2" in err and not Path("index").exists()


def test_an_output_below_a_file_is_named(run: Run, toy_index: Path) -> None:
    Path("file").write_text("mine")
    Path("corpus.jsonl").write_text('{"_id": "a", "text": "birds"}\n')
    Path("queries.tsv").write_text("q\tbirds\n")
    for arguments in [
        ("index", "corpus.jsonl", "-o", "file/index"),
        ("encode", "corpus.jsonl", "-o", "file/docs.parquet"),
        ("encode", "queries.tsv", "--queries", "-o", "file/queries.parquet"),
        ("search", toy_index, "--queries", "queries.tsv", "-o", "file/run.trec"),
        ("demo", "-o", "file"),
    ]:
        code, out, err = run(*arguments)
        assert (code, out) == (2, "") and "error: file: is a file, where a folder is needed" in err, arguments
    assert Path("file").read_text() == "mine"
    assert sorted(path.name for path in Path().iterdir()) == ["corpus.jsonl", "file", "queries.tsv"]


def test_a_full_disk_is_one_line_and_the_encoding_is_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    Path("corpus.jsonl").write_text('{"_id": "a", "text": "birds"}\n')
    with monkeypatch.context() as patch:
        patch.setattr("lsr.index.IndexBuilder.add", full)
        code, _, err = run("index", "corpus.jsonl", "-o", "index")
    assert code == 2 and err.splitlines()[-1] == (
        "error: index: No space left on device; index.encoding keeps what was encoded; "
        "run the same command again to resume"
    )
    assert sorted(path.name for path in Path().iterdir()) == ["corpus.jsonl", "index.encoding"]
    assert run("index", "corpus.jsonl", "-o", "index")[0] == 0
    assert sorted(path.name for path in Path().iterdir()) == ["corpus.jsonl", "index"]


def test_ctrl_c_says_so(run: Run, toy_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("lsr.search.retriever.Retriever.search", interrupt)
    assert run("search", toy_index, "birds") == (130, "", "interrupted\n")


def test_a_damaged_index_is_named(run: Run, toy_documents: list[Document]) -> None:
    SparseVectors.from_rows([([0, 2], [1, 2])], ["a"], 5).save("v.parquet")
    assert run("index", "--vectors", "v.parquet", "-o", "index")[0] == 0
    largest = max(Path("index").rglob("*.npy"), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[-1] ^= 1
    largest.write_bytes(data)
    code, _, err = run("verify", "index")
    assert code == 2 and largest.name in err
    largest.write_bytes(data[:-4])
    code, _, err = run("inspect", "index")
    assert code == 2 and largest.name in err


def test_queries_of_unknown_form_are_answered_without_a_flag_that_is_not_there(run: Run, toy_index: Path) -> None:
    Path("queries.foo").write_text("ice\n")
    code, _, err = run("search", toy_index, "--queries", "queries.foo", "-o", "x.run")
    assert code == 2 and "let its name end in what it is: .jsonl, " in err and "--format" not in err
    code, _, err = run("index", "queries.foo")
    assert code == 2 and "choose one of beir, jsonl, " in err and "with --format" in err


def test_a_path_that_is_no_index_is_answered_with_what_there_is(run: Run, toy_index: Path) -> None:
    Path("notes").mkdir()
    Path("notes/a.txt").write_text("a bird")
    for command in (("dense",), ("late",), ("inspect",)):
        code, _, err = run(*command, ".")
        assert code == 2 and "no index here" in err and "`lsr index . -o my-index`" in err
    code, _, err = run("search", "notes/a.txt", "bird")
    assert code == 2 and "an index is a folder; build one with `lsr index notes/a.txt -o my-index`" in err
    code, _, err = run("search", "absent", "bird")
    assert code == 2 and "nothing else; build one with `lsr index CORPUS -o absent`" in err
    shutil.copytree(toy_index, "made")
    code, _, err = run("dense", ".")
    assert code == 2 and "but there is one in it: give made" in err
