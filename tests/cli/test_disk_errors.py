"""A disk that fails: called that, with the file, never damage; nothing is acknowledged, and the rerun ends well."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., tuple[int, str, str]]
COMMANDS: dict[str, tuple[Any, ...]] = {
    "index": ("index", "more.jsonl", "-o", "new", "-m", "bm25"),
    "add": ("add", "made", "more.jsonl"),
    "dense": ("dense", "made", "--vectors", "dense.npy"),
    "reindex": ("reindex", "made", "--model", "bm25"),
    "snapshot": ("snapshot", "made", "-o", "copy"),
    "search": ("search", "made", "--queries", "queries.tsv", "-o", "a.run"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_flush_that_fails_is_an_error_of_the_disk(run: Run, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("corpus.jsonl").write_text('{"_id": "a", "text": "birds fly"}\n{"_id": "b", "text": "trains are late"}\n')
    Path("more.jsonl").write_text('{"_id": "c", "text": "milk and honey"}\n')
    np.save("dense.npy", np.eye(2, 4, dtype=np.float32))
    Path("queries.tsv").write_text("q\tbirds\n")
    assert run("index", "corpus.jsonl", "-o", "made", "-m", "bm25")[0] == 0
    fsync = os.fsync
    failed = 0
    for at in (0, 1, 3, 7):
        calls = count()

        def failing(descriptor: int, at: int = at, calls: Any = calls) -> None:
            if next(calls) == at:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            fsync(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", failing)
            code, out, err = run(*COMMANDS[command])
        if next(calls) <= at:  # it makes fewer
            assert code == 0
            break
        failed += 1
        said = err.splitlines()[-1]
        assert (code, out) == (2, ""), err
        assert "Input/output error: the disk, or what it is reached by, failed" in said, said
        assert said.startswith("error: ") and any(name in said for name in ("made", "new", "copy", "a.run", ".:"))
        assert run("verify", "made")[0] == 0 and run("search", "made", "birds")[0] == 0
    assert failed
    # What was put in place before its folder could be flushed is there, and told as such.
    code, _, err = run(*COMMANDS[command])
    assert code == 0 or "already" in err, err


def test_an_index_file_that_cannot_be_read_is_told_with_its_path(
    run: Run, toy_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(path: Any, **_: Any) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr("lsr.core.mapping.open_regular", failing)
    code, _, err = run("search", toy_index, "birds")
    assert code == 2 and str(toy_index) in err and "the disk, or what it is reached by, failed" in err, err


@pytest.mark.process
@pytest.mark.skipif(not hasattr(signal, "SIGBUS"), reason="of POSIX")
def test_a_file_that_is_cut_off_while_it_is_mapped_ends_the_process_and_gives_no_answer(
    run: Run, toy_index: Path, tmp_path: Path
) -> None:
    """As the system has it; opened again, the index is refused by the size of the file."""
    copy = tmp_path / "index"
    subprocess.run(["cp", "-r", str(toy_index), copy], check=True)
    script = """
import os, sys
from pathlib import Path
from lsr import Retriever
retriever = Retriever.open(sys.argv[1])
for path in Path(sys.argv[1]).glob("segment-*/*"):
    if path.is_file():
        os.truncate(path, 0)
print(len(retriever.search("birds fly", 3).hits))
"""
    done = subprocess.run([sys.executable, "-c", script, copy], capture_output=True, text=True)
    assert done.returncode == -signal.SIGBUS and done.stdout == ""
    for command in (("search", copy, "birds"), ("verify", copy)):
        code, out, err = run(*command)
        assert code == 2 and "found 0" in out + err, (command, out, err)
