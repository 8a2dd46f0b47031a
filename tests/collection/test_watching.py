"""A collection in step with a folder: it holds what `lsr index FOLDER` reads, with as little work as can be."""

from __future__ import annotations

import json
import os
import queue
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patience import PATIENCE

from lsr.collection.collection import Collection
from lsr.collection.encoding import DocumentEncoder
from lsr.collection.resting import Resting
from lsr.collection.watching import Synced, sync, watch
from lsr.core.documents import Document
from lsr.core.errors import InputError, LsrError
from lsr.text import open_corpus
from lsr.text.folder_corpus import FolderCorpus
from lsr.text.reports import SkipReport

WORDS = "tern stork owl crow heron gull finch wren swift plover".split()  # noqa: SIM905


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of documents that were encoded."""
    ids: list[str] = []
    encode = DocumentEncoder.encode

    def counting(self: DocumentEncoder, documents: list[Document], *rest: Any) -> Any:
        ids.extend(document.id for document in documents)
        return encode(self, documents, *rest)

    monkeypatch.setattr(DocumentEncoder, "encode", counting)
    return ids


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    with Collection.create(tmp_path / "collection", model="bm25") as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def without_day(document: Document) -> Document:
    """A file whose contents are the same keeps the day when they were last another."""
    if document.fields.get("path") != document.id:
        return document
    fields = {name: value for name, value in document.fields.items() if name != "modified"}
    return Document(document.id, document.text, document.title, fields)


def held(collection: Collection) -> dict[str, Document]:
    return {document.id: without_day(document) for document in collection.scan()}


def read(folder: Path) -> dict[str, Document]:
    """What `lsr index` would read of it: of an id that is there twice, the first."""
    try:
        return {document.id: without_day(document) for document in open_corpus(folder, on_error="skip")}
    except InputError as error:
        assert "no documents in it" in str(error)
        return {}


def write_records(path: Path, records: dict[str, str]) -> None:
    if path.suffix == ".csv":
        path.write_text("".join(["id,text\n", *(f"{id},{text}\n" for id, text in records.items())]))
    else:
        path.write_text("".join(json.dumps({"_id": id, "text": text}) + "\n" for id, text in records.items()))


class Model:
    """A folder and what its files hold, changed by chance: texts, or texts by id."""

    def __init__(self, folder: Path, random: np.random.Generator) -> None:
        self.folder, self.random = folder, random
        self.files: dict[str, str | dict[str, str]] = {}

    def _text(self) -> str:
        return " ".join(self.random.choice(WORDS, 4).tolist())

    def _write(self, name: str) -> None:
        path, content = self.folder / name, self.files[name]
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        else:
            write_records(path, content)
        # Times are coarser than these changes follow one another.
        os.utime(path, ns=(0, int(self.random.integers(1, 2**50))))

    def change(self) -> None:
        """One change."""
        names = list(self.files)
        act = self.random.choice(["new", "new", "rewrite", "record", "record", "remove", "rename", "move", "touch"])
        if act == "new" or not names:
            ending = self.random.choice([".txt", ".md", ".jsonl", ".csv"])
            name = f"{self.random.choice(['', 'a/', 'z/'])}f{self.random.integers(6)}{ending}"
            many = ending in (".jsonl", ".csv")
            self.files[name] = {f"r{id}": self._text() for id in self.random.choice(12, 3)} if many else self._text()
            self._write(name)
            return
        name = str(self.random.choice(names))
        content = self.files[name]
        if act == "rewrite" and isinstance(content, str):
            self.files[name] = self._text()
            self._write(name)
        elif act == "record" and isinstance(content, dict):
            id = f"r{self.random.integers(12)}"
            if id in content and len(content) > 1:
                del content[id]
            else:
                content[id] = self._text()
            self._write(name)
        elif act == "remove":
            del self.files[name]
            (self.folder / name).unlink()
        elif act == "rename":
            other = f"{self.random.choice(['', 'a/', 'z/'])}g{self.random.integers(4)}{Path(name).suffix}"
            self.files[other] = self.files.pop(name)
            (self.folder / other).parent.mkdir(exist_ok=True)
            (self.folder / name).replace(self.folder / other)
        elif act == "move" and isinstance(content, dict):
            others = [each for each in names if isinstance(self.files[each], dict) and each != name]
            if others and len(content) > 1:
                other = str(self.random.choice(others))
                id, text = content.popitem()
                self.files[other] |= {id: text}  # type: ignore[operator]
                self._write(name)
                self._write(other)
        elif act == "touch":
            self._write(name)


@pytest.mark.parametrize("seed", range(4))
def test_random_changes(folder: Path, collection: Collection, encoded: list[str], seed: int) -> None:
    random = np.random.default_rng(seed)
    model, outside = Model(folder, random), Document("outside", "not of the folder")
    collection.add(outside)
    for step in range(25):
        for _ in range(random.integers(1, 4)):
            model.change()
        before, wanted = held(collection), read(folder)
        encoded.clear()
        if random.random() < 0.2:
            # Somebody else writes: whatever of the folder that touches is put right.
            others = [Document("outside", f"not of the folder, {step}")]
            if wanted and random.random() < 0.5:
                others.append(Document(next(iter(wanted)), "another text"))
            collection.add(others)
            before = held(collection)
            outside = others[0]
            encoded.clear()
        done = sync(collection, folder, rest=0)
        now = held(collection)
        assert now == {**wanted, "outside": outside}
        changed = {id for id, document in wanted.items() if before.get(id) != document}
        assert sorted(encoded) == sorted(changed), "each once, and nothing else"
        assert done.created == len(now.keys() - before.keys()) and done.deleted == len(before.keys() - now.keys())
        assert not done.refused and not done.waiting
        encoded.clear()
        assert not sync(collection, folder, rest=0).changed and not encoded


def test_a_state_that_is_lost_or_damaged_costs_no_encoding(
    folder: Path, collection: Collection, encoded: list[str]
) -> None:
    write_records(folder / "a.jsonl", {"a": "tern", "b": "stork"})
    (folder / "note.md").write_text("# Owls\n\nThey hunt.")
    assert sync(collection, folder, rest=0).created == 3
    encoded.clear()
    (state,) = collection.path.glob("folder-*.sqlite")
    whole = state.read_bytes()
    for damaged in (None, b"", b"no database" * 100, whole[:5000], whole[:100] + bytes(len(whole) - 100)):
        state.unlink()
        if damaged is not None:
            state.write_bytes(damaged)
        done = sync(collection, folder, rest=0)
        assert not encoded and not done.changed and not done.problems, damaged and damaged[:20]
    (folder / "note.md").unlink()
    assert sync(collection, folder, rest=0).deleted == 1 and held(collection).keys() == {"a", "b"}


def test_a_restart_reads_nothing_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_records(folder / "a.jsonl", {f"d{number}": "tern" for number in range(20)})
    from lsr.index.collection.policy import LivePolicy

    with Collection.create(tmp_path / "collection", model="bm25", policy=LivePolicy(memory_documents=5)) as collection:
        sync(collection, folder, rest=0)
        collection.wait()
        sync(collection, folder, rest=0)
    monkeypatch.setattr("lsr.collection.folder_sync.FolderCorpus.documents", lambda *_: pytest.fail("it is read again"))
    with Collection.open(tmp_path / "collection") as collection:
        assert not sync(collection, folder, rest=0).changed
        assert len(collection) == 20


def test_an_older_copy_of_the_collection_is_brought_up_to_date(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "collection"
    write_records(folder / "a.jsonl", {"a": "tern", "b": "stork"})
    with Collection.create(path, model="bm25") as collection:
        sync(collection, folder, rest=0)
    shutil.copytree(path, tmp_path / "older")
    write_records(folder / "a.jsonl", {"a": "tern and owl", "c": "crow"})
    with Collection.open(path) as collection:
        sync(collection, folder, rest=0)
    # As many records, and others.
    with Collection.open(tmp_path / "older") as collection:
        collection.add(Document("x", "not of the folder"))
        collection.delete("a")
    for file in (tmp_path / "older").glob("log-*"):
        shutil.copy(file, path / file.name)
    with Collection.open(path) as collection:
        assert sync(collection, folder, rest=0).created == 2
        assert held(collection).keys() == {"a", "c", "x", "b"}  # whose file was read after it had gone
        assert {id: held(collection)[id] for id in ("a", "c")} == read(folder)


def test_a_line_that_cannot_be_read_costs_no_document(folder: Path, collection: Collection) -> None:
    write_records(folder / "a.jsonl", {"a": "tern", "b": "stork"})
    (folder / "whole.txt").write_text("owl")
    sync(collection, folder, rest=0)
    (folder / "a.jsonl").write_text('{"_id": "a", "text": "tern, again"}\n{"_id": "b", "te\n')
    done = sync(collection, folder, rest=0)
    assert held(collection)["a"].text == "tern, again" and held(collection)["b"].text == "stork"
    assert len(done.problems) == 1 and "a.jsonl:2" in done.problems[0]
    assert not sync(collection, folder, rest=0).problems, "it is told once"
    write_records(folder / "a.jsonl", {"a": "tern"})
    assert sync(collection, folder, rest=0).deleted == 1


def test_a_file_that_cannot_be_read_stops_nothing(
    folder: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text(name)
    (folder / "broken.pdf").write_bytes(b"no PDF")
    (folder / "picture.png").write_bytes(b"")
    done = sync(collection, folder, rest=0)
    assert done.created == 3 and done.unread >= 1
    from lsr.collection import folder_sync

    digest = folder_sync._digest

    def denied(path: Path) -> str:
        if path.name == "b.txt":
            raise PermissionError(13, "Permission denied", str(path))
        return digest(path)

    monkeypatch.setattr(folder_sync, "_digest", denied)
    for name in ("b.txt", "c.txt"):
        (folder / name).write_text(f"{name}, another time")
    done = sync(collection, folder, rest=0)
    assert done.replaced == 1 and held(collection)["b.txt"].text == "b.txt"
    assert done.problems == [f"{folder / 'b.txt'}: cannot be read: Permission denied"]
    assert sync(collection, folder, rest=0).problems, "to another process it is news"
    monkeypatch.undo()
    assert sync(collection, folder, rest=0).replaced == 1


def test_a_full_disk_is_not_said_of_the_file(
    folder: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.txt").write_text("tern")

    def full(self: Collection, documents: Any, **options: Any) -> Any:
        raise OSError(28, "No space left on device", "log")

    monkeypatch.setattr(Collection, "add", full)
    with pytest.raises(OSError, match="No space left"):
        sync(collection, folder, rest=0)
    monkeypatch.undo()
    assert sync(collection, folder, rest=0).created == 1


def test_a_state_that_cannot_be_written_is_not_thrown_away(
    folder: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.txt").write_text("tern")
    sync(collection, folder, rest=0)
    (folder / "a.txt").write_text("tern and owl")

    def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("lsr.collection.folder_state.FolderState.claim", full)
        with pytest.raises(LsrError, match="disk is full"):
            sync(collection, folder, rest=0)
    (folder / "a.txt").unlink()
    assert sync(collection, folder, rest=0).deleted == 1


def test_a_collection_within_the_folder_and_names_that_are_no_text(folder: Path) -> None:
    (folder / "a.txt").write_text("tern")
    (folder / os.fsdecode(b"\xff.txt")).write_text("owl")
    with Collection.create(folder / "birds", model="bm25") as collection:
        for _ in range(2):
            done = sync(collection, folder, rest=0)
        assert held(collection).keys() == {"a.txt"} and len(done.problems) == 1 and "UTF-8" in done.problems[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_looked_into(folder: Path, collection: Collection) -> None:
    (folder / "closed").mkdir()
    (folder / "closed/a.txt").write_text("tern")
    sync(collection, folder, rest=0)
    (folder / "closed").chmod(0)
    try:
        done = sync(collection, folder, rest=0)
        assert not done.deleted and len(done.problems) == 1 and len(collection) == 1
    finally:
        (folder / "closed").chmod(0o700)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_killed_between_a_batch_and_what_is_known_of_it(
    folder: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """The documents of a file that is removed before the next time are not left behind."""
    write_records(folder / "a.jsonl", {f"d{number}": "tern" for number in range(600)})
    add, calls = Collection.add, []

    def failing(self: Collection, documents: Any, **options: Any) -> Any:
        if len(calls) == after:
            raise RuntimeError
        calls.append(1)
        return add(self, documents, **options)

    monkeypatch.setattr(Collection, "add", failing)
    with pytest.raises(RuntimeError):
        sync(collection, folder, rest=0)
    monkeypatch.undo()
    assert len(collection) == 256 * after
    (folder / "a.jsonl").unlink()
    assert sync(collection, folder, rest=0).deleted == 256 * after
    assert len(collection) == 0


def test_it_ends_between_two_batches(folder: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    write_records(folder / "a.jsonl", {f"d{number}": "tern" for number in range(600)})
    add, stop = Collection.add, threading.Event()

    def stopping(self: Collection, documents: Any, **options: Any) -> Any:
        stop.set()
        return add(self, documents, **options)

    monkeypatch.setattr(Collection, "add", stopping)
    assert sync(collection, folder, rest=0, stop=stop).created == 256 == len(collection)
    assert sync(collection, folder, rest=0).created == 344 and len(collection) == 600


def test_a_file_that_is_written_waits(folder: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its times, and by what was seen of it."""
    now, path = 1000.0, folder / "a.txt"
    monkeypatch.setattr("lsr.collection.resting.time.monotonic", lambda: now)
    monkeypatch.setattr("lsr.collection.resting.time.time", lambda: path.stat().st_ctime + 0.5)
    path.write_text("tern")
    resting = Resting(2.0)
    assert not resting.rests(path)
    now += 1.5
    assert not resting.rests(path)
    path.write_text("tern and owl")
    now += 1.5
    assert not resting.rests(path), "it has changed"
    now += 2.0
    assert resting.rests(path)
    monkeypatch.setattr("lsr.collection.resting.time.time", lambda: path.stat().st_ctime + 2.5)
    assert Resting(2.0).rests(path) and Resting(0).rests(path)


