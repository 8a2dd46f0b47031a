"""A collection that is written to, against a dictionary: whatever is done to it, in whatever order."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from collection_oracle import check, create, made_put, opened
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from lsr.index import Index, verify
from lsr.index.live.writes import Delete, Put, Write

ids = st.sampled_from([*(f"d{number}" for number in range(9)), "é", "z\U0001f600"])
# (id, whether it is put): in one call, an id may come more than once.
writes = st.lists(st.tuples(ids, st.booleans()), min_size=1, max_size=7)


class Collections(RuleBasedStateMachine):
    """Puts, replacements, deletes, flushes, merges, reopenings, and snapshots that are searched later."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "collection"
        self.truth: dict[str, Put] = {}
        self.version = 0

    @initialize(seed=st.integers(0, 99))
    def begin(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        create(self.path)
        self.writer = opened(self.path)
        self.snapshots: list[tuple[Index, dict[str, Put]]] = []

    @rule(given=writes)
    def write(self, given: list[tuple[str, bool]]) -> None:
        made: list[Write] = []
        added = replaced = deleted = 0
        missing = []
        for id, is_put in given:
            self.version += 1
            if is_put:
                made.append(new := made_put(self.random, id, self.version))
                replaced, added = replaced + (id in self.truth), added + (id not in self.truth)
                self.truth[id] = new
            elif id in self.truth:
                made.append(Delete(id))
                deleted += 1
                del self.truth[id]
            else:
                made.append(Delete(id))
                missing.append(id)
        applied = self.writer.apply(made)
        assert (applied.added, applied.replaced, applied.deleted) == (added, replaced, deleted)
        assert applied.missing == missing

    @rule()
    def flush(self) -> None:
        self.writer.flush()

    @rule()
    def wait(self) -> None:
        self.writer.wait()

    @rule()
    def compact(self) -> None:
        self.writer.compact()
        assert len(self.writer.snapshot().segments) <= 1

    @rule()
    def reopen(self) -> None:
        self.writer.close()
        self.writer = opened(self.path)
        assert self.writer.recovered == []

    @rule()
    def snapshot(self) -> None:
        snapshot = self.writer.snapshot()
        check(snapshot, self.truth, self.random, queries=1)
        self.snapshots.append((snapshot, dict(self.truth)))

    @rule()
    def read(self) -> None:
        index = Index.open(self.path)
        check(index, self.truth, self.random)
        self.snapshots.append((index, dict(self.truth)))

    @rule(number=st.integers(0, 99))
    def search_an_old_one(self, number: int) -> None:
        if self.snapshots:
            check(*self.snapshots[number % len(self.snapshots)], self.random)

    def teardown(self) -> None:
        if hasattr(self, "writer"):
            check(self.writer.snapshot(), self.truth, self.random)
            for snapshot, truth in self.snapshots:
                check(snapshot, truth, self.random, queries=1)
            self.writer.close()
            assert verify(self.path) == []
            check(Index.open(self.path), self.truth, self.random)
        shutil.rmtree(self.folder)


TestCollections = Collections.TestCase
TestCollections.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
