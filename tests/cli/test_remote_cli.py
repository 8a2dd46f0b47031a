"""The commands against a server in place of a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_server import Answer, scripted
from served import BIRDS, listening

from lsr import Collection
from lsr.client import Client, Job

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    for name in ("birds", "kept"):
        with Collection.create(root / name, model="bm25") as collection:
            collection.add(BIRDS)
    return root


@pytest.fixture(scope="module")
def url(root: Path) -> Iterator[str]:
    with listening(root) as url:
        yield url


def without_times(answer: str) -> Any:
    return {**json.loads(answer), "timings": None}


def test_a_search_prints_the_same_as_here(run: Run, root: Path, url: str) -> None:
    for flags in (["--explain"], ["--filter", "year >= 2020", "--facets", "tags,year"], ["-k", "1", "--offset", "7"]):
        here = run("search", root / "kept", "where terns migrate", *flags)
        there = run("search", "kept", "where terns migrate", *flags, "--server", url)
        assert there[0] == here[0] == 0
        lines = [out.splitlines()[:-1] for _, out, _ in (here, there)]  # the last has times
        assert lines[0] == lines[1] and lines[0]
    here = run("search", root / "kept", "where terns migrate", "--json", "--explain")
    there = run("search", "kept", "where terns migrate", "--json", "--explain", "--server", url)
    assert without_times(there[1]) == without_times(here[1])


def test_documents_come_and_go(run: Run, url: str, tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text('{"_id": "auk", "text": "Auks dive."}\n{"_id": "owl", "text": "Owls hunt."}\n', encoding="utf-8")
    code, out, said = run("add", "birds", more, "--server", url, "--json")
    assert (code, json.loads(out)) == (0, {"created": 1, "replaced": 1, "refused": [], "documents": 4})
    assert "adding: 2" in said
    code, _, said = run("delete", "birds", "auk", "none", "--server", url)
    assert code == 0
    assert "none: there is no such document" in said and "birds: 1 document deleted; 3 documents left" in said
    code, out, _ = run("delete", "birds", "--filter", "year = 2020", "--server", url, "--json")
    assert json.loads(out) == {"deleted": 1, "missing": [], "documents": 2}


def test_a_collection_and_a_document_are_shown(run: Run, url: str) -> None:
    code, out, _ = run("inspect", "kept", "--server", url)
    assert code == 0 and "documents  " in out and "fields.year" in out
    assert json.loads(run("inspect", "kept", "--server", url, "--json")[1])["model"] == "bm25"
    code, out, _ = run("inspect", "kept", "-d", "owl", "--server", url)
    assert code == 0 and out.splitlines()[:3] == ["id  owl", "title  The owl", "text  Owls hunt at night."]
    assert json.loads(run("inspect", "kept", "-d", "owl", "--server", url, "--json")[1])["fields"] == {"year": 2024}
    code, _, said = run("inspect", "kept", "-d", "none", "--server", url)
    assert code == 2 and "there is no document 'none'" in said


@pytest.fixture
def renewed(root: Path, url: str) -> str:
    """A collection of its own, which may be encoded anew."""
    with Collection.create(root / "renewed", model="bm25") as collection:
        collection.add(BIRDS)
    return "renewed"


def test_another_model_there_and_back(run: Run, url: str, renewed: str) -> None:
    def reindex(*flags: object) -> tuple[int, str, str]:
        return run("reindex", renewed, *flags, "--server", url)

    code, out, said = reindex("--model", "bm25", "--weight-scale", "0.5", "--keep", "--json")
    assert code == 0 and json.loads(out) == {"documents": 3, "model": "bm25", "kept": True}
    assert "encoding: 3 of 3 documents" in said
    code, _, said = reindex("--back", "--keep")
    assert code == 0 and "renewed: 3 documents, encoded by bm25; --back returns to what it was" in said
    assert json.loads(reindex("--forget", "--json")[1]) == {"forgotten": True}
    assert "renewed: no other version of it was kept" in reindex("--forget")[2]
    code, _, said = reindex("--back")
    assert code == 2 and "no version of it was kept" in said and "goes on with it" not in said
    code, out, _ = reindex("--model", "bm25", "--no-wait", "--json")
    begun = json.loads(out)
    assert code == 0 and (begun["kind"], begun["collection"]) == ("reindex", renewed)
    with Client(url) as client:
        assert client.job(begun["id"]).wait()["documents"] == 3
    code, _, said = reindex("--model", "bm25", "--no-wait")
    assert code == 0 and f"`curl {url}/v1/jobs/" in said
    # Of this machine alone: nothing is asked for.
    for flags, words in (
        (["--model", "bm25", "--device", "cpu"], "--device is of a folder on this machine"),
        (["--forget", "--no-wait"], "--no-wait goes with --model or --back"),
    ):
        code, _, said = reindex(*flags)
        assert code == 2 and words in said
    code, _, said = run("reindex", "here", "--model", "bm25", "--no-wait")
    assert code == 2 and "--no-wait goes with --server" in said


@pytest.mark.parametrize("key", [None, "a-key"])
def test_whoever_no_longer_waits_is_told_how_to_look_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    def stop(self: Job, **given: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    job = {"id": "j1", "kind": "reindex", "collection": "birds", "status": "running", "done": 1, "total": 3}
    with scripted(Answer(job, 202)) as script, monkeypatch.context() as stopping:
        stopping.setattr(Job, "wait", stop)
        given = [] if key is None else ["--key", key]
        code, _, said = run("reindex", "birds", "--model", "bm25", "--server", script.url, *given)
    assert code == 130 and [asked.method for asked in script.asked] == ["POST"]
    header = "" if key is None else '-H "Authorization: Bearer $LSR_KEY" '
    assert f"the server goes on with it: `curl {header}{script.url}/v1/jobs/j1` says how far it is" in said
    assert "a-key" not in said
    # A server that answers nothing more, too.
    with scripted(Answer(job, 202), Answer(status=500)) as script:
        code, _, said = run("reindex", "birds", "--model", "bm25", "--server", script.url)
    assert code == 2 and f"`curl {script.url}/v1/jobs/j1`" in said


def test_what_the_server_says_is_an_error_of_one_line(run: Run, url: str) -> None:
    code, out, said = run("search", "brids", "terns", "--server", url)
    assert (code, out) == (2, "") and len(said.splitlines()) == 1
    assert said.startswith("error: there is no collection 'brids'") and "the server knows this request as" in said
    code, _, said = run("search", "birds", "terns", "--filter", "yaer = 2020", "--server", url)
    assert code == 2 and "yaer" in said and "year" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["search", "birds", "terns", "--device", "cpu"], "--device is of a folder on this machine"),
        (["search", "birds", "terns", "--model", "bm25"], "--model is of a folder on this machine"),
        (["search", "birds", "--queries", "q.jsonl", "-o", "run"], "--queries and --dense-queries search an index on"),
        (["add", "birds", "more.jsonl", "--device", "cpu"], "--device is of a folder on this machine"),
    ],
)
def test_flags_of_this_machine_are_refused(run: Run, arguments: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "more.jsonl").write_text('{"_id": "a", "text": "b"}\n', encoding="utf-8")
    code, _, said = run(*arguments, "--server", "http://127.0.0.1:9")
    assert code == 2 and words in said


@pytest.mark.parametrize(
    "arguments", [["search", "x", "terns"], ["delete", "x", "a"], ["inspect", "x"], ["reindex", "x", "--forget"]]
)
def test_a_key_is_for_a_server(run: Run, arguments: list[str]) -> None:
    code, _, said = run(*arguments, "--key", "k")
    assert code == 2 and "--key goes with --server" in said


def test_nothing_heavy_is_loaded(url: str) -> None:
    script = (
        "import json, sys\n"
        "from lsr.cli.app import main\n"
        "try: main()\n"
        "except SystemExit as exit: code = exit.code\n"
        "heavy = [name for name in ('numpy', 'torch', 'numba', 'pyarrow', 'scipy') if name in sys.modules]\n"
        "print(json.dumps([code, heavy]))"
    )
    command = ["search", "kept", "where terns migrate", "--explain", "--mode", "exact", "--server", url]
    done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]
