"""`lsr reindex`: another model, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lsr.collection.collection import Collection
from lsr.core import unfinished
from lsr.index import Index, verify

Run = Callable[..., tuple[int, str, str]]
MODEL = Path(__file__).parents[1] / "golden" / "encoders" / "splade" / "model"


@pytest.fixture
def index(run: Run, tmp_path: Path) -> Path:
    """An index of words, as `lsr index` makes it."""
    texts = {"a": "an index of the documents", "b": "a search with a filter", "c": "windows of a file"}
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps({"_id": id, "text": texts[id]}) + "\n" for id in texts))
    code, _, _ = run("index", tmp_path / "corpus.jsonl", "-o", "made", "-m", "bm25")
    assert code == 0
    return tmp_path / "made"


def model_of(path: Path) -> Any:
    return (Index.open(path).encoder or {})["model"]


def test_there_and_back(run: Run, index: Path) -> None:
    code, out, _ = run("reindex", index, "--model", MODEL, "--keep", "--json")
    assert code == 0 and json.loads(out) == {"documents": 3, "model": str(MODEL), "kept": True}
    assert model_of(index) == str(MODEL) and verify(index) == []
    assert run("delete", index, "a")[0] == 0
    assert json.loads(run("inspect", index, "--json")[1])["previous"]["model"] == "bm25"
    code, _, err = run("reindex", index, "--back")
    assert code == 0 and "2 documents, encoded by bm25" in err
    assert model_of(index) == "bm25"
    code, _, err = run("reindex", index, "--back")
    assert code == 2 and "no version of it was kept" in err
    assert run("reindex", index, "--model", MODEL, "--keep")[0] == 0
    assert json.loads(run("reindex", index, "--forget", "--json")[1]) == {"forgotten": True}
    assert "no other version" in run("reindex", index, "--forget")[2]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], "give one of --model, --back and --forget"),
        (["--model", "bm25", "--back"], "give one of --model, --back and --forget"),
        (["--back", "--dense", "minilm"], "--dense goes with --model"),
        (["--forget", "--keep"], "--keep goes with --model or --back"),
        (["--model", "nope"], "there is no model 'nope'"),
    ],
)
def test_what_is_asked_for_wrongly(run: Run, index: Path, asked: list[str], said: str) -> None:
    code, _, err = run("reindex", index, *asked)
    assert code == 2 and said in err
    assert model_of(index) == "bm25"


def test_others_are_told(run: Run, index: Path) -> None:
    with Collection.open(index) as collection:
        code, _, err = run("reindex", index, "--model", "bm25")
        assert code == 2 and "writes to this collection" in err
        told: list[str] = []
        collection.reindex(str(MODEL), progress=lambda count: told.append(run("delete", index, "a")[2]))
    assert told and all("reindexes this collection" in each for each in told)


def test_a_command_that_was_killed_once_it_had_published_is_not_done_twice(
    run: Run, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept is the version before, and not the new one."""
    with monkeypatch.context() as patched:
        patched.setattr(unfinished, "end_command", lambda *, well: None)
        assert run("reindex", index, "--model", MODEL, "--keep")[0] == 0
    before = {each.name for each in index.glob("segment-*")}
    code, _, err = run("reindex", index, "--model", MODEL, "--keep")
    assert code == 0 and "3 documents" in err
    assert {each.name for each in index.glob("segment-*")} == before
    assert run("reindex", index, "--back")[0] == 0 and model_of(index) == "bm25"
