"""Readers that live as long as a collection is written to: whatever its writer does, they see what is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from collection_kills import HERE, truth_after
from collection_oracle import LARGE, SMALL, TERMS, asked, check, create, made_put, made_query, opened, put
from index_oracle import random_vectors

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError
from lsr.index import Index
from lsr.index.build.builder import IndexBuilder
from lsr.index.collection.create import create_collection, make_live
from lsr.index.collection.writer import CollectionWriter
from lsr.index.live.log.frames import FRAME_BYTES, log_path
from lsr.index.live.reader import CollectionReader
from lsr.index.live.writes import Delete, Put, Write


def same(found: Index, fresh: Index, random: np.random.Generator) -> None:
    """AssertionError if two indexes differ in what they hold, count or find."""
    assert {each.id: each for each in found.documents.scan()} == {each.id: each for each in fresh.documents.scan()}
    assert len(found.documents) == len(fresh.documents)
    for _ in range(2):
        query = made_query(random)
        one, other = (index.search(*asked(index, query), 5) for index in (found, fresh))
        assert (one.ids, one.scores.tolist()) == (other.ids, other.scores.tolist())


@pytest.mark.parametrize("seed", range(8))
def test_readers_see_every_batch(tmp_path: Path, seed: int) -> None:
    """One looks after every batch, one after some, one after a long time: through segments, merges and reopenings."""
    random = np.random.default_rng(seed)
    path = tmp_path / "collection"
    create(path)
    writer = opened(path)
    readers = [CollectionReader(path, every=0) for _ in range(3)]
    truth: dict[str, Put] = {}
    for step in range(60):
        batch: list[Write] = []
        for _ in range(random.integers(1, 4)):
            id = f"d{random.integers(12)}"
            if random.random() < 0.3:
                batch.append(Delete(id))
                truth.pop(id, None)
            else:
                truth[id] = made_put(random, id, step)
                batch.append(truth[id])
        writer.apply(batch)
        chance = random.random()
        if chance < 0.1:
            writer.compact()
        elif chance < 0.2:
            writer.flush()
        elif chance < 0.3:
            writer.close()
            writer = opened(path, LARGE if random.random() < 0.3 else SMALL)
        for often, reader in zip((1.0, 0.3, 0.05), readers, strict=True):
            if random.random() < often:
                check(reader.snapshot(), truth, random, queries=1)
    writer.close()
    for reader in readers:
        check(reader.snapshot(), truth, random)
        same(reader.snapshot(), Index.open(path), random)
        assert reader.snapshot().describe() == Index.open(path).describe()


def test_nothing_new_is_the_same_snapshot_and_segments_that_stay_are_not_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "collection"
    create(path)
    with opened(path, LARGE) as writer:
        writer.apply([put(f"d{number}", {0: 0.5}) for number in range(4)])
        writer.flush()
        reader = CollectionReader(path, every=0)
        first = reader.snapshot()
        assert reader.snapshot() is first
        writer.apply([Delete("d0"), put("e", {0: 0.25})])
        second = reader.snapshot()
        assert second is not first and second.segments == first.segments
        writer.flush()
        third = reader.snapshot()
        # Deletions were published with the segment: it says more, and is the same.
        assert len(third.segments) == 2 and third.segments[0].idle is first.segments[0].idle
        assert third.segments[0].forward is first.segments[0].forward
        assert third.describe()["segments"][0]["deleted"] == 1 and first.describe()["segments"][0]["deleted"] == 0
        assert [len(index.documents) for index in (first, second, third)] == [4, 4, 4]
        assert first.search([0], [1.0], 9).ids == ["d0", "d1", "d2", "d3"]
        assert third.search([0], [1.0], 9).ids == ["d1", "d2", "d3", "e"]


def test_looking_is_cheap_and_not_too_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "collection"
    create(path)
    with opened(path, LARGE) as writer:
        writer.apply([put("a", {0: 0.5})])
        rare, often = CollectionReader(path, every=1e9), CollectionReader(path, every=0)
        rare.snapshot(), often.snapshot()
        real, count = os.stat, 0

        def stat(*arguments: object, **options: object) -> os.stat_result:
            nonlocal count
            count += 1
            return real(*arguments, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "stat", stat)
        monkeypatch.setattr(os, "open", None)
        for _ in range(10):
            rare.snapshot()
        assert count == 0
        often.snapshot()
        assert 1 <= count <= 3
        monkeypatch.undo()
        writer.apply([put("b", {0: 0.5})])
        assert len(rare.snapshot().documents) == 1 and len(rare.refresh().documents) == 2


def test_a_record_that_is_being_written_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "collection"
    create(path)
    with opened(path, LARGE) as writer:
        writer.apply([put("a", {0: 0.5})])
        reader = CollectionReader(path, every=0)
        log = log_path(path, 1)
        size = log.stat().st_size
        writer.apply([put("b", {0: 0.5}), put("c", {0: 0.5})])
        whole = log.read_bytes()
        for length in (size + 1, size + 30, len(whole) - 1):
            os.truncate(log, length)
            for _ in range(3):
                assert len(reader.snapshot().documents) == 1
            log.write_bytes(whole[:length])
        log.write_bytes(whole)
        assert len(reader.snapshot().documents) == 3


def test_what_was_taken_back_is_not_shown_again(tmp_path: Path) -> None:
    """A record that was read before its fsync failed, and others in its place."""
    path = tmp_path / "collection"
    create(path)
    writer = opened(path, LARGE)
    writer.apply([put("a", {0: 0.5})])
    log = log_path(path, 1)
    before = log.read_bytes()
    writer.apply([put("b", {0: 0.5})])
    reader = CollectionReader(path, every=0)
    assert len(reader.snapshot().documents) == 2
    writer.close()
    log.write_bytes(before)
    with opened(path, LARGE) as writer:
        writer.apply([put("c", {0: 0.5})])
        assert [each.id for each in reader.snapshot().documents.scan()] == ["a", "c"]


def test_damage_is_said_each_time_and_mended_by_restoring(tmp_path: Path) -> None:
    path = tmp_path / "collection"
    create(path)
    log = log_path(path, 1)
    with opened(path, LARGE) as writer:
        writer.apply([put("a", {0: 0.5})])
        size = log.stat().st_size
        reader = CollectionReader(path, every=0)
        before = reader.snapshot()
        writer.apply([put("b", {0: 0.5})])
        writer.apply([put("c", {0: 0.5})])
    whole = log.read_bytes()
    broken = bytearray(whole)
    broken[size + FRAME_BYTES] ^= 1
    log.write_bytes(broken)
    assert len(reader.snapshot().documents) == 1  # it may be in the midst of being written
    for _ in range(2):
        with pytest.raises(IndexFormatError, match=f"damaged at byte {size}"):
            reader.snapshot()
    log.write_bytes(whole)
    assert len(reader.snapshot().documents) == 3
    manifest = (path / "manifest.json").read_bytes()
    (path / "manifest.json").unlink()
    for _ in range(2):
        with pytest.raises(IndexFormatError, match="no index here"):
            reader.snapshot()
    (path / "manifest.json").write_bytes(manifest)
    assert len(reader.snapshot().documents) == 3
    assert before.search([0], [1.0], 9).ids == ["a"]


def test_an_index_that_is_replaced_as_a_whole_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "index"

    def build(rows: int) -> None:
        vectors = random_vectors(rows, 30)
        with IndexBuilder(path, dim=30, force=True) as builder:
            builder.add(vectors)
            builder.finish()

    build(5)
    reader = CollectionReader(path, every=0)
    first = reader.snapshot()
    assert len(first) == 5 and reader.snapshot() is first
    build(7)
    assert len(reader.snapshot()) == 7 and len(first) == 5
    # It takes writes from now on: the segment is the same.
    segment = reader.snapshot().segments[0]
    make_live(path)
    with CollectionWriter(path, policy=LARGE) as writer:
        writer.apply([Put(Document("new", ""), np.array([3], np.uint32), np.ones(1, np.float32))])
        assert len(reader.snapshot().documents) == 8
        assert reader.snapshot().segments[0].forward is segment.forward


def test_a_collection_in_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "collection"
    create(path)
    with opened(path, LARGE) as writer:
        writer.apply([put("a", {0: 0.5})])
    reader = CollectionReader(path, every=0)
    shutil.rmtree(path)
    create_collection(path, terms=TERMS + 1, weight_scale=0.5)
    assert len(reader.snapshot().documents) == 0 and reader.snapshot().manifest.model_terms == TERMS + 1


def test_threads_share_a_reader(tmp_path: Path) -> None:
    """Every snapshot is one that there was: each write puts a pair, and no state has one half of it."""
    path = tmp_path / "collection"
    create(path)
    reader = CollectionReader(path, every=0.001)
    over = threading.Event()
    problems: list[BaseException] = []

    def reads() -> None:
        latest = 0
        try:
            while not over.is_set():
                held = {each.id: each.fields["version"] for each in reader.snapshot().documents.scan()}
                halves = {id[:-1]: held[id] for id in held if id.endswith("x")}
                assert halves == {id[:-1]: held[id] for id in held if id.endswith("y")}
                newest = max(held.values(), default=0)
                assert newest >= latest
                latest = newest
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=reads) for _ in range(2)]
    random = np.random.default_rng(4)
    with opened(path, SMALL) as writer:
        for thread in threads:
            thread.start()
        for step in range(1, 120):
            id = f"d{random.integers(9)}"
            writer.apply([made_put(random, f"{id}{half}", step) for half in "xy"])
        over.set()
        for thread in threads:
            thread.join()
        assert not problems, problems
        assert max(each.fields["version"] for each in reader.refresh().documents.scan()) == 119


@pytest.mark.process
@pytest.mark.parametrize("what", [(), ("compact", "flush")])
def test_another_process_is_followed_and_outlived(tmp_path: Path, what: tuple[str, ...]) -> None:
    """What it acknowledged is seen when the next look is over; what it was killed in is there or not, as a whole."""
    path = tmp_path / "collection"
    create(path)
    reader = CollectionReader(path, every=0)
    seed = 11
    command = [sys.executable, str(HERE / "collection_writes.py"), str(path), str(seed), *what]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    acknowledged, random = 0, np.random.default_rng(seed)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            acknowledged = json.loads(line).get("acknowledged", -1) + 1 or acknowledged
            if "acknowledged" in line:
                versions = [each.fields["version"] for each in reader.snapshot().documents.scan()]
                # It has gone on since: no version that it had acknowledged is missing.
                wanted = [each.document.fields["version"] for each in truth_after(seed, acknowledged).values()]
                assert max(versions, default=0) >= max(wanted, default=0)
            if acknowledged >= 50:
                process.kill()
                break
        process.stdout.read()
    same(reader.snapshot(), Index.open(path), random)
    with opened(path) as writer:
        same(reader.snapshot(), writer.snapshot(), random)
        writer.apply([Delete("d1"), made_put(random, "d2", 999)])
        same(reader.snapshot(), writer.snapshot(), random)
