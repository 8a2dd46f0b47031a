"""A compaction says how far it is, and can be given up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from collection_oracle import LARGE, check, create, made_put, opened

from lsr.index import verify
from lsr.index.collection.writer import CollectionWriter
from lsr.index.live.writes import Delete, Put

SEGMENTS, EACH = 3, 700


class GivenUp(Exception):
    pass


def several_segments(writer: CollectionWriter) -> dict[str, Put]:
    """Write some segments, of which some documents are deleted; what there is then."""
    random = np.random.default_rng(3)
    truth = {}
    for number in range(SEGMENTS * EACH):
        truth[f"d{number}"] = put = made_put(random, f"d{number}", number)
        writer.apply([put], wait=False)
        if number % EACH == EACH - 1:
            writer.flush()
    for number in range(0, 100, 2):
        del truth[f"d{number}"]
        writer.apply([Delete(f"d{number}")])
    return truth


def test_all_documents_are_counted_once_and_step_by_step(tmp_path: Path) -> None:
    create(tmp_path / "collection")
    with opened(tmp_path / "collection", LARGE) as writer:
        truth = several_segments(writer)
        counts: list[int] = []
        during: list[bool] = []
        writer.compact(lambda count: (counts.append(count), during.append(writer.building)))
        assert sum(counts) == len(truth) and len(counts) > 3 and min(counts) > 0
        assert all(during) and not writer.building
        # There is nothing to write again: all is done at once.
        again: list[int] = []
        writer.compact(again.append)
        assert again == [len(truth)]


def test_one_that_is_given_up_leaves_what_was_there(tmp_path: Path) -> None:
    create(tmp_path / "collection")
    random = np.random.default_rng(4)
    with opened(tmp_path / "collection", LARGE) as writer:
        truth = several_segments(writer)
        for stop in (1, len(truth) - 1):
            done = 0

            def give_up(count: int, stop: int = stop) -> None:
                nonlocal done
                done += count
                if done >= stop:
                    raise GivenUp

            with pytest.raises(GivenUp):
                writer.compact(give_up)
            assert len(writer.snapshot().segments) == SEGMENTS and not writer.building
            assert len(list((tmp_path / "collection").glob("segment-*"))) == SEGMENTS
        check(writer.snapshot(), truth, random)
        writer.apply([put := made_put(random, "after", 9999)])
        writer.compact()
        check(writer.snapshot(), {**truth, "after": put}, random)
        assert len(writer.snapshot().segments) == 1
    assert verify(tmp_path / "collection") == []
