"""Readers of a collection that is written to: they go on answering, and opening, while files come and go."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from collection_oracle import SMALL, check, create, made_put, opened

from lsr.index import Index, verify
from lsr.index.collection.copies import copy_collection
from lsr.index.collection.writer import CollectionWriter
from lsr.index.format.manifest import Manifest
from lsr.index.live.writes import Delete, Put


def fill(writer: CollectionWriter, random: np.random.Generator, count: int) -> dict[str, Put]:
    truth = {f"d{number}": made_put(random, f"d{number}", number) for number in range(count)}
    for put in truth.values():
        writer.apply([put], wait=False)
    writer.flush()
    return truth


@pytest.mark.parametrize("asked", [False, True])
def test_a_reader_goes_on_when_its_files_are_gone(tmp_path: Path, asked: bool) -> None:
    random = np.random.default_rng(0)
    create(tmp_path / "collection")
    with opened(tmp_path / "collection") as writer:
        truth = fill(writer, random, 20)
        readers = [Index.open(tmp_path / "collection"), writer.snapshot()]
        if asked:
            check(readers[0], truth, random)
        writer.apply([Delete(id) for id in truth])
        writer.compact()
        assert not list((tmp_path / "collection").glob("segment-*"))
        for reader in readers:
            check(reader, truth, random)
        check(Index.open(tmp_path / "collection"), {}, random)


def test_opening_while_another_state_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest that was read names files that are gone when they are opened: the next one is read."""
    random = np.random.default_rng(1)
    create(tmp_path / "collection")
    writer = opened(tmp_path / "collection")
    truth = fill(writer, random, 20)
    writer.apply([Delete("d0"), Delete("d1")])
    del truth["d0"], truth["d1"]
    reads, real = [], Manifest.read

    def read(path: Path, **options: object) -> Manifest:
        manifest = real(path, **options)
        reads.append(manifest)
        if len(reads) == 1:
            monkeypatch.setattr(Manifest, "read", real)
            writer.compact()
            monkeypatch.setattr(Manifest, "read", read)
        return manifest

    monkeypatch.setattr(Manifest, "read", read)
    index = Index.open(tmp_path / "collection")
    assert len(reads) == 2
    check(index, truth, random)
    copied = tmp_path / "copy"
    reads.clear()
    copy_collection(tmp_path / "collection", copied)
    check(Index.open(copied), truth, random)
    writer.close()


def test_readers_beside_a_writer(tmp_path: Path) -> None:
    """Whenever one opens, it has a state that there was, and can be copied."""
    random = np.random.default_rng(2)
    create(tmp_path / "collection")
    over = threading.Event()
    problems: list[BaseException] = []

    def reads() -> None:
        own, number = np.random.default_rng(3), 0
        try:
            while not over.is_set() or number < 3:
                index = Index.open(tmp_path / "collection")
                held = {each.id: each for each in index.documents.scan()}
                assert len(held) == len(index.documents)
                # Each write puts a pair: no state has one half of it.
                halves = {id[:-1]: held[id].fields["version"] for id in held if id.endswith("x")}
                assert halves == {id[:-1]: held[id].fields["version"] for id in held if id.endswith("y")}
                index.search([int(own.integers(12))], [1.0], 5)
                number += 1
                if number % 5 == 0:
                    copy_collection(tmp_path / "collection", tmp_path / f"copy-{number}")
                    assert verify(tmp_path / f"copy-{number}") == []
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=reads)
    with opened(tmp_path / "collection", SMALL) as writer:
        thread.start()
        for step in range(150):
            id = f"d{random.integers(15)}"
            if random.random() < 0.3:
                writer.apply([Delete(f"{id}x"), Delete(f"{id}y")])
            else:
                writer.apply([made_put(random, f"{id}{half}", step) for half in "xy"])
        over.set()
        thread.join()
    assert not problems, problems
