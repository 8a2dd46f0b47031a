"""`lsr watch`, as it is given, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import PATIENCE

from lsr.index import Index

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def made(run: Run) -> Path:
    assert run("create", "made", "-m", "bm25")[0] == 0
    Path("notes").mkdir()
    Path("notes/tern.md").write_text("# Terns\n\nThey fly far.")
    return Path("made").resolve()


def test_once(run: Run, made: Path) -> None:
    code, out, err = run("watch", made, "notes", "--once", "--rest", 0)
    assert (code, out) == (0, "") and "1 document added, 0 replaced, 0 deleted; 1 document now" in err
    (document,) = Index.open(made).documents.scan()
    assert (document.id, document.title) == ("tern.md", "Terns")
    Path("notes/tern.md").unlink()
    Path("notes/broken.jsonl").write_text('{"_id": "a", "text": "owls"}\n{"_id"\n')
    code, out, err = run("watch", made, "notes", "--once", "--rest", 0, "--json")
    found = json.loads(out)
    assert code == 0 and (found["created"], found["deleted"], found["documents"]) == (1, 1, 1)
    assert "broken.jsonl:2" in err and "broken.jsonl:2" in found["problems"][0]


def test_what_is_indexed_is_not_encoded_again(run: Run, made: Path) -> None:
    assert run("index", "notes", "-o", "indexed", "-m", "bm25")[0] == 0
    code, _, err = run("watch", "indexed", "notes", "--once", "--rest", 0)
    assert code == 0 and "0 documents added, 0 replaced, 0 deleted; 1 document now" in err


def test_a_folder_that_is_not_there(run: Run, made: Path) -> None:
    code, _, err = run("watch", made, "nowhere", "--once")
    assert code == 2 and "nowhere: no such folder" in err
    code, _, err = run("watch", "nowhere", "notes", "--once")
    assert code == 2 and "no index here" in err


@pytest.mark.process
def test_an_interrupted_watch_ends_well(run: Run, made: Path) -> None:
    program = "from lsr.cli.app import main; main()"
    options = ["--interval", "0.05", "--rest", "0"]
    command = [sys.executable, "-c", program, "watch", str(made), "notes", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "1 document added" in line:
            break
    Path("part").write_text("owls")
    Path("part").rename("notes/owl.txt")
    for line in process.stderr:
        if "1 document added" in line:
            break
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    assert process.stderr.read() == ""
    process.stderr.close()
    assert {each.id for each in Index.open(made).documents.scan()} == {"tern.md", "owl.txt"}
