"""Flushes and compactions have their turn while others write on, and there is work without end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from collection_oracle import LARGE, check, create, made_put, opened

from lsr.index.collection.writer import CollectionWriter


@pytest.mark.parametrize("ask", [CollectionWriter.flush, CollectionWriter.compact])
def test_it_ends_though_memory_is_always_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[CollectionWriter], None]
) -> None:
    def flush(self: CollectionWriter) -> None:
        runs.append(1)
        assert len(runs) < 1000, "it never had its turn"
        once(self)

    runs: list[int] = []
    once = CollectionWriter._flush_memory
    create(tmp_path / "collection")
    random = np.random.default_rng(2)
    with opened(tmp_path / "collection", LARGE) as writer:
        truth = {f"d{number}": made_put(random, f"d{number}", number) for number in range(4)}
        for put in truth.values():
            writer.apply([put])
            writer.flush()
        monkeypatch.setattr(CollectionWriter, "_flush_memory", flush)
        monkeypatch.setattr(CollectionWriter, "_is_full", lambda self: True)
        for _ in range(3):
            ask(writer)
        monkeypatch.setattr(CollectionWriter, "_is_full", lambda self: False)
        if ask is CollectionWriter.compact:
            assert len(writer.snapshot().segments) == 1
        check(writer.snapshot(), truth, random)
