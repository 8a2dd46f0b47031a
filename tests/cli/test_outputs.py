"""Outputs that cannot be made: met before the work, by what stands in the way, and nothing is left or replaced."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr.cli.failures import reason
from lsr.core.errors import OutputExistsError
from lsr.core.files import atomic_file, atomic_folder, check_output
from lsr.core.obstacles import check_way, make_folder, too_long
from lsr.core.work import WorkFolder

Run = Callable[..., tuple[int, str, str]]

COMMANDS = {
    "index": ("index", "corpus.jsonl", "-m", "bm25", "-o"),
    "prune": ("prune", "INDEX", "--top-k", "1", "-o"),
    "create": ("create", "-m", "bm25"),
    "snapshot": ("snapshot", "INDEX", "-o"),
    "restore": ("restore", "INDEX", "-o"),
    "eval": ("eval", "toy", "--no-bm25", "-m", "bm25", "-o"),
    "train": ("train", "doc-tiny", "--data", "set.jsonl", "-o"),
    "adapt": ("adapt", "corpus.jsonl", "-o"),
    "demo": ("demo", "-o"),
    "mine": ("mine", "set.jsonl", "-o"),
    "score": ("score", "set.jsonl", "--teacher", "bm25", "-o"),
    "rerank": ("rerank", "top1000.dev", "-o"),
    "search": ("search", "INDEX", "--queries", "queries.tsv", "--force", "-o"),
    "encode": ("encode", "corpus.jsonl", "-o"),
    "export": ("export", "INDEX", "-o"),
}
ENDINGS = {"encode": ".jsonl", "export": ".jsonl", "mine": ".jsonl", "score": ".jsonl"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_part_of_a_path_that_is_no_folder_is_named(run: Run, toy_index: Path, command: str) -> None:
    Path("corpus.jsonl").write_text('{"_id": "a", "text": "birds"}\n')
    Path("queries.tsv").write_text("q\tbirds\n")
    Path("set.jsonl").write_text('{"query": "a", "positive": "b", "negative": "c"}\n')
    Path("toy/qrels").mkdir(parents=True)
    (Path("toy") / "corpus.jsonl").write_text('{"_id": "a", "text": "birds"}\n')
    (Path("toy") / "queries.jsonl").write_text('{"_id": "q", "text": "birds"}\n')
    (Path("toy/qrels") / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\ta\t1\n")
    Path("file").write_text("mine")
    Path("nowhere").symlink_to("gone/away")
    os.mkfifo("pipe")
    before = sorted(Path().rglob("*"))
    name = f"out{ENDINGS.get(command, '')}"
    for parent, kind in (
        ("file", "a file"),
        ("nowhere", "a link to gone/away, which is not there"),
        ("/dev/null", "a device"),
        ("pipe", "a pipe"),
    ):
        arguments = [str(toy_index) if each == "INDEX" else each for each in COMMANDS[command]]
        code, out, err = run(*arguments, f"{parent}/deep/{name}")
        said = f"error: {parent}: is {kind}, where a folder is needed: choose another path"
        assert (code, out, err.splitlines()[-1:]) == (2, "", [said]), err
    for path, said in (("x" * 300 + name, "bytes, and"), ("dir/" * 1300 + name, "bytes, and 4,")):
        code, out, err = run(*arguments, path)
        assert (code, out) == (2, "") and said in err and len(err) < 700, err
    assert sorted(Path().rglob("*")) == before and Path("file").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="of Linux")
@pytest.mark.parametrize("command", ["index", "prune", "create", "search", "encode", "demo", "train"])
def test_where_nothing_can_be_created_no_other_process_is_blamed(run: Run, toy_index: Path, command: str) -> None:
    Path("corpus.jsonl").write_text('{"_id": "a", "text": "birds"}\n')
    Path("queries.tsv").write_text("q\tbirds\n")
    Path("set.jsonl").write_text('{"query": "a", "positive": "b", "negative": "c"}\n')
    arguments = [str(toy_index) if each == "INDEX" else each for each in COMMANDS[command]]
    code, _, err = run(*arguments, f"/proc/x{ENDINGS.get(command, '')}")
    # root may, by the folder's mode.
    assert code == 2 and ("nothing can be created in /proc" in err or "/proc: Permission denied" in err), err
    assert "another process" not in err


@pytest.mark.parametrize("link", [False, True])
def test_a_device_or_pipe_is_never_replaced(tmp_path: Path, link: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if link:
        pipe = tmp_path / "link"
        pipe.symlink_to("pipe")
    for make in (check_output, atomic_file, atomic_folder):
        with pytest.raises(OutputExistsError, match="is a pipe, and is not replaced"):
            made = make(pipe, force=True)
            with made:  # type: ignore[union-attr]
                pass
    assert pipe.is_fifo()


def test_the_part_of_a_path_that_may_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(PermissionError) as error:
        check_way(tmp_path / "not" / "there")
    assert reason(error.value) == f"{tmp_path}: Permission denied"


def test_longest_names(tmp_path: Path) -> None:
    assert too_long(tmp_path / ("x" * 236)) is None
    assert too_long(tmp_path / ("ü" * 120)) == f"the name {'ü' * 120} has 240 bytes, and 236 are the most"
    with WorkFolder(tmp_path / ("x" * 236 + ".encoding"), {}), atomic_file(tmp_path / ("y" * 236)) as made:
        made.write_text("")
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