def test_what_is_written_while_it_is_read_is_read_again(
    folder: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "a.jsonl"
    write_records(path, {"a": "tern", "b": "stork"})
    sync(collection, folder, rest=0)
    write_records(path, {"a": "tern"})
    documents, written = FolderCorpus.documents, []

    def writing(self: FolderCorpus, file: Path, report: SkipReport) -> Iterator[Document]:
        for document in documents(self, file, report):
            if not written:
                written.append(1)
                write_records(path, {"a": "tern", "b": "stork", "c": "owl and crow"})
            yield document

    monkeypatch.setattr(FolderCorpus, "documents", writing)
    done = sync(collection, folder, rest=0)
    assert done.waiting == ["a.jsonl"] and not done.deleted and "b" in collection
    done = sync(collection, folder, rest=0)
    assert not done.waiting and held(collection) == read(folder)


def test_a_folder_that_is_not_there(tmp_path: Path, collection: Collection) -> None:
    collection.add(Document("a", "tern"))
    with pytest.raises(InputError, match="no such folder"):
        sync(collection, tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not a folder"):
        sync(collection, tmp_path / "file")
    assert len(collection) == 1


def test_a_watch(folder: Path, collection: Collection) -> None:
    told: queue.Queue[Synced] = queue.Queue()
    stop = threading.Event()
    watching = threading.Thread(
        target=watch,
        args=(collection, folder),
        kwargs={"interval": 0.01, "rest": 0.0, "stop": stop, "told": told.put},
        daemon=True,
    )
    watching.start()
    (folder / "part.tmp").write_text("terns fly far")
    (folder / "part.tmp").rename(folder / "a.txt")
    assert told.get(timeout=PATIENCE).created == 1 and collection.get("a.txt") is not None
    (folder / "a.txt").unlink()
    assert told.get(timeout=PATIENCE).deleted == 1
    folder.rename(folder.with_name("elsewhere"))
    assert "no such folder" in told.get(timeout=PATIENCE).problems[0]
    folder.with_name("elsewhere").rename(folder)
    (folder / "part.tmp").write_text("owls")
    (folder / "part.tmp").rename(folder / "b.txt")
    assert told.get(timeout=PATIENCE).created == 1
    stop.set()
    watching.join(PATIENCE)
    assert not watching.is_alive() and len(collection) == 1


def test_a_beir_folder(folder: Path, collection: Collection) -> None:
    """Its queries are no documents."""
    write_records(folder / "corpus.jsonl", {"a": "tern"})
    write_records(folder / "queries.jsonl", {"q": "which bird?"})
    assert sync(collection, folder, rest=0).created == 1 and held(collection) == read(folder)
