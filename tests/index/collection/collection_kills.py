"""Killing a process that writes to a collection, and looking at what it left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from collection_oracle import check, create, opened
from collection_writes import writes_of

from lsr.index import Index, verify
from lsr.index.live.writes import Put

HERE = Path(__file__).parent


@dataclass
class Kill:
    """What a killed writer had said, and what of it was found.

    Attributes:
        acknowledged: batches; begun: the number of the last one that was begun, or -1.
        doing: what else it was doing.
        recovered: what the next opening said.
    """

    acknowledged: int = 0
    begun: int = -1
    doing: str = ""
    recovered: list[str] = field(default_factory=list)


def truth_after(seed: int, batches: int) -> dict[str, Put]:
    """What lives after so many batches of a seed."""
    truth: dict[str, Put] = {}
    for batch, _ in zip(writes_of(seed), range(batches), strict=False):
        for write in batch:
            if isinstance(write, Put):
                truth[write.id] = write
            else:
                truth.pop(write.id, None)
    return truth


def kill_once(path: Path, seed: int, acknowledgements: int, *what: str) -> Kill:
    """Let a process write to a new collection until it has acknowledged so many batches, and kill it.

    AssertionError if anything acknowledged is not there, or something is that never was.
    """
    create(path)
    command = [sys.executable, str(HERE / "collection_writes.py"), str(path), str(seed), *what]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout is not None
    found, after = Kill(), ""
    for line in process.stdout:
        _take(found, line)
        # With something else to be killed in, it is to be under way.
        if found.acknowledged >= acknowledgements and (not what or found.doing == what[seed % len(what)]):
            process.kill()
            after = process.stdout.read()
            break
    for line in after.splitlines():
        _take(found, line)
    assert process.wait() == -9, "it ended by itself"
    look_at(path, seed, found)
    return found


def _take(found: Kill, line: str) -> None:
    try:
        said = json.loads(line)
    except ValueError:
        return  # cut off
    if "acknowledged" in said:
        found.acknowledged = said["acknowledged"] + 1
    elif "begun" in said:
        found.begun = said["begun"]
    else:
        found.doing = said.get("doing", "")


def look_at(path: Path, seed: int, found: Kill) -> None:
    """Everything acknowledged is there; the batch that was begun is there as a whole, or not at all."""
    random = np.random.default_rng(seed)
    possible = [truth_after(seed, count) for count in range(found.acknowledged, found.begun + 2)]
    assert verify(path) == []
    before = Index.open(path)
    with opened(path) as writer:
        found.recovered = writer.recovered
        holds = {each.id: each.fields["version"] for each in writer.snapshot().documents.scan()}
        versions = [{id: each.document.fields["version"] for id, each in truth.items()} for truth in possible]
        assert holds in versions, f"{found}: {holds} is none of {versions}"
        truth = possible[versions.index(holds)]
        check(before, truth, random, queries=2)
        check(writer.snapshot(), truth, random, queries=2)
        writer.compact()
        check(writer.snapshot(), truth, random, queries=2)
    left = {each.name for each in path.iterdir()}
    kinds = Counter(name.split("-")[0] for name in left)
    assert kinds["segment"] <= 1 and kinds["log"] == 1
    assert set(kinds) <= {"segment", "log", "manifest.json", "writer.lock"}
    for name in ("copy", "restored"):
        copy = path.with_name(f"{path.name}.{name}")
        if (copy / "manifest.json").exists():
            # Of whatever moment: it opens, is whole, and takes writes.
            assert verify(copy) == []
            with opened(copy) as writer:
                writer.compact()
