"""What counts as lost after a kill, and the whole script with this engine alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from peers.engine import Vector, word  # noqa: E402
from peers.job import Job, differing  # noqa: E402
from peers.kills import Left, left_of, operations  # noqa: E402
from peers.registry import ENGINES  # noqa: E402

from lsr.encoding.lexical.analysis import Analyser  # noqa: E402
from lsr.vectors.files import write_vectors  # noqa: E402
from lsr.vectors.sparse import SparseVectors  # noqa: E402

SEED = 3


def held_after(batches: int) -> dict[int, int]:
    """The version of every document after so many batches."""
    held: dict[int, int] = {}
    for operation in islice(operations(SEED), batches):
        for id in operation.ids:
            held[id] = operation.version
    return {id: version for id, version in held.items() if version}


def left(held: dict[int, int], begun: int, acknowledged: int, found: set[int] = frozenset()) -> Left:  # type: ignore[assignment]
    return left_of(held, found, SEED, begun, acknowledged)


@pytest.mark.parametrize("acknowledged", range(9))
def test_a_batch_under_way_may_be_there_or_not(acknowledged: int) -> None:
    for present in (acknowledged, acknowledged + 1):
        assert left(held_after(present), acknowledged + 1, acknowledged) == Left(acknowledged)


def test_what_is_lost_is_counted() -> None:
    third, fourth = list(islice(operations(SEED), 4))[2:]
    held = held_after(4)
    stale = next(id for id in third.ids if id in held)
    gone = next(id for id in held if id not in third.ids)
    del held[gone]
    held[stale] -= 1  # as before it was replaced
    held[fourth.ids[0]] = 1  # as before it was deleted
    assert left(held, 4, 4) == Left(4, missing=2, back=1)
    assert left(held_after(4), 4, 4, found={fourth.ids[1]}) == Left(4, back=1)
    # A version that never was, of the batch under way.
    assert left({**held_after(3), fourth.ids[0]: 7}, 4, 3) == Left(3, missing=1)


def test_a_batch_in_halves_is_told() -> None:
    fourth = list(islice(operations(SEED), 4))[3]
    held = held_after(3)
    del held[fourth.ids[0]]
    assert left(held, 4, 3) == Left(3, half=True)


def test_documents_that_differ() -> None:
    assert differing({1: 1, 2: 1, 3: 1}, {1: 1, 2: 2, 4: 1}) == 3


def test_words_stand_for_terms() -> None:
    assert Vector([7, 40_000], [0.2, 2.6]).text == f"{word(7)} {word(40_000)} {word(40_000)} {word(40_000)}"
    words = [word(term) for term in range(0, 65_536, 97)]
    assert len(set(words)) == len(words) and Analyser("english").words(" ".join(words)) == words


@pytest.mark.process
@pytest.mark.slow
def test_this_engine_alone(commands: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name, rows in (("docs", 60), ("queries", 3)):
        terms = np.sort(np.argsort(random.random((rows, 30)), axis=1)[:, :5], axis=1)
        weights = random.random(terms.size, dtype=np.float32) + np.float32(0.5)
        ids = [str(row) for row in range(rows)]
        vectors = SparseVectors(np.arange(0, terms.size + 1, 5), terms.ravel().astype(np.uint32), weights, ids, 30)
        write_vectors(tmp_path / f"{name}.parquet", [vectors])
    files = [str(tmp_path / f"{name}.parquet") for name in ("docs", "queries")]
    small = ["--batch", "20", "--kills", "1", "--engine", "lsr", "--output", str(tmp_path)]
    script = [commands / "python", BENCHMARKS / "live_peers.py", *files, *small]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    row = json.loads((tmp_path / "live_peers.json").read_text())["values"]["rows"]["lsr"]
    assert "failed" not in row, done.stderr
    assert_done(row)
    (kill,) = row["kills"]
    assert kill == {"acknowledged": kill["acknowledged"], "missing": 0, "back": 0, "half": False, "failed": ""}
    assert ENGINES["lsr"].promise in done.stdout


def test_words_alone(tmp_path: Path) -> None:
    vectors = [Vector([row, row + 1, 90], [1.0, 2.0, 0.5]) for row in range(60)]
    assert_done(Job(ENGINES["lsr-bm25"], tmp_path / "collection", vectors, vectors[:3], 20).run())


def test_an_engine_that_does_less_than_it_says(tmp_path: Path) -> None:
    class Forgetful(ENGINES["lsr"]):  # type: ignore[misc]
        def delete(self, ids: Sequence[int]) -> None:
            super().delete(ids[:-1])

    vectors = [Vector([row, row + 1, 90], [1.0, 2.0, 0.5]) for row in range(60)]
    found = Job(Forgetful, tmp_path / "collection", vectors, vectors[:3], 20).run()
    assert (found["unseen"], found["wrong"]) == (1, 1)


def assert_done(row: dict[str, Any]) -> None:
    assert (row["documents"], row["unseen"], row["wrong"]) == (60, 0, 0)
    assert min(row["added"], row["replaced"], row["deleted"], row["after_ms"], row["bytes"]) > 0
