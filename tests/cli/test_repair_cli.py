"""`lsr verify --repair`, as it is said and how it ends; killed, and given again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr.index import Index, verify

Run = Callable[..., tuple[int, str, str]]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.fixture
def index(run: Run, tmp_path: Path) -> Path:
    lines = ['{"_id": "a", "text": "milk and honey", "year": 1}', '{"_id": "b", "text": "bees make honey", "year": 2}']
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines))
    assert run("index", "corpus.jsonl", "-o", "made", "-m", "bm25")[0] == 0
    return tmp_path / "made"


def segment(index: Path) -> Path:
    (found,) = index.glob("segment-*")
    return found


def test_what_can_be_made_again(run: Run, index: Path) -> None:
    flip(segment(index) / "summary_term_maxima.npy")
    code, _, err = run("verify", index)
    assert code == 2 and "with --repair: " in err and "summary_term_maxima.npy is made again" in err
    assert not (index / "damaged").exists()
    code, out, err = run("verify", index, "--repair")
    assert (code, out) == (0, "") and "damaged: " in err and f"{index / 'damaged/1'} keeps what was damaged" in err
    assert run("verify", index)[0] == 0
    code, _, err = run("verify", index, "--repair")
    assert code == 0 and "every file is as it was written" in err
    assert not list(index.parent.glob("*.command"))


def test_what_is_lost_is_named_and_added_again(run: Run, index: Path) -> None:
    Path("more.jsonl").write_text('{"_id": "c", "text": "figs"}\n')
    assert run("add", index, "more.jsonl")[0] == 0
    flip(segment(index) / "forward_terms.npy")
    code, out, _ = run("verify", index, "--json")
    assert code == 2 and json.loads(out)["repair"]
    code, _, err = run("verify", index, "--repair")
    command = f"lsr add {index} {index}/damaged/1/documents.jsonl"
    assert code == 1 and "2 documents ('a', 'b')" in err and command in err
    assert not list(index.parent.glob("*.command")) and verify(index) == []
    assert [each.id for each in Index.open(index).documents.scan()] == ["c"]
    assert run(*command.split()[1:])[0] == 0
    found = {each.id: each.fields for each in Index.open(index).documents.scan()}
    assert found == {"a": {"year": 1}, "b": {"year": 2}, "c": {}}
    code, out, _ = run("verify", index, "--repair", "--json")
    assert code == 0 and json.loads(out)["whole"] and json.loads(out)["problems"] == []


def test_nothing_is_left_of_an_index_of_one_segment(run: Run, index: Path) -> None:
    flip(segment(index) / "forward_terms.npy")
    code, _, err = run("verify", index, "--repair")
    assert code == 1 and "not repaired" in err and "lsr index" in err
    assert run("index", index / "damaged/1/documents.jsonl", "-o", index, "-m", "bm25", "--force")[0] == 0
    assert run("verify", index)[0] == 0


def test_a_damaged_manifest(run: Run, index: Path) -> None:
    flip(index / "manifest.json")
    (index / "manifest.json").write_bytes((index / "manifest.json").read_bytes()[:-9])
    code, _, err = run("verify", index, "--repair")
    assert code == 2 and "damaged manifest" in err and "restore it from a copy" in err


def test_given_again_it_says_what_a_killed_one_had_done(run: Run, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed when it had published, before it could say so: the documents are named all the same."""
    Path("more.jsonl").write_text('{"_id": "c", "text": "figs"}\n')
    assert run("add", index, "more.jsonl")[0] == 0
    flip(segment(index) / "forward_terms.npy")
    finish, times = "lsr.index.collection.repair.repair._finish", []

    def killed(*_: object, **__: object) -> None:
        times.append(1)
        if len(times) > 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(finish, killed)
        assert run("verify", index, "--repair")[0] == 130
    assert verify(index) == []
    code, _, err = run("verify", index, "--repair")
    assert code == 1 and "2 documents ('a', 'b')" in err
    assert run("verify", index, "--repair")[0] == 0
