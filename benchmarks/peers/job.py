"""The job: adding, replacing and deleting in batches, each followed by searches that must see it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from peers.engine import PeerDocument, PeerEngine, Vector, sizes_of

# One document in so many is replaced, and one in so many deleted.
SHARE = 10
_SEED = 0
# The seconds after which no more queries are asked of what was compacted.
_LONGEST = 15.0


def measured(engine: type[PeerEngine], folder: Path, vectors: list[Vector], queries: list[Vector], batch: int) -> Any:
    """Give an engine the job, after a small one that loads and compiles what it needs."""
    small = min(40, len(vectors))
    Job(engine, folder / "small", vectors[:small], queries[:3], small).run()
    return Job(engine, folder / "whole", vectors, queries, batch).run()


@dataclass
class Job:
    """One collection, and what becomes of it.

    Attributes:
        first_ms: milliseconds of the first search after each batch.
        unseen: searches that did not see the batch before them.
    """

    engine: type[PeerEngine]
    folder: Path
    vectors: list[Vector]
    queries: list[Vector]
    batch: int
    first_ms: list[float] = field(default_factory=list)
    unseen: int = 0

    def run(self) -> dict[str, Any]:
        """Add, replace, delete, compact; the numbers."""
        count, part = len(self.vectors), max(1, len(self.vectors) // SHARE)
        batches = -(-part // self.batch)
        sizes, self._marker = sizes_of([*self.vectors, *self.queries], -(-count // self.batch) + batches)
        self._opened = self.engine(self.folder, sizes)
        self._versions: dict[int, int] = {}
        self._marker_of: dict[int, int] = {}
        random = np.random.default_rng(_SEED)
        add_s = sum(self._put(self._opened.add, ids, 1) for ids in self._batches(range(count)))
        some = random.permutation(count)[:part].tolist()
        replace_s = sum(self._put(self._opened.replace, ids, 2) for ids in self._batches(some))
        # Of each batch that is deleted, a search for a marker tells.
        others = [id for id in random.permutation(count).tolist() if id not in self._marker_of][: part - batches]
        pieces = [others[number::batches] for number in range(batches)]
        shown = list(self._marker_of)[:batches]
        delete_s = sum(self._delete([*piece, id]) for piece, id in zip(pieces, shown, strict=True))
        compact_s = _seconds(self._opened.compact)
        after_ms = self._after()
        held = self._opened.holds()
        self._opened.close()
        return {
            "documents": count,
            "added": count / add_s,
            "replaced": part / replace_s,
            "deleted": part / delete_s,
            "first_ms": float(np.median(self.first_ms)),
            "slowest_first_ms": max(self.first_ms),
            "compact_s": compact_s,
            "after_ms": after_ms,
            "bytes": space_of(self.folder),
            "unseen": self.unseen,
            "wrong": differing(held, self._versions),
        }

    def _batches(self, ids: Sequence[int]) -> Iterator[Sequence[int]]:
        for first in range(0, len(ids), self.batch):
            yield ids[first : first + self.batch]

    def _put(self, write: Callable[[Any], None], ids: Sequence[int], version: int) -> float:
        """Write a version of documents, the last of which is marked; the seconds of the write."""
        # Another version has another vector.
        vectors = [self.vectors[(id + version - 1) % len(self.vectors)] for id in ids]
        vectors[-1] = vectors[-1].marked(self._marker)
        documents = [PeerDocument(id, version, vector) for id, vector in zip(ids, vectors, strict=True)]
        prepared = self._opened.prepared(documents)
        seconds = _seconds(lambda: write(prepared))
        self._versions.update(dict.fromkeys(ids, version))
        gone = [self._marker_of.pop(id) for id in ids if id in self._marker_of]
        self._marker_of[ids[-1]] = self._marker
        self._look({self._marker: [ids[-1]], **{marker: [] for marker in gone}})
        self._marker += 1
        return seconds

    def _delete(self, ids: Sequence[int]) -> float:
        seconds = _seconds(lambda: self._opened.delete(ids))
        for id in ids:
            del self._versions[id]
        self._look({self._marker_of.pop(id): [] for id in ids if id in self._marker_of})
        return seconds

    def _look(self, expected: Mapping[int, list[int]]) -> None:
        """Time a search, the first after a batch, and then look for markers, each with who has it."""
        query = self.queries[len(self.first_ms) % len(self.queries)]
        self.first_ms.append(_seconds(lambda: self._opened.search(query)) * 1e3)
        found = {marker: self._opened.search(Vector([marker], [1.0])) for marker in expected}
        self.unseen += found != expected

    def _after(self) -> float:
        """Mean milliseconds of a search of what was compacted."""
        for query in self.queries[:3]:
            self._opened.search(query)
        taken: list[float] = []
        for query in self.queries:
            if sum(taken) < _LONGEST:
                taken.append(_seconds(lambda: self._opened.search(query)))  # noqa: B023
        return float(np.mean(taken)) * 1e3


def differing(held: Mapping[int, int], versions: Mapping[int, int]) -> int:
    """How many documents are missing, of another version, or should not be there."""
    return sum(held.get(id) != versions.get(id) for id in held.keys() | versions.keys())


def space_of(folder: Path) -> int:
    """Bytes that the files of a folder take on the disk, where that is known: some are made longer than they are."""
    status = [Path(at, name).stat() for at, _, names in os.walk(folder) for name in names]
    return sum(getattr(each, "st_blocks", -(-each.st_size // 512)) * 512 for each in status)


def _seconds(call: Callable[[], Any]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started
