"""Collections of strangers: what a link, a pipe or a database in one leads to stays as it is, whatever is done."""

from __future__ import annotations

import os
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from lsr.collection.collection import Collection
from lsr.collection.watching import sync
from lsr.core.errors import IndexFormatError, LsrError
from lsr.core.unfinished import announce, begin_command, end_command, is_unfinished, mark_output
from lsr.index import repair, verify
from lsr.index.collection.copies import copy_collection
from lsr.index.live.versions import COMING, PREVIOUS

ACTIONS = {
    "add": lambda collection: collection.add([{"id": "new", "text": "kernels of a block"}]),
    "compact": lambda collection: collection.compact(),
    "reindex": lambda collection: collection.reindex("bm25", weight_scale=0.07),
    "reindex, kept": lambda collection: collection.reindex("bm25", weight_scale=0.07, keep=True),
    "back": lambda collection: collection.go_back(),
    "forget": lambda collection: collection.forget(),
    "repair": None,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A collection with a version that was kept."""
    path = tmp_path / "collection"
    with Collection.create(path, model="bm25") as collection:
        collection.add([{"id": f"d{number}", "text": f"block {number}"} for number in range(5)])
        collection.reindex("bm25", keep=True, weight_scale=0.05)
        collection.add([{"id": "d6", "text": "windows"}])
    return path


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder of somebody else."""
    folder = tmp_path / "precious"
    (folder / "next").mkdir(parents=True)
    (folder / "letter.txt").write_text("keep me")
    (folder / "next" / "letter.txt").write_text("me too")
    return folder


def tree(folder: Path) -> dict[str, bytes | None]:
    """What lies in a folder, by path."""
    entries = sorted(folder.rglob("*"))
    return {str(entry.relative_to(folder)): entry.read_bytes() if entry.is_file() else None for entry in entries}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", [COMING, PREVIOUS, f"{PREVIOUS}/next"])
def test_a_link_in_place_of_a_version_leads_nowhere(path: Path, precious: Path, name: str, action: str) -> None:
    before = tree(precious)
    if name == PREVIOUS:
        (path / PREVIOUS).rename(path.parent / "aside")
    (path / name).symlink_to(precious)
    act = ACTIONS[action]
    try:
        if act is None:
            repair(path)
        else:
            with Collection.open(path) as collection:
                act(collection)
    except LsrError as error:
        assert name != COMING and PREVIOUS in str(error) and "symbolic link" in str(error)
        with Collection.open(path) as collection:  # and the way out is as it says
            (path / name).unlink()
            collection.forget()
    assert tree(precious) == before
    found = verify(path)
    assert all("symbolic link" in each for each in found)
    assert bool(found) == (name != COMING and (path / name).is_symlink())
    with Collection.open(path) as collection:
        assert [hit.id for hit in collection.search("windows").hits] == ["d6"]


def test_an_index_in_place_of_a_collection_with_links_removes_these_alone(path: Path, precious: Path) -> None:
    from lsr.index.live.versions import remove_collection

    before = tree(precious)
    (path / COMING).symlink_to(precious)
    (path / PREVIOUS / "next").symlink_to(precious)
    remove_collection(path)
    assert tree(precious) == before and not list(path.glob(".*"))


def test_what_a_link_leads_to_is_not_kept_by_a_repair(path: Path, precious: Path) -> None:
    (path / PREVIOUS / "manifest.json").unlink()
    (path / PREVIOUS).rmdir()
    (path / PREVIOUS).symlink_to(precious)
    assert any("symbolic link" in problem for problem in verify(path))
    repair(path)
    assert not verify(path) and not list(path.rglob("letter.txt"))


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_mark_is_not_written_or_read_through(tmp_path: Path, kind: str) -> None:
    output, mark, victim = tmp_path / "out", tmp_path / ".out.command", tmp_path / "victim"
    output.write_text("made")
    victim.write_text("keep me")
    if kind == "link":
        mark.symlink_to(victim)
    else:
        os.mkfifo(mark)
    begin_command(["index"])
    announce(output)
    assert not is_unfinished(output, lambda path: [1])
    mark_output(output, [1])
    assert victim.read_text() == "keep me" and is_unfinished(output, lambda path: [1])
    end_command(well=True)
    assert not mark.exists()


def _state(collection: Collection, notes: Path) -> Path:
    notes.mkdir()
    (notes / "a.md").write_text("Kernels.")
    sync(collection, notes, rest=0)
    (state,) = collection.path.glob("folder-*.sqlite")
    return state


def _with_journal(state: Path, victim: Path) -> None:
    """A journal by which SQLite removes `victim`: of a transaction over several databases that was not completed."""
    name = str(victim).encode()
    header = bytes.fromhex("d9d505f920a163d7") + struct.pack(">5I", 0, 7, state.stat().st_size // 4096, 512, 4096)
    record = struct.pack(">I", (1 << 30) // 4096 + 1) + name + struct.pack(">2I", len(name), sum(name))
    Path(f"{state}-journal").write_bytes(header.ljust(512, b"\0") + record + bytes.fromhex("d9d505f920a163d7"))


def test_a_journal_that_names_another_removes_that_by_sqlite_alone(tmp_path: Path) -> None:
    """That the journal of the test below would do harm."""
    state, victim = tmp_path / "state.sqlite", tmp_path / "victim"
    victim.write_text("keep me")
    with closing(sqlite3.connect(state)) as connection:
        connection.execute("CREATE TABLE files (path TEXT)")
    _with_journal(state, victim)
    with closing(sqlite3.connect(state)) as connection:
        connection.execute("SELECT * FROM files").fetchall()
    assert not victim.exists()


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "journal", "journal that is a link", "wal", "view"])
def test_a_state_of_a_stranger_is_begun_anew(path: Path, tmp_path: Path, kind: str) -> None:
    victim = tmp_path / "victim"
    with Collection.open(path) as collection:
        notes = tmp_path / "notes"
        state = _state(collection, notes)
        if kind in ("link", "dangling link"):
            state.rename(victim)
            state.symlink_to(victim)
            if kind == "dangling link":
                victim.unlink()
        elif kind == "pipe":
            state.unlink()
            os.mkfifo(state)
        elif kind == "journal":
            victim.write_text("keep me")
            _with_journal(state, victim)
        elif kind == "view":
            with closing(sqlite3.connect(state, isolation_level=None)) as connection:
                connection.execute("DROP TABLE leaving")
                endless = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n"
                connection.execute(f"CREATE VIEW leaving AS {endless}")
        else:
            victim.write_text("keep me")
            Path(f"{state}-{'wal' if kind == 'wal' else 'journal'}").symlink_to(victim)
        before = victim.read_bytes() if victim.exists() else None
        (notes / "b.md").write_text("Windows.")
        done = sync(collection, notes, rest=0)
        assert done.created == 1 and not done.problems
        assert (victim.read_bytes() if victim.exists() else None) == before
        assert [entry.name for entry in path.glob("folder-*")] == [state.name] and not state.is_symlink()
        (notes / "a.md").unlink()
        assert sync(collection, notes, rest=0).deleted == 1, "and it is known from then on what is in the folder"


@pytest.mark.parametrize("name", ["manifest.json", "damaged/1/report.json", f"{COMING}/manifest.json", "writer.lock"])
def test_a_pipe_is_not_waited_for(path: Path, tmp_path: Path, name: str) -> None:
    pipe = path / name
    pipe.parent.mkdir(parents=True, exist_ok=True)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    for act in (repair, verify, lambda path: copy_collection(path, tmp_path / "copy"), Collection.open):
        try:
            done = act(path)
        except (LsrError, OSError) as error:
            assert name in str(error)
        else:
            if isinstance(done, Collection):
                done.close()


@pytest.mark.parametrize("target", ["letter.txt", "pipe"])
def test_a_log_that_is_a_link_is_not_copied(path: Path, precious: Path, tmp_path: Path, target: str) -> None:
    os.mkfifo(precious / "pipe")
    (log,) = path.glob("log-*")
    log.unlink()
    log.symlink_to(precious / target)
    with pytest.raises(IndexFormatError, match=f"{path / log.name}: a symbolic link"):
        copy_collection(path, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("damage", ["cut", "rubbish", "flipped", "folder"])
def test_damage_of_a_log_is_not_handed_on(path: Path, tmp_path: Path, damage: str) -> None:
    with Collection.open(path) as collection:
        collection.add([{"id": "d7", "text": "windows"}])
    (log,) = path.glob("log-*")
    whole = log.read_bytes()
    if damage == "folder":
        log.unlink()
        log.mkdir()
    else:
        flipped = bytearray(whole)
        flipped[len(whole) // 3] ^= 1
        log.write_bytes({"cut": whole[:10], "rubbish": b"no log" * 99, "flipped": bytes(flipped)}[damage])
    with pytest.raises(IndexFormatError, match=str(log)):
        copy_collection(path, tmp_path / "copy")
    assert not list(tmp_path.glob("*copy*"))
