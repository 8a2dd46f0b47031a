"""Repairing a collection: every file damaged in turn, and afterwards it is sound, and what it lacks was named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_oracle import check, opened
from damaged_collection import APART, DAMAGE, copied, made, segment_files

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError
from lsr.index import Index, verify
from lsr.index.collection.repair.plan import plan_repair
from lsr.index.collection.repair.repair import repair
from lsr.index.collection.repair.report import Repair
from lsr.index.format.manifest import Manifest
from lsr.index.live.log.frames import log_path
from lsr.index.live.writes import Put

Made = tuple[Path, dict[str, Put]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Made:
    path = tmp_path_factory.mktemp("repair") / "collection"
    return path, made(path)


def lines(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {each.pop("_id"): each for each in found}


def look_at(path: Path, truth: dict[str, Put], done: Repair) -> dict[str, Put]:
    """What is left of the truth: all of it but what the repair named, and it is found as brute force finds it."""
    gone = {*done.documents, *done.doubtful, *done.lost}
    left = {id: put for id, put in truth.items() if id not in gone}
    if done.unnamed:
        held = {each.id for each in Index.open(path).documents.scan()}
        assert held <= left.keys() and len(left) - len(held) <= done.unnamed
        left = {id: put for id, put in left.items() if id in held}
    random = np.random.default_rng(0)
    assert verify(path) == []
    dense = "dense" not in done.parts
    check(Index.open(path), left, random, queries=2, dense=dense)
    if not done.whole:
        with opened(path, APART) as writer:
            writer.compact()
            check(writer.snapshot(), left, random, queries=2, dense=dense)
    assert verify(path) == []
    assert repair(path) == Repair()
    for id, values in lines(Path(done.folder or path) / "documents.jsonl").items():
        assert Document(id, values.pop("text"), values.pop("title"), values) == truth[id].document
    return left


AGAIN = (
    "order_",
    "term_documents",
    "summary_",
    "seismic_",
    "bmp_",
    "ids_",
    "id_",
    "window_",
    "terms.npy",
    "fields.arrow",
)


@pytest.mark.slow
def test_every_file_of_a_segment(whole: Made, tmp_path: Path) -> None:
    """Each by the next kind of damage in turn."""
    source, truth = whole
    outcomes: dict[str, str] = {}
    for number, file in enumerate(segment_files(source, 1)):
        path, damage = copied(source, tmp_path / str(number)), list(DAMAGE)[number % len(DAMAGE)]
        DAMAGE[damage](path / file)
        problems = verify(path)
        assert any(file in problem for problem in problems)
        planned = plan_repair(path)
        assert verify(path) == problems == planned.problems and planned.steps
        done = repair(path)
        assert done.problems == problems and done.folder == str(path / "damaged" / "1")
        left = look_at(path, truth, done)
        name = file.split("/")[-1]
        outcomes[name] = "again" if done.whole else ",".join(done.parts) or "aside"
        if done.whole:
            assert left == truth
        if damage != "remove":
            assert (path / "damaged" / "1" / file).exists(), "what was damaged is kept"
    again = {name for name, outcome in outcomes.items() if outcome == "again"}
    assert again == {name for name in outcomes if name.startswith(AGAIN)}
    assert {name for name, outcome in outcomes.items() if outcome == "dense"} == {"vectors.npy"}
    assert outcomes["forward_terms.npy"] == outcomes["documents.arrow"] == outcomes["rows.npy"] == "aside"


@pytest.mark.parametrize("seed", range(6))
def test_damage_by_chance(whole: Made, tmp_path: Path, seed: int) -> None:
    """Several files of all segments, anywhere in them."""
    source, truth = whole
    random, path = np.random.default_rng(seed), copied(source, tmp_path / "collection")
    files = [file for number in range(len(Manifest.read(path).segments)) for file in segment_files(path, number)]
    for file in random.choice(files, random.integers(1, 5), replace=False).tolist():
        data = bytearray((path / file).read_bytes())
        match random.integers(3):
            case 0:
                data[random.integers(len(data))] ^= 1 << int(random.integers(8))
            case 1:
                del data[random.integers(len(data)) :]
            case 2:
                start = int(random.integers(len(data)))
                data[start : start + 500] = random.bytes(len(data[start : start + 500]))
        (path / file).write_bytes(data)
    problems = verify(path)
    done = repair(path)
    assert done.problems == problems
    look_at(path, truth, done)


def test_a_forward_index_costs_no_document(whole: Made, tmp_path: Path) -> None:
    source, truth = whole
    path = copied(source, tmp_path / "collection")
    record = Manifest.read(path).segments[1]
    DAMAGE["flip"](path / record.name / "forward_weights.npy")
    done = repair(path)
    assert not done.whole and not done.doubtful and not done.lost and done.documents
    left = look_at(path, truth, done)
    with opened(path) as writer:
        writer.apply([truth[id] for id in lines(path / "damaged/1/documents.jsonl")])
        check(writer.snapshot(), truth, np.random.default_rng(1))
    assert {*left, *done.documents} == truth.keys()


def test_doubtful_texts_are_not_among_the_good_ones(whole: Made, tmp_path: Path) -> None:
    source, truth = whole
    path = copied(source, tmp_path / "collection")
    record = Manifest.read(path).segments[0]
    DAMAGE["flip"](path / record.name / "documents.arrow")
    done = repair(path)
    assert not done.documents and not (path / "damaged/1/documents.jsonl").exists()
    assert len(done.doubtful) + len(done.lost) >= 8
    assert lines(path / "damaged/1/doubtful.jsonl").keys() == set(done.doubtful)
    look_at(path, truth, done)


def test_deleted_documents_do_not_come_back_unsaid(whole: Made, tmp_path: Path) -> None:
    """Which are deleted is lost: they are neither searched nor among those that are ready to be added."""
    source, truth = whole
    path = copied(source, tmp_path / "collection")
    record = Manifest.read(path).segments[1]
    DAMAGE["flip"](path / record.name / record.parts["deleted"].folder / "rows.npy")
    done = repair(path)
    assert "s1-3" in done.doubtful and not done.documents
    # Of the document that was replaced, the newer one is there.
    assert "s1-5" not in done.doubtful and not {"s1-5"} - truth.keys()
    assert any("deleted is not known" in step for step in done.steps)
    with opened(path) as writer:
        assert writer.holds("s1-5") and not writer.holds("s1-3")


def test_several_segments_at_once(whole: Made, tmp_path: Path) -> None:
    source, truth = whole
    path = copied(source, tmp_path / "collection")
    records = Manifest.read(path).segments
    for number, (file, damage) in enumerate(
        [("forward_indptr.npy", "flip"), ("ids_bytes.npy", "remove"), ("forward_terms.npy", "remove")]
    ):
        DAMAGE[damage](path / records[number].name / file)
    DAMAGE["truncate"](path / records[1].name / "summary_list_starts.npy")
    done = repair(path)
    assert done.documents
    look_at(path, truth, done)


def test_all_segments(whole: Made, tmp_path: Path) -> None:
    """The log is left."""
    source, truth = whole
    path = copied(source, tmp_path / "collection")
    for record in Manifest.read(path).segments:
        DAMAGE["remove"](path / record.name / "forward_indptr.npy")
    done = repair(path)
    assert look_at(path, truth, done).keys() == {"s0-7", "log-1", "s2-2", "log-2"}


def test_a_folder_that_is_gone(whole: Made, tmp_path: Path) -> None:
    source, truth = whole
    path = copied(source, tmp_path / "collection")
    record = Manifest.read(path).segments[2]
    for file in sorted((path / record.name).rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    (path / record.name).rmdir()
    done = repair(path)
    assert done.unnamed and not done.documents
    look_at(path, truth, done)


def frames(path: Path) -> list[int]:
    """Where the frames of a file of the log begin, and where it ends."""
    data, at = path.read_bytes(), 52
    places = [at]
    while at < len(data):
        at += 20 + int.from_bytes(data[at : at + 4], "little")
        places.append(at)
    assert at == len(data)
    return places


def test_damage_in_the_log(whole: Made, tmp_path: Path) -> None:
    source, truth = whole
    first = Manifest.read(source).live.log
    cases = {
        # The record with log-0 and s0-7: what follows is a deletion, and the next file.
        "first": (first, 0, {"s0-7"}, 1),
        "second": (first, 1, set(), 1),
        "third": (first + 1, 0, {"log-1", "s2-2"}, 1),
    }
    for name, (number, frame, _, unreadable) in cases.items():
        path = copied(source, tmp_path / name)
        log = log_path(path, number)
        data = bytearray(log.read_bytes())
        data[frames(log)[frame] + 25] ^= 1
        log.write_bytes(data)
        problems = verify(path)
        assert log.name in problems[0] and len(problems) == 1
        assert len(plan_repair(path).steps) == 1
        done = repair(path)
        assert done.log and done.unreadable == unreadable and not done.whole
        assert (path / "damaged/1" / log.name).read_bytes() == data
        assert verify(path) == [] and repair(path) == Repair()
        # Whoever adds and deletes what was told has all but the record that cannot be read.
        told = lines(path / "damaged/1/documents.jsonl")
        assert set(told) == set(done.documents)
        with opened(path, APART) as writer:
            held = {each.id: each for each in writer.snapshot().documents.scan()}
            if name == "first":
                assert "log-1" not in held and "s0-1" in held and held["s0-7"].fields == {"version": 0}
            if name == "third":
                assert held["s0-7"] == truth["s0-7"].document and "s1-8" not in held
            writer.apply([truth[id] for id in told])
            for id in done.deleted:
                held.pop(id, None)
            held |= {id: truth[id].document for id in told}
        lacking = {id for id in truth if held.get(id) != truth[id].document}
        extra = held.keys() - truth.keys()
        assert (lacking, extra) == {
            "first": ({"s0-7"}, set()),
            "second": (set(), {"s1-8"}),
            "third": ({"log-1", "s2-2"}, set()),
        }[name]


@pytest.mark.parametrize("damage", DAMAGE)
def test_files_of_the_log(whole: Made, tmp_path: Path, damage: str) -> None:
    source, truth = whole
    first = Manifest.read(source).live.log
    path = copied(source, tmp_path / "collection")
    DAMAGE[damage](log_path(path, first))
    assert verify(path)
    done = repair(path)
    assert done.log and verify(path) == []
    assert {"log-1", "s2-2", "log-2"} <= set(done.documents) and {"s0-1", "log-0"} <= set(done.deleted)
    with opened(path) as writer:
        writer.apply([truth["log-1"]])
        writer.compact()
        assert writer.holds("log-1") and writer.holds("s0-1")


def test_a_header_of_the_log(whole: Made, tmp_path: Path) -> None:
    source, _ = whole
    path = copied(source, tmp_path / "collection")
    log = log_path(path, Manifest.read(path).live.log + 1)
    data = bytearray(log.read_bytes())
    data[9] ^= 1
    log.write_bytes(data)
    done = repair(path)
    # What is before it stays, and what is in it can be read.
    assert set(done.documents) == {"log-1", "s2-2", "log-2"} and set(done.deleted) == {"s0-1", "log-0"}
    assert done.unreadable == 0
    with opened(path) as writer:
        assert writer.holds("log-0") and not writer.holds("s1-8")


def test_a_record_that_is_whole_and_says_nothing(whole: Made, tmp_path: Path) -> None:
    from lsr.index.live.log.writer import LogWriter

    source, truth = whole
    path = copied(source, tmp_path / "collection")
    live = Manifest.read(path).live
    from lsr.index.live.log.reader import LogReader

    reader = LogReader(path, bytes.fromhex(live.identity), first=live.log, after=live.sequence)
    list(reader)
    with LogWriter.resume(path, bytes.fromhex(live.identity), reader.place) as writer:
        writer.append([b"no record"])
    assert verify(path)
    done = repair(path)
    assert done.unreadable == 1 and not done.documents
    with opened(path) as opened_again:
        check(opened_again.snapshot(), truth, np.random.default_rng(3))


def test_a_manifest_is_not_guessed(whole: Made, tmp_path: Path) -> None:
    source, _ = whole
    for name, damage in DAMAGE.items():
        path = copied(source, tmp_path / name)
        damage(path / "manifest.json")
        before = sorted(path.rglob("*"))
        with pytest.raises(IndexFormatError, match="segments and 2 files of a log beside it") as raised:
            repair(path)
        assert "restore it from a copy" in str(raised.value) and sorted(path.rglob("*")) == before


def test_a_sound_collection_is_left_alone(whole: Made, tmp_path: Path) -> None:
    source, truth = whole
    path = copied(source, tmp_path / "collection")
    before = (path / "manifest.json").read_bytes()
    assert repair(path) == Repair() and repair(path).whole
    assert (path / "manifest.json").read_bytes() == before and not (path / "damaged").exists()
    check(Index.open(path), truth, np.random.default_rng(2))


@pytest.mark.parametrize("fails", ["mend", "Aside.publish", "_write_log", "Manifest.write"])
def test_a_repair_that_fails_leaves_nothing(
    whole: Made, tmp_path: Path, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, say: all is as it was, and the next one does it."""
    source, _ = whole
    path = copied(source, tmp_path / "collection")
    manifest = Manifest.read(path)
    DAMAGE["flip"](path / manifest.segments[0].name / "forward_terms.npy")
    DAMAGE["flip"](path / manifest.segments[1].name / "order_rows.npy")
    DAMAGE["flip"](log_path(path, manifest.live.log))
    before, problems = sorted(path.rglob("*")), verify(path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(f"lsr.index.collection.repair.repair.{fails}", full)
        with pytest.raises(OSError, match="No space left"):
            repair(path)
    assert sorted(path.rglob("*")) == before and verify(path) == problems
    assert repair(path).documents and verify(path) == []
