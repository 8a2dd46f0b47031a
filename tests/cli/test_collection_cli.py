"""Collections on the command line: what is done to them wrongly, and what must not cost a write."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lsr.collection.collection import Collection
from lsr.index import Index, verify
from lsr.index.collection.policy import LivePolicy

Run = Callable[..., tuple[int, str, str]]
GOLDEN = Path(__file__).parents[1] / "golden" / "index"
TEXTS = {
    "a": "milk and honey in the land",
    "b": "boundary layer flow over plates",
    "c": "honey bees make honey",
    "d": "trains leave at noon",
}


def corpus(path: Path, texts: dict[str, str]) -> Path:
    path.write_text("".join(json.dumps({"_id": id, "text": text}) + "\n" for id, text in texts.items()))
    return path


@pytest.fixture
def index(run: Run, tmp_path: Path) -> Path:
    """An index of words, as `lsr index` makes it."""
    code, _, _ = run("index", corpus(tmp_path / "corpus.jsonl", TEXTS), "-o", "made", "-m", "bm25")
    assert code == 0
    return tmp_path / "made"


@pytest.fixture
def written(run: Run, index: Path, tmp_path: Path) -> Path:
    """With a deletion and an addition in its log alone."""
    assert run("delete", index, "d")[0] == 0
    assert run("add", index, corpus(tmp_path / "more.jsonl", {"e": "bees and trains", "a": "milk again"}))[0] == 0
    return index


def ids(path: Path) -> list[str]:
    return sorted(document.id for document in Index.open(path).documents.scan())


def found(run: Run, index: Path, query: str) -> list[str]:
    code, out, _ = run("search", index, query, "--json")
    assert code == 0
    answer: Any = json.loads(out)
    return [hit["id"] for hit in answer["hits"]]


def test_its_life(run: Run, written: Path) -> None:
    assert ids(written) == ["a", "b", "c", "e"] and found(run, written, "trains noon") == ["e"]
    facts = json.loads(run("inspect", written, "--json")[1])
    assert facts["documents"] == 4
    code, out, err = run("delete", written, "nope", "b", "--json")
    assert code == 0 and "nope: there is no such document" in err
    assert json.loads(out) == {"deleted": 1, "missing": ["nope"], "documents": 3}
    code, _, err = run("compact", written)
    assert code == 0 and "compacting: 3 of 3 documents" in err and ids(written) == ["a", "c", "e"]
    assert run("verify", written)[0] == 0 and verify(written) == []


def test_a_second_writer(run: Run, written: Path, tmp_path: Path) -> None:
    more = corpus(tmp_path / "again.jsonl", {"z": "zebras"})
    with Collection.open(written):
        for command in (
            ["add", written, more],
            ["delete", written, "a"],
            ["compact", written],
            ["index", more, "-o", written, "-m", "bm25", "--force"],
        ):
            code, _, err = run(*command)
            assert code == 2 and ("writes to this collection" in err or "writing to it" in err), err
        assert run("snapshot", written, "-o", "beside")[0] == 0
    assert ids(written) == ids(tmp_path / "beside") == ["a", "b", "c", "e"]


def test_a_copy_never_replaces(run: Run, written: Path, index: Path) -> None:
    assert run("snapshot", written, "-o", "copy")[0] == 0
    for command in (["restore", "copy", "-o", written], ["snapshot", written, "-o", "copy"]):
        code, _, err = run(*command)
        assert code == 2 and "already exists and is not empty" in err
    assert run("create", written, "-m", "bm25")[0] == 2
    assert ids(written) == ["a", "b", "c", "e"]


def test_a_copy_takes_the_place_of_an_empty_folder(run: Run, written: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run("snapshot", written, "-o", "empty")[0] == 0
    assert ids(tmp_path / "empty") == ["a", "b", "c", "e"]
    (tmp_path / "linked").symlink_to("nowhere")
    assert run("restore", "empty", "-o", "linked")[0] == 2
    assert (tmp_path / "linked").is_symlink() and not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "command",
    [("snapshot", "made", "-o", "new"), ("restore", "made", "-o", "new"), ("create", "new", "-m", "bm25")],
    ids=lambda command: command[0],
)
def test_a_command_that_was_killed_when_all_was_there_is_given_again(
    run: Run, written: Path, tmp_path: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*, well: bool) -> None:
        pass

    with monkeypatch.context() as patched:
        patched.setattr("lsr.core.unfinished.end_command", killed)  # the mark stays
        assert run(*command)[0] == 0
    made = ids(tmp_path / "new")
    assert run(*command)[0] == 0
    assert ids(tmp_path / "new") == made
    code, _, err = run(*command)
    assert code == 2 and "already exists" in err
    assert not list(tmp_path.glob(".*"))


def test_what_a_killed_creation_leaves_is_no_collection(run: Run, tmp_path: Path) -> None:
    new = tmp_path / "new"
    create = ("create", new, "-m", "bm25")
    assert run(*create)[0] == 0
    (new / "manifest.json").unlink()
    for left in (".manifest.json", ".vocabulary", ".log-0000000001.tmp"):
        (new / left).write_text("half")
    assert run(*create)[0] == 0
    assert sorted(each.name for each in new.iterdir()) == ["log-0000000001", "manifest.json", "writer.lock"]
    # But one with documents in its log that lacks its manifest is damaged, and so is not written over.
    assert run("add", new, corpus(tmp_path / "two.jsonl", {"x": "one", "y": "two"}))[0] == 0
    (new / "manifest.json").unlink()
    log = (new / "log-0000000001").read_bytes()
    assert run(*create)[0] == 2 and (new / "log-0000000001").read_bytes() == log


def test_a_document_without_text(run: Run, written: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"_id": "f", "text": "figs"}\n{"_id": "x"}\n{"_id": "g", "text": "grapes"}\n')
    code, _, err = run("add", written, bad, "--on-error", "stop")
    assert code == 2 and "bad.jsonl:2" in err and "'text'" in err
    # By itself it is refused, and the others go in.
    code, _, err = run("add", written, bad)
    assert code == 0 and "bad.jsonl:2" in err and "'text'" in err
    assert ids(written) == ["a", "b", "c", "e", "f", "g"]


def exact_answers(path: Path, id: str) -> list[tuple[str, float]]:
    """Ids and scores of what is like a document, whatever its terms are numbered."""
    index = Index.open(path)
    terms, weights = index.vector(index.documents.rows_of(id)[0])
    names = list(map(str, range(index.dim))) if index.vocabulary is None else list(index.vocabulary)
    order = sorted(range(len(terms)), key=lambda place: names[terms[place]])
    hits = index.search(terms[order], weights[order], len(index), mode="exact")
    # The rows of such an index are as documents were added, and so are ties, until it is compacted.
    return sorted(zip(hits.ids, hits.scores.tolist(), strict=True), key=lambda hit: (-hit[1], hit[0]))


NEWER = ("plain", "bits-16", "words", "hybrid", "windows-max", "vectors")


@pytest.mark.parametrize("name", ["format-2/blocks", *(f"format-3/{name}" for name in NEWER)])
def test_an_index_of_an_old_format(run: Run, tmp_path: Path, name: str) -> None:
    source = GOLDEN / name / "index"
    shutil.copytree(source, tmp_path / "old")
    before = ids(tmp_path / "old")
    assert run("delete", "old", before[0])[0] == 0
    assert ids(tmp_path / "old") == before[1:]
    answers = exact_answers(tmp_path / "old", before[1])
    assert len(answers) > 1
    assert run("compact", "old")[0] == 0
    assert ids(tmp_path / "old") == before[1:] and verify(tmp_path / "old") == []
    assert exact_answers(tmp_path / "old", before[1]) == answers


def test_an_index_without_an_encoder(run: Run, tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.jsonl"
    vectors.write_text('{"id": "v1", "vector": {"milk": 1.5, "tea": 0.5}}\n{"id": "v2", "vector": {"tea": 1.0}}\n')
    assert run("index", "--vectors", vectors, "-o", "vectors")[0] == 0
    code, _, err = run("add", "vectors", corpus(tmp_path / "more.jsonl", {"e": "bees"}))
    assert code == 2 and "error: " in err and "Traceback" not in err
    assert ids(tmp_path / "vectors") == ["v1", "v2"]
    assert run("delete", "vectors", "v1")[0] == 0 and ids(tmp_path / "vectors") == ["v2"]
    assert run("compact", "vectors")[0] == 0 and ids(tmp_path / "vectors") == ["v2"]


@pytest.mark.parametrize(
    "command",
    [["dense"], ["dense", "--force"], ["prune", "-o", "pruned", "--top-k", "3"], ["late"]],
    ids=["dense", "dense-force", "prune", "late"],
)
def test_what_goes_by_the_files_of_one_segment(run: Run, written: Path, command: list[str], tmp_path: Path) -> None:
    before = ids(written)
    code, _, err = run(command[0], written, *command[1:])
    assert code == 2 and "several segments, or has deleted documents, or writes in its log" in err
    assert "lsr compact" in err
    assert ids(written) == before and not (tmp_path / "pruned").exists()
    assert found(run, written, "trains noon") == ["e"]


def test_tuning_keeps_writes(run: Run, written: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.tsv"
    queries.write_text("q1\thoney bees\nq2\ttrains\n")
    code, _, err = run("tune", written, "--queries", queries)
    assert code in (0, 2) and "Traceback" not in err, err
    assert ids(written) == ["a", "b", "c", "e"] and verify(written) == []


def test_building_over_a_collection(run: Run, written: Path, tmp_path: Path) -> None:
    assert run("index", tmp_path / "corpus.jsonl", "-o", written, "-m", "bm25", "--force")[0] == 0
    assert not list(written.glob("log-*")) and ids(written) == ["a", "b", "c", "d"]
    assert run("delete", written, "a")[0] == 0 and ids(written) == ["b", "c", "d"]


def test_a_newer_format(run: Run, written: Path, tmp_path: Path) -> None:
    manifest = json.loads((written / "manifest.json").read_text())
    version = manifest["version"] if "version" in manifest else manifest["format_version"]
    name = "version" if "version" in manifest else "format_version"
    (written / "manifest.json").write_text(json.dumps({**manifest, name: version + 1}))
    for command in (["add", written, tmp_path / "more.jsonl"], ["delete", written, "a"], ["search", written, "bees"]):
        code, _, err = run(*command)
        assert code == 2 and str(version + 1) in err and "Traceback" not in err


def test_verify_finds_a_damaged_log(run: Run, written: Path) -> None:
    (log,) = written.glob("log-*")
    data = bytearray(log.read_bytes())
    data[80] ^= 0xFF  # in the first record, which others follow
    log.write_bytes(data)
    code, out, err = run("verify", written)
    assert code != 0 and log.name in out + err
    for command in (["add", written, "more.jsonl"], ["search", written, "bees"]):
        code, _, err = run(*command)
        assert code == 2 and log.name in err and "Traceback" not in err
    assert log.read_bytes() == data


def test_verify_finds_a_damaged_list_of_deleted_rows(run: Run, written: Path) -> None:
    policy = LivePolicy(most_deleted=1.0)  # or so much of it is deleted that it is written again
    with Collection.open(written, policy=policy) as collection:
        collection.delete("b")
        collection._writer.flush()
    folders = list(written.glob("segment-*/deleted-*"))
    assert folders
    rows = folders[0] / "rows.npy"
    data = bytearray(rows.read_bytes())
    data[-1] ^= 1
    rows.write_bytes(data)
    code, out, err = run("verify", written)
    assert code != 0 and "rows.npy" in out + err and "still answer" not in out + err
    for command in (["delete", written, "a"], ["search", written, "bees"]):
        code, _, err = run(*command)
        assert code == 2 and "Traceback" not in err


@pytest.mark.parametrize("model", ["bm25", "lsr-doc-tiny"])
def test_an_empty_collection_is_searched_shown_and_filled(run: Run, model: str) -> None:
    assert run("create", "empty", "-m", model)[0] == 0
    code, out, err = run("search", "empty", "figs", "--json")
    assert (code, json.loads(out)["hits"]) == (0, []), err
    code, out, _ = run("fields", "empty")
    assert code == 0 and out == ""
    Path("more.jsonl").write_text('{"_id": "f", "text": "figs", "year": 2020}\n')
    assert run("add", "empty", "more.jsonl")[0] == 0
    assert [hit["id"] for hit in json.loads(run("search", "empty", "figs", "--json")[1])["hits"]] == ["f"]
    # What was written is in memory and the log alone, and is shown all the same.
    assert run("fields", "empty")[1].split() == ["year", "integer"]
    space = json.loads(run("inspect", "empty", "--json")[1])["bytes"]
    logged = sum(path.stat().st_size for path in Path("empty").glob("log-*"))
    assert space["log"] == logged > 0 and space["total"] >= logged


def test_no_collection_lies_inside_another(
    run: Run, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sorted(index.rglob("*"))
    for command in (
        ("create", index / "in", "-m", "bm25"),
        ("create", index / "far" / "in", "-m", "bm25"),
        ("snapshot", index, "-o", index / "in"),
        ("restore", index, "-o", index / "in"),
        ("index", tmp_path / "corpus.jsonl", "-o", index / "in", "-m", "bm25"),
        ("index", tmp_path / "corpus.jsonl", "-o", index / "in", "-m", "bm25", "--force"),
        ("prune", index, "-o", index / "in", "--top-k", 3),
    ):
        code, _, err = run(*command)
        assert code == 2 and f"would lie inside the index {index}" in err and "choose a folder outside" in err, command
    monkeypatch.chdir(index)
    code, _, err = run("create", "in", "-m", "bm25")
    assert code == 2 and f"in would lie inside the index {index}" in err
    assert sorted(index.rglob("*")) == whole
    assert run("snapshot", index, "-o", tmp_path / "made-too")[0] == 0


def test_what_writes_to_a_collection_that_there_is_not_says_how_to_make_one(run: Run, index: Path) -> None:
    corpus = index.parent / "corpus.jsonl"
    for command in (("add", "nosuch", corpus), ("delete", "nosuch", "a"), ("watch", "nosuch", index.parent, "--once")):
        code, _, err = run(*command)
        said = "make an empty one with `lsr create nosuch`, or build one with `lsr index CORPUS -o nosuch`"
        assert code == 2 and said in err, err
    code, _, err = run("search", "nosuch", "milk")
    assert code == 2 and "lsr create" not in err
    code, _, err = run("add", corpus, corpus)
    assert code == 2 and "lsr create" not in err


def test_numbers_that_cannot_be_are_told_of_their_flags(run: Run) -> None:
    for value in ("nan", "inf", "0", "-1"):
        code, _, err = run("create", "new", "-m", "bm25", "--weight-scale", value)
        assert code == 2 and "--weight-scale: must be a number from" in err and not Path("new").exists()


def test_progress_counts_documents_and_not_their_windows(tmp_path: Path) -> None:
    with Collection.create(tmp_path / "c", model="lsr-doc-tiny", weight_scale=0.03) as collection:
        told: list[int] = []
        long = {"_id": "long", "text": "The tern flies far over the sea. " * 200}
        short = [{"_id": f"short{n}", "text": "A glacier is ice."} for n in range(5)]
        collection.add([long, *short, {"_id": "bad", "text": "x", "n": float("nan")}], progress=told.append)
        assert len(collection.snapshot) > 6 and sum(told) in (6, 7)
