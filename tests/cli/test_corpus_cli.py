"""What `lsr index` says of the files that it is given, and what a hostile text does to a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr import SparseEncoder
from lsr.cli.console import errors, output
from lsr.cli.harmless import harmless, harmless_json

Run = Callable[..., tuple[int, str, str]]


def folder() -> None:
    notes = Path("notes")
    notes.mkdir()
    (notes / "my first note.md").write_text("---\ndate: 2024-01-02\n---\n# Terns\nArctic terns fly far.\n")
    (notes / "bad.txt").write_bytes(b"text\xff\x00\xfe")
    (notes / "a.png").write_bytes(b"\x89PNG")


def test_a_folder_is_not_stopped_by_a_file(run: Run) -> None:
    folder()
    code, out, err = run("index", "notes", "-o", "index", "--json")
    assert code == 0 and json.loads(out)["documents"] == 1
    assert "skipped 1:\n  notes/bad.txt: " in err
    assert "left out 1 of 3 files, of kinds that are not read: 1 .png" in err
    code, out, _ = run("search", "index", "terns", "--json")
    [hit] = json.loads(out)["hits"]
    assert hit["id"] == "my first note.md" and hit["fields"]["date"] == "2024-01-02"
    code, _, err = run("index", "notes", "-o", "other", "--on-error", "stop")
    assert code == 2 and "notes/bad.txt" in err and not Path("other").exists()


def test_a_dry_run_counts_estimates_and_writes_nothing(run: Run) -> None:
    folder()
    before = sorted(Path().rglob("*"))
    code, out, _ = run("index", "notes", "--dry-run", "--json")
    found = json.loads(out)
    assert code == 0 and (found["unit"], found["count"]) == ("documents", 1) and found["seconds"] > 0
    code, _, err = run("index", "notes", "--dry-run", "--windows", "max")
    assert code == 0 and "1 window," in err and "Nothing was written" in err
    Path("c.jsonl").write_text('{"_id": "1", "text": "x"}\n{"_id": "2", "text": "x", "n": 1e400}\n')
    for command in (("index", "c.jsonl"), ("encode", "c.jsonl", "-o", "v.parquet")):
        code, _, err = run(*command, "--dry-run")
        assert code == 2 and "c.jsonl:2: field 'n': a number must be finite" in err
    Path("c.jsonl").unlink()
    assert sorted(Path().rglob("*")) == before


def test_a_dry_run_of_words_alone_has_nothing_to_encode(run: Run) -> None:
    folder()
    before = sorted(Path().rglob("*"))
    code, out, err = run("index", "notes", "--model", "bm25", "--dry-run", "--json")
    found = json.loads(out)
    assert code == 0 and found["count"] == 1, err
    assert (found["seconds"], found["cut"], found["sample"]) == (None, None, 0)
    code, _, err = run("index", "notes", "--model", "bm25", "--dry-run", "--windows", "max")
    assert code == 0 and "1 window," in err and "encoding" not in err
    assert sorted(Path().rglob("*")) == before
    assert run("index", "notes", "--model", "bm25")[0] == 0


def test_an_input_is_looked_at_before_a_model_is_loaded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(SparseEncoder, "load", load)
    Path("c.jsonl").write_text("not JSON\n")
    for command in (
        ("index", "c.jsonl"),
        ("encode", "c.jsonl", "-o", "v.parquet"),
        ("encode", "c.jsonl", "--queries", "-o", "v.parquet"),
    ):
        code, _, err = run(*command)
        assert code == 2 and "c.jsonl:1: malformed JSON" in err


HOSTILE = "a\x1b]0;evil\x07 b\x9b31m c\u202e d\x7f\r"


def test_what_a_terminal_obeys_is_written_out(run: Run) -> None:
    written = "a\\x1b]0;evil\\x07 b\\x9b31m c\\u202e d\\x7f\\x0d"
    assert harmless(HOSTILE) == written and harmless("tab\tline\nend") == "tab\tline\nend"
    assert json.loads(harmless_json(json.dumps(HOSTILE, ensure_ascii=False))) == HOSTILE
    record = {"_id": HOSTILE, "title": HOSTILE, "text": f"birds fly {HOSTILE}"}
    Path("c.jsonl").write_text(json.dumps(record) + "\n")
    answers = [run("index", "c.jsonl", "-o", "index")]
    answers += [run("search", "index", "birds", *more) for more in ((), ("--explain",), ("--json",))]
    answers += [run("inspect", "index", "-d", HOSTILE), run("encode", "--text", HOSTILE)]
    answers.append(run("index", HOSTILE + ".jsonl"))
    for _, out, err in answers:
        assert not set("\x1b\x07\x9b\x7f\u202e\r") & set(out + err)
    assert json.loads(answers[3][1])["hits"][0]["id"] == HOSTILE


@pytest.mark.parametrize("console", [errors, output])
def test_the_console_keeps_its_own_colours(console: object) -> None:
    segments = list(console.render("[bold]x\x1b[2J[/]"))  # type: ignore[attr-defined]
    assert segments[0].text == "x\\x1b[2J" and segments[0].style is not None


def test_a_dry_run_says_what_a_run_says_of_the_texts(run: Run) -> None:
    lines = [{"_id": str(i), "text": "das ist kein englischer satz und davon gibt es viele " * 12} for i in range(15)]
    lines.append({"_id": "long", "text": "noch viel länger als die anderen " * 300})
    Path("c.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    said = {}
    for name, options in (("dry", ("--dry-run",)), ("run", ())):
        code, _, err = run("index", "c.jsonl", "-o", f"{name}-index", "--max-length", 256, *options)
        assert code == 0
        said[name] = [line for line in err.splitlines() if "texts" in line]
    assert said["dry"] == said["run"]
    assert "1 of 16 texts is longer than the 256 tokens" in said["dry"][0] and "warning: only" in said["dry"][1]
    found = json.loads(run("index", "c.jsonl", "--max-length", 256, "--dry-run", "--json")[1])
    assert (found["cut"], found["sample"]) == (1, 16)


def test_of_many_texts_a_dry_run_looks_at_a_sample_and_says_so(run: Run) -> None:
    texts = ["the bird " * (40 if i % 4 == 0 else 2) for i in range(1600)]
    Path("c.jsonl").write_text(
        "".join(json.dumps({"_id": str(i), "text": text}) + "\n" for i, text in enumerate(texts))
    )
    code, out, err = run("index", "c.jsonl", "--max-length", 32, "--dry-run", "--json")
    found = json.loads(out)
    assert code == 0 and found["sample"] == 1000 and 300 < found["cut"] < 500
    assert f"about {found['cut']} of 1,600 texts, judged by 1,000 of them, are longer" in err


def test_a_dry_run_refuses_work_that_cannot_go_on(run: Run) -> None:
    Path("c.jsonl").write_text('{"_id": "1", "text": "a bird"}\n')
    for command in (("index", "c.jsonl", "-o", "new"), ("encode", "c.jsonl", "-o", "new.parquet")):
        folder = Path(f"{command[-1]}.encoding")
        folder.mkdir()
        (folder / "state.json").write_text('{"model": "another"}')
        for dry in (("--dry-run",), ()):
            code, _, err = run(*command, *dry)
            assert code == 2 and "contains interrupted work with different settings" in err
        assert run(*command, "--dry-run", "--restart")[0] == 0


def test_a_file_of_vectors_of_unknown_ending_is_refused_before_anything_is_encoded(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(SparseEncoder, "load", load)
    Path("c.jsonl").write_text('{"_id": "1", "text": "a bird"}\n')
    for options in ((), ("--dry-run",), ("--queries",)):
        code, _, err = run("encode", "c.jsonl", "-o", "v.foo", *options)
        assert code == 2 and "v.foo: the name of a vector file must end in .parquet" in err
        code, _, err = run("encode", "c.jsonl", "-o", "v.jsonl.bz2", *options)
        assert code == 2 and ".bz2 is read, not written" in err
