"""What is done to a collection while its calls fail."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from collection_oracle import create, made_put, opened

from faults.kinds import Kind, Texts, Truth, Vectors
from lsr.collection.collection import Collection
from lsr.core.documents import Document
from lsr.core.errors import NotFoundError
from lsr.index import repair
from lsr.index.collection.copies import copy_collection
from lsr.index.collection.policy import LivePolicy
from lsr.index.format.manifest import Manifest
from lsr.index.live.writes import Delete

_NAME, _COPY = "collection", "copy"
_MERGING = LivePolicy(memory_documents=100_000, together=3)


@dataclass(frozen=True, slots=True)
class Operation:
    """One of them.

    Attributes:
        kind: of the collection.
        make: makes it, in a folder, and what else is needed there; what it holds.
        act: what is done, by its writer, or by the folder's path where it has none.
        after: what it holds once that is done.
        written: whether its writer is open meanwhile.
        sound: whether the collection is, before.
        keeps: whether a version that was kept is there before and after.
        makes: name of another collection that is made.
    """

    kind: Kind
    make: Callable[[Path], Truth]
    act: Callable[[Any, Path], object]
    after: Callable[[Truth], Truth] = lambda truth: truth
    written: bool = True
    sound: bool = True
    keeps: bool = False
    makes: str = ""


def _make(folder: Path) -> Truth:
    """A collection of two segments, rows deleted in one of them that its log alone says, and documents in memory."""
    random = np.random.default_rng(1)
    create(folder / _NAME)
    truth = {f"d{number}": made_put(random, f"d{number}", 0) for number in range(14)}
    puts = list(truth.values())
    with opened(folder / _NAME, LivePolicy(memory_documents=100_000, together=100)) as writer:
        writer.apply(puts[:6])
        writer.flush()
        writer.apply(puts[6:10])
        writer.flush()
        writer.apply([*puts[10:], Delete("d2")])
    del truth["d2"]
    return truth


def _batch() -> list[Any]:
    random = np.random.default_rng(2)
    return [made_put(random, "d1", 5), Delete("d7"), made_put(random, "new", 5), made_put(random, "d12", 5)]


def _with_batch(truth: Truth) -> Truth:
    written = {write.id: write for write in _batch()}
    del written["d7"]
    return {id: put for id, put in {**truth, **written}.items() if id != "d7"}


def _make_damaged(folder: Path) -> Truth:
    """The same with a segment that can be mended, and one that cannot."""
    truth = dict(_make(folder))
    first, second = sorted(Manifest.read(folder / _NAME).segments, key=lambda record: -record.documents)
    for record, name in ((first, "summary_term_maxima.npy"), (second, "forward_weights.npy")):
        path = folder / _NAME / record.name / name
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    return {id: put for id, put in truth.items() if id not in {f"d{number}" for number in range(6, 10)}}


def _make_copy(folder: Path) -> Truth:
    truth = _make(folder)
    copy_collection(folder / _NAME, folder / "copied")
    return truth


_WORDS = "bird river stone bread wheel violin glacier harbour".split()  # noqa: SIM905


def _make_texts(folder: Path) -> Truth:
    """A collection of a segment and a log."""
    truth = {
        f"d{number}": Document(f"d{number}", f"{_WORDS[number % 8]} and {_WORDS[number * 3 % 7]}", fields={"n": number})
        for number in range(12)
    }
    with Collection.create(folder / _NAME, model="bm25") as collection:
        collection.add([*truth.values()][:8])
        collection.compact()
        collection.add([*truth.values()][8:])
        collection.delete("d3")
    del truth["d3"]
    return truth


def _make_kept(folder: Path) -> Truth:
    """The same with a version that was kept."""
    truth = _make_texts(folder)
    with Collection.open(folder / _NAME) as collection:
        collection.reindex("bm25", keep=True)
        collection.add([Document("since", "stone and bird")])
    return {**truth, "since": Document("since", "stone and bird")}


def _with_fields(truth: Truth) -> Truth:
    known = truth["d5"]
    return {**truth, "d5": Document("d5", known.text, fields={"n": 7, "more": True})}


def _go_back(collection: Collection, *, keep: bool) -> None:
    with suppress(NotFoundError):  # it was gone back to already
        collection.go_back(keep=keep)


_vectors, _texts = Vectors(), Texts()

OPERATIONS = {
    "open": Operation(_vectors, _make, lambda path, folder: opened(path).close(), written=False),
    "add, replace, delete": Operation(
        _vectors, _make, lambda writer, folder: writer.apply(_batch()), after=_with_batch
    ),
    "flush": Operation(_vectors, _make, lambda writer, folder: writer.flush()),
    "merge": Operation(Vectors(_MERGING), _make, lambda writer, folder: (writer.flush(), writer.wait())),
    "compact": Operation(_vectors, _make, lambda writer, folder: writer.compact()),
    "update of fields": Operation(
        _texts,
        _make_texts,
        lambda collection, folder: collection.update_fields("d5", {"n": 7, "more": True}),
        after=_with_fields,
    ),
    "delete by filter": Operation(
        _texts,
        _make_texts,
        lambda collection, folder: collection.delete(filter="n >= 9"),
        after=lambda truth: {id: each for id, each in truth.items() if each.fields["n"] < 9},
    ),
    "snapshot": Operation(
        _vectors, _make, lambda writer, folder: copy_collection(folder / _NAME, folder / _COPY), makes=_COPY
    ),
    "restore": Operation(
        _vectors,
        _make_copy,
        lambda path, folder: copy_collection(folder / "copied", folder / _COPY),
        written=False,
        makes=_COPY,
    ),
    "verify --repair": Operation(
        _vectors, _make_damaged, lambda path, folder: repair(path), written=False, sound=False
    ),
    "reindex": Operation(_texts, _make_texts, lambda collection, folder: collection.reindex("bm25")),
    "reindex, one kept": Operation(_texts, _make_kept, lambda collection, folder: collection.reindex("bm25")),
    "reindex --keep": Operation(
        _texts, _make_kept, lambda collection, folder: collection.reindex("bm25", keep=True), keeps=True
    ),
    "reindex --back": Operation(_texts, _make_kept, lambda collection, folder: _go_back(collection, keep=False)),
    "reindex --back --keep": Operation(
        _texts, _make_kept, lambda collection, folder: _go_back(collection, keep=True), keeps=True
    ),
    "reindex --forget": Operation(_texts, _make_kept, lambda collection, folder: collection.forget()),
}
