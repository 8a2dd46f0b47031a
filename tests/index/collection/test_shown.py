"""What snapshots show of writes that are not on the disk yet, and of those that never will be."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_oracle import LARGE, check, create, made_put, opened

from lsr.core.errors import LsrError
from lsr.index.collection.shown import Shown
from lsr.index.live.log.calls import FileCalls
from lsr.index.live.writes import Delete


def test_the_last_state_on_the_disk_is_known_at_any_time() -> None:
    """Beside it, only states that somebody waits for: a long row of writes that nobody waits for keeps one."""
    random, shown = np.random.default_rng(0), Shown()
    made: list[Any] = [(lambda number=number: number) for number in range(400)]
    durable, awaited = 0, {0}
    shown.show(made[0], 0, 0)
    for sequence in range(1, 400):
        shown.show(made[sequence], sequence, durable)
        assert shown.latest is made[sequence]
        if random.random() < 0.2:
            shown.wait_for_latest()
            awaited.add(sequence)
        if random.random() < 0.1:
            durable = int(random.integers(durable, sequence + 1))
        found = shown.on_disk(durable)()
        assert max(each for each in awaited if each <= durable) <= found <= durable
    for sequence in range(400, 800):
        shown.show(made[399], sequence, durable)
    assert len(shown._states) <= 2 + len([each for each in awaited if each > durable])


class _Broken(FileCalls):
    """A disk that takes nothing once it is broken."""

    broken = False

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        if self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().write(descriptor, data, offset)


@pytest.mark.parametrize("waited", [True, False])
def test_what_could_not_be_written_is_not_shown(tmp_path: Path, waited: bool) -> None:
    path, random, calls = tmp_path / "collection", np.random.default_rng(0), _Broken()
    create(path)
    writer = opened(path, LARGE, calls=calls)
    truth = {f"d{number}": made_put(random, f"d{number}", 0) for number in range(6)}
    writer.apply([*truth.values()][:4])
    writer.flush()
    writer.apply([*truth.values()][4:])
    calls.broken = True
    # Of a segment and of memory.
    tried = [made_put(random, "d1", 1), Delete("d2"), Delete("d5"), made_put(random, "new", 1)]
    if waited:
        with pytest.raises(OSError, match="Input/output error"):
            writer.apply(tried)
    else:
        writer.apply(tried, wait=False)
        assert "new" in writer.snapshot().documents and writer.holds("new") and not writer.holds("d2")
        with pytest.raises(OSError, match="Input/output error"):
            writer.flush_log()
    for _ in range(2):
        check(writer.snapshot(), truth, random)
        assert not writer.holds("new") and writer.holds("d2") and writer.holds("d5")
        with pytest.raises(LsrError, match="open the collection again"):
            writer.apply([made_put(random, "d1", 2)])
    writer.close()
    with opened(path) as writer:
        check(writer.snapshot(), truth, random)
