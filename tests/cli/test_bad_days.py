"""What the environment does to a command: streams, errors of libraries, odd names, folders that cannot be written."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from lsr.cli.commands import COMMANDS

Run = Callable[..., tuple[int, str, str]]
GOLDEN = Path(__file__).parents[1] / "golden"
MODEL = ("--model", GOLDEN / "encoders" / "splade" / "model", "--max-length", "16")
DENSE = ("--model", GOLDEN / "encoders" / "dense" / "model", "--max-length", "16")


@pytest.fixture
def corpus(run: Run) -> Path:
    Path("corpus.jsonl").write_text('{"_id": "a", "text": "birds fly"}\n{"_id": "b", "text": "trains are late"}\n')
    return Path("corpus.jsonl")


@pytest.mark.parametrize("out", ["splade:v3", "file:x", ".", "s3:"])
def test_odd_names_of_outputs(run: Run, corpus: Path, out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = corpus.resolve()
    Path("empty").mkdir()
    monkeypatch.chdir("empty")
    assert run("index", corpus, "-o", out, *MODEL)[0] == 0
    code, _, err = run("dense", out, *DENSE)
    assert code == 0, err
    assert run("encode", corpus, "-o", "of:all.parquet", *MODEL)[0] == 0
    assert run("search", out, "birds", "--json")[0] == 0


@pytest.mark.parametrize(
    "rubbish", [b"", b"{", b"[1]", b"\xff\xfe", b"7", b'"text"', b"[" * 30_000], ids=lambda each: str(each[:6])
)
def test_rubbish_for_a_state(run: Run, corpus: Path, rubbish: bytes) -> None:
    Path("index.encoding").mkdir()
    (Path("index.encoding") / "state.json").write_bytes(rubbish)
    code, _, err = run("index", corpus, "-o", "index", *MODEL)
    assert code == 2 and "state.json is damaged" in err and "--restart" in err
    assert run("index", corpus, "-o", "index", "--restart", *MODEL)[0] == 0
    assert sorted(path.name for path in Path().iterdir()) == ["corpus.jsonl", "index"]


@pytest.mark.parametrize("damage", ["rubbish", "gap", "columns", "stranger"])
def test_rubbish_among_the_shards(run: Run, corpus: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> NoReturn:
        raise OSError(28, "full")

    with monkeypatch.context() as patch:
        patch.setattr("lsr.index.IndexBuilder.add", stopped)
        assert run("index", corpus, "-o", "index", *MODEL)[0] == 2
    shard = Path("index.encoding/000000.parquet")
    if damage == "rubbish":
        shard.write_bytes(b"PAR1 rubbish PAR1")
    elif damage == "gap":
        shard.rename(shard.with_name("000001.parquet"))
    elif damage == "columns":
        assert run("encode", corpus, "-o", "other.parquet", *MODEL)[0] == 0
        shutil.move("other.parquet", shard)
    else:
        shard.with_name("notes.parquet").write_text("mine")
    code, _, err = run("index", corpus, "-o", "index", *MODEL)
    assert code == 0 if damage == "stranger" else code == 2 and "cannot go on" in err and "--restart" in err, err


def test_an_error_that_is_not_ours_is_one_line(run: Run, toy_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr("lsr.search.retriever.Retriever.search", fail)
    code, out, err = run("search", toy_index, "birds")
    assert (code, out) == (2, "") and err.endswith(
        "error: unexpected ZeroDivisionError: division by zero; --debug shows where it arose\n"
    )
    for arguments in (("--debug", "search", toy_index, "birds"), ("search", toy_index, "birds", "--debug")):
        with pytest.raises(ZeroDivisionError):
            run(*arguments)
    assert run("search", toy_index, "--", "--debug")[0] == 2  # a question


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_streams_of_another_encoding(run: Run, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of(*arguments: str) -> str:
        written = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", written)
            assert run(*arguments)[0] == 0
            return written.detach().getvalue().decode(encoding)  # type: ignore[attr-defined]

    assert all(name in out_of("--help") for name in COMMANDS)
    assert out_of("search", "--help") and json.loads(out_of("models", "--json"))


@pytest.mark.process
@pytest.mark.parametrize(
    ("redirection", "arguments", "code"),
    [(">&-", "models --json", 2), (">&-", "--help", 2), ("2>&-", "models", 0), ("<&- >&- 2>&-", "inspect x", 2)],
)
def test_closed_streams(tmp_path: Path, redirection: str, arguments: str, code: int) -> None:
    lsr = f"{sys.executable} -c 'from lsr.cli.app import main; main()'"
    done = subprocess.run(
        ["sh", "-c", f"{lsr} {arguments} {redirection}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == code and "Traceback" not in done.stderr, done.stderr
    assert done.stderr == ("error: stdout: Bad file descriptor\n" if redirection == ">&-" else "")


@pytest.mark.process
def test_an_interruption_while_lsr_is_imported(tmp_path: Path) -> None:
    script = """
