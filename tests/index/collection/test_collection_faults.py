"""Disks that fail under a collection, and what a merge must not publish before the log is on the disk."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_oracle import LARGE, SMALL, check, create, made_put, opened, put
from patience import PATIENCE

from lsr.core.errors import InputError, LsrError
from lsr.index import Index
from lsr.index.collection import writer as writing
from lsr.index.collection.writer import CollectionWriter
from lsr.index.live.log.calls import FileCalls
from lsr.index.live.writes import Delete, Put


class Failing(FileCalls):
    """Lets call number `at` (from 0) of those that are counted fail, and with `forever` all after it."""

    def __init__(self) -> None:
        self.at, self.number, self.forever, self.made = -1, errno.EIO, False, 0

    def arm(self, at: int, number: int, forever: bool) -> None:
        self.at, self.number, self.forever, self.made = at, number, forever, 0

    def _call(self) -> None:
        now, self.made = self.made, self.made + 1
        if self.at >= 0 and (now >= self.at if self.forever else now == self.at):
            raise OSError(self.number, os.strerror(self.number))

    def open(self, path: Path, flags: int) -> int:
        self._call()
        return super().open(path, flags)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        try:
            self._call()
        except OSError:
            super().write(descriptor, data[: len(data) // 2], offset)
            raise
        return super().write(descriptor, data, offset)

    def sync(self, descriptor: int) -> None:
        self._call()

    def truncate(self, descriptor: int, length: int) -> None:
        self._call()
        super().truncate(descriptor, length)

    def rename(self, source: Path, target: Path) -> None:
        self._call()
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._call()
        super().remove(path)

    def sync_folder(self, path: Path) -> None:
        self._call()


def acts(writer: CollectionWriter, kind: str, truth: dict[str, Put], random: np.random.Generator) -> list[Any]:
    """Append or flush; the writes that were tried."""
    if kind == "append":
        tried = [made_put(random, "d1", 1000), Delete("d2"), made_put(random, "new", 1001)]
        writer.apply(tried)
        return tried
    writer.flush()
    return []


@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("kind", ["append", "flush"])
def test_every_call_fails_in_turn(tmp_path: Path, kind: str, number: int, forever: bool) -> None:
    """After each, all that was acknowledged is there, and of the failed batch all or nothing."""
    for at in range(100):
        path, random, calls = tmp_path / f"{at}", np.random.default_rng(at), Failing()
        create(path)
        truth = {id: made_put(random, id, place) for place, id in enumerate(["d1", "d2", "d3"])}
        after = {**truth, "d4": made_put(random, "d4", 9)}
        writer = opened(path, LARGE, calls=calls)
        writer.apply(list(truth.values()))
        writer.flush()
        writer.apply([after["d4"]])
        possible = [after]
        calls.arm(at, number, forever)
        if kind == "append":
            tried = [made_put(random, "d1", 1000), Delete("d2"), made_put(random, "new", 1001)]
            done = {**after, "d1": tried[0], "new": tried[2]}
            del done["d2"]
            possible.append(done)
        failed = False
        try:
            if kind == "append":
                writer.apply(tried)
            else:
                writer.flush()
        except (OSError, LsrError):
            failed = True
        reached = calls.made > at
        calls.arm(-1, 0, False)
        if failed:
            with suppress(OSError, LsrError):
                writer.flush()  # nothing that is not in the log may become a segment
        try:
            writer.close()
        except (OSError, LsrError):
            assert failed
        if not failed:
            possible = possible[-1:]
        index = Index.open(path)
        holds = {each.id: each for each in index.documents.scan()}
        (truth,) = [each for each in possible if {id: put.document for id, put in each.items()} == holds]
        check(index, truth, random)
        with opened(path) as writer:
            writer.compact()
            check(writer.snapshot(), truth, random)
        if not reached:
            assert at > 1 and not failed
            return
    raise AssertionError("more calls than there can be")


class Held(FileCalls):
    """Syncs that wait until they may go on, or fail."""

    def __init__(self) -> None:
        self.may, self.asked, self.fails = threading.Event(), threading.Event(), False
        self.may.set()

    def sync(self, descriptor: int) -> None:
        self.asked.set()
        self.may.wait()
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("act", ["compact", "wait"])
def test_nothing_is_published_as_deleted_before_what_takes_its_place_is_safe(tmp_path: Path, act: str) -> None:
    """A replacement whose record never came to the disk must not cost the document that was there."""
    path, random, calls = tmp_path / "collection", np.random.default_rng(0), Held()
    create(path)
    with opened(path, LARGE) as writer:
        truth = {f"d{number}": made_put(random, f"d{number}", 0) for number in range(5)}
        writer.apply(list(truth.values()))
    writer = opened(path, SMALL if act == "wait" else LARGE, calls=calls)
    writer.flush()
    # Not waited for: the records are in the queue alone when the segment is written again.
    calls.fails = True
    with pytest.raises((OSError, LsrError)):
        writer.apply([made_put(random, f"d{number}", 1) for number in range(4)], wait=False)
        getattr(writer, act)()
        writer.flush_log()
    with pytest.raises((OSError, LsrError)):
        writer.close()
        raise OSError  # where closing had nothing more to say
    check(Index.open(path), truth, random)


def test_documents_that_a_collection_with_dense_vectors_does_not_take(tmp_path: Path) -> None:
    create(tmp_path / "collection")
    with opened(tmp_path / "collection") as writer:
        without = put("a", {1: 1.0})
        without.dense = None
        with pytest.raises(InputError, match="document 'a': the collection has dense vectors, and it has none"):
            writer.apply([put("b"), without])
        assert not writer.holds("b")


@pytest.mark.parametrize("act", ["flush", "wait", "compact"])
def test_closing_ends_whoever_waits(tmp_path: Path, act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create(tmp_path / "collection")
    writer = opened(tmp_path / "collection", SMALL)
    building, may = threading.Event(), threading.Event()
    build = writing.build_segment

    def held(*given: Any, **options: Any) -> Any:
        building.set()
        assert may.wait(PATIENCE)
        return build(*given, **options)

    monkeypatch.setattr(writing, "build_segment", held)
    writer.apply([put(f"d{number}") for number in range(20)])
    assert building.wait(PATIENCE)
    ended: list[BaseException | None] = []

    def waits() -> None:
        try:
            getattr(writer, act)()
            ended.append(None)
        except LsrError as error:
            ended.append(error)

    waiting = threading.Thread(target=waits, daemon=True)
    waiting.start()
    closing = threading.Thread(target=writer.close, daemon=True)
    closing.start()
    while not writer._closing:
        pass
    may.set()
    closing.join(PATIENCE)
    waiting.join(PATIENCE)
    assert len(ended) == 1 and not closing.is_alive()
    assert ended[0] is None or "is closed" in str(ended[0])
    with opened(tmp_path / "collection") as writer:
        assert len(writer.snapshot().documents) == 20
