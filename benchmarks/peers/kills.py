"""A process that says which batches were acknowledged until it is killed, and what was left of them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lsr.core.errors import LsrError
from peers.engine import PeerDocument, PeerEngine, Vector, sizes_of

# The documents of a batch, and the batches after which a process is killed, at most.
BATCH, MOST = 100, 30
# The seconds that a batch is taken to need before one was timed.
_UNKNOWN = 0.02


@dataclass(frozen=True, slots=True)
class Operation:
    """A batch: a new version of some documents, or none (0), by which they are deleted."""

    ids: list[int]
    version: int
    new: bool = False


def operations(seed: int) -> Iterator[Operation]:
    """Batches without end: of four, two add, one replaces and one deletes."""
    random = np.random.default_rng(seed)
    living: list[int] = []
    first = version = 0
    while True:
        version += 1
        for _ in range(2):
            ids = list(range(first, first + BATCH))
            first += BATCH
            living += ids
            yield Operation(ids, version, new=True)
        version += 1
        yield Operation(random.choice(living, BATCH // 2, replace=False).tolist(), version)
        gone = random.choice(living, BATCH // 2, replace=False).tolist()
        yield Operation(gone, 0)
        living = sorted(set(living) - set(gone))


def write(engine: type[PeerEngine], folder: Path, vectors: list[Vector], seed: int) -> None:
    """Apply the batches of a seed, and say of each that it was begun, and that it was acknowledged; for ever."""
    sizes, _ = sizes_of(vectors, 1)
    opened = engine(folder, sizes)
    for number, operation in enumerate(operations(seed)):
        of = [vectors[(id + operation.version) % len(vectors)] for id in operation.ids]
        documents = [PeerDocument(id, operation.version, each) for id, each in zip(operation.ids, of, strict=True)]
        prepared = opened.prepared(documents)
        print("begun", number, flush=True)
        if not operation.version:
            opened.delete(operation.ids)
        elif operation.new:
            opened.add(prepared)
        else:
            opened.replace(prepared)
        print("acknowledged", number, flush=True)


def kill_once(command: list[str], seed: int) -> tuple[int, int]:
    """Kill a process that runs `write` at a random moment; how many batches it had begun and acknowledged.

    LsrError if it ends by itself.
    """
    random = np.random.default_rng(seed)
    most, share = int(random.integers(0, MOST)), float(random.random())
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = {"begun": 0, "acknowledged": 0}
    last, taken = time.monotonic(), _UNKNOWN
    for line in process.stdout:
        _take(said, line)
        if line.startswith("acknowledged"):
            last, taken = time.monotonic(), time.monotonic() - last
        elif said["acknowledged"] >= most:
            time.sleep(share * taken)  # somewhere in the batch that was just begun
            break
    process.kill()
    for line in process.stdout:
        _take(said, line)
    if process.wait() != -9:
        raise LsrError(f"the process that writes ended by itself, with {process.returncode}")
    return said["begun"], said["acknowledged"]


def _take(said: dict[str, int], line: str) -> None:
    what, _, number = line.rstrip("\n").partition(" ")
    if what in said and line.endswith("\n"):
        said[what] = int(number) + 1


@dataclass
class Left:
    """What was left of what a killed process had said.

    Attributes:
        acknowledged: batches that it had acknowledged.
        missing: documents of these that are not there, or only in an earlier version.
        back: documents that they had deleted, and that are there, or are found.
        half: whether a part of the batch that was under way is there, and another part is not.
        failed: why it could not be opened or read; "" if it could.
    """

    acknowledged: int
    missing: int = 0
    back: int = 0
    half: bool = False
    failed: str = ""


def look(
    engine: type[PeerEngine], folder: Path, vectors: list[Vector], seed: int, begun: int, acknowledged: int
) -> Any:
    """Open what a killed process left, and compare."""
    sizes, _ = sizes_of(vectors, 1)
    try:
        opened = engine(folder, sizes)
        held = opened.holds()
        found = {id for query in vectors[:10] for id in opened.search(query)}
        with suppress(Exception):
            opened.close()
    except Exception as error:  # whatever an engine raises
        return asdict(Left(acknowledged, failed=f"{type(error).__name__}: {str(error)[:200]}"))
    return asdict(left_of(held, found, seed, begun, acknowledged))


def left_of(held: Mapping[int, int], found: set[int], seed: int, begun: int, acknowledged: int) -> Left:
    """Compare what is `held` (version by id) and `found` by searches with the batches of a seed."""
    done = list(islice(operations(seed), begun))
    expected = {id: each.version for each in done[:acknowledged] for id in each.ids}
    # Of a batch that was not acknowledged, each document may be as it was before or as it is after.
    open_to = {id: each.version for each in done[acknowledged:] for id in each.ids}
    left = Left(acknowledged)
    for id in held.keys() | expected.keys() | open_to.keys() | found:
        is_now, was = held.get(id, 0), expected.get(id, 0)
        if is_now == was and (is_now or id not in found):
            continue
        if id in open_to and is_now == open_to[id]:
            continue
        left.missing += was != 0
        left.back += was == 0
    after = {held.get(id, 0) == version for id, version in open_to.items()}
    left.half = len(after) > 1
    return left