import builtins, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from lsr.cli.app import main
original = builtins.__import__
def interrupted(name, *rest):
    if name == "typer":
        os.kill(os.getpid(), signal.SIGINT)
    return original(name, *rest)
builtins.__import__ = interrupted
main()
"""
    done = subprocess.run([sys.executable, "-c", script, "models"], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("search", "x", "y", "--mode", "hybird"), "did you mean 'hybrid'"),
        (("dense", "x", "--kind", "hnws"), "did you mean 'hnsw'"),
        (("index", "x", "--on-error", "skp"), "did you mean 'skip'"),
        (("serch", "x"), "Did you mean 'search'"),
    ],
)
def test_the_nearest_right_name(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = run(*arguments)
    message = " ".join(err.replace("│", " ").split())
    assert code == 2 and said in message and "Value error" not in message


def test_an_index_in_a_folder_whose_parent_cannot_be_written(
    run: Run, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("above/mount").mkdir(parents=True)
    above = Path("above").resolve()
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).resolve() != above and access(path, mode))
    seen: set[str] = set()
    mkdir = Path.mkdir

    def watched(path: Path, *rest: object, **options: object) -> None:
        seen.update(each.name for each in above.iterdir())
        mkdir(path, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "mkdir", watched)
    assert run("index", corpus, "-o", "above/mount", *MODEL)[0] == 0
    assert run("dense", "above/mount", *DENSE)[0] == 0
    assert seen == {"mount"} and all(not each.name.startswith(".") for each in Path("above/mount").iterdir())


def test_an_index_that_may_not_be_written_is_met_before_the_work(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path("corpus.jsonl").write_text('{"_id": "a", "text": "milk and honey"}\n{"_id": "b", "text": "honey bees"}\n')
    Path("queries.jsonl").write_text('{"_id": "1", "text": "milk"}\n{"_id": "2", "text": "bees"}\n')
    assert run("index", "corpus.jsonl", "-o", "made", "-m", "bm25")[0] == 0
    before = {path: path.stat().st_mtime_ns for path in sorted(Path().rglob("*"))}
    access, made = os.access, Path("made").resolve()

    def shut(path: Path, mode: int, **how: bool) -> bool:
        return not (mode & os.W_OK and Path(path).resolve() == made) and access(path, mode, **how)

    monkeypatch.setattr("os.access", shut)
    for command in (
        ("tune", "made", "--queries", "queries.jsonl"),
        ("dense", "made"),
        ("late", "made"),
        ("index", "corpus.jsonl", "-o", "made", "-m", "bm25", "--force"),
        ("prune", "made", "-o", "made", "--top-k", 1, "--force"),
    ):
        code, _, err = run(*command)
        assert (code, err.splitlines()) == (2, ["error: made: Permission denied"]), (command, err)
    assert {path: path.stat().st_mtime_ns for path in sorted(Path().rglob("*"))} == before


def test_an_id_with_a_line_feed_stays_on_the_line_of_its_hit(run: Run) -> None:
    Path("corpus.jsonl").write_text(
        '{"_id": "a\\nb", "text": "milk"}\n{"_id": "c", "title": "C\\n\\nd", "text": "milk"}\n'
    )
    assert run("index", "corpus.jsonl", "-o", "made", "-m", "bm25")[0] == 0
    _, out, _ = run("search", "made", "milk")
    lines = out.splitlines()
    assert len(lines) == 5 and lines[0].endswith("  a b") and lines[2].endswith("  C  d (c)")
