"""Writes to a collection until its disk is full, again and again, and looks for what was acknowledged.

    python benchmarks/live_full_disk.py [--disks N] [--seed N] [--json FILE]

Each disk is a tmpfs of some MiB, by chance, which takes root to mount. Documents are added and deleted until a write, a
segment or a merge fails. Then the collection has to be sound, to hold what was acknowledged and nothing that was
deleted; and once the disk is larger, to go on, to compact and to be sound again. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from script import add_rows

from lsr.core.documents import Document
from lsr.core.errors import LsrError
from lsr.index import Index, verify
from lsr.index.collection.create import create_collection
from lsr.index.collection.policy import LivePolicy
from lsr.index.collection.writer import CollectionWriter
from lsr.index.live.writes import Delete, Put, Write

_TERMS, _BATCH = 2000, 50
_POLICY = LivePolicy(memory_documents=400, together=2)
_LARGER = "64m"


def run(disks: int, seed: int) -> dict[str, Any]:
    """Fill so many disks; what came of it."""
    random = np.random.default_rng(seed)
    said: Counter[str] = Counter()
    acknowledged, failures = 0, []
    for number in range(disks):
        size = f"{random.integers(1000, 12_000)}k"
        with tempfile.TemporaryDirectory(prefix="full-disk-") as folder:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
            try:
                error, documents = _fill_and_go_on(Path(folder), random)
                said[error] += 1
                acknowledged += documents
            except AssertionError as error:
                failures.append(f"disk {number} of {size} (seed {seed}): {error}")
                print(failures[-1], flush=True)
            finally:
                # At once, whatever is still mapped.
                subprocess.run(["umount", "--lazy", folder], check=True)
    return {
        "disks": disks,
        "failed": len(failures),
        "acknowledged": acknowledged,
        "errors": dict(said),
        "failures": failures,
    }


def _fill_and_go_on(folder: Path, random: np.random.Generator) -> tuple[str, int]:
    """What the full disk was told as, and how many documents were acknowledged by then. AssertionError for a loss."""
    path = folder / "collection"
    create_collection(path, terms=_TERMS, weight_scale=1 / 255)
    held: set[str] = set()
    attempted: set[str] = set()
    error = ""
    with CollectionWriter(path, policy=_POLICY) as writer:
        number = 0
        while not error:
            writes: list[Write] = [_put(f"d{number + each:06}", random) for each in range(_BATCH)]
            gone = sorted(held)[:30] if held and random.random() < 0.3 else []
            attempted = {write.id for write in writes} | set(gone)
            try:
                writer.apply([*writes, *map(Delete, gone)])
                held = (held | {write.id for write in writes}) - set(gone)
                attempted = set()
                number += _BATCH
            except (OSError, LsrError) as refused:
                error = type(refused.__cause__ or refused).__name__
    _check(path, held, attempted)
    subprocess.run(["mount", "-o", f"remount,size={_LARGER}", str(folder)], check=True)
    held = {document.id for document in Index.open(path).documents.scan()}
    with CollectionWriter(path, policy=_POLICY) as writer:
        writer.apply([_put("after", random)])
        writer.compact()
    _check(path, held | {"after"}, set())
    return error, len(held)


def _put(id: str, random: np.random.Generator) -> Put:
    terms = np.unique(random.integers(0, _TERMS, 60)).astype(np.uint32)
    return Put(Document(id, "x" * 200), terms, random.random(len(terms), np.float32) + np.float32(0.01))


def _check(path: Path, held: set[str], attempted: set[str]) -> None:
    """`attempted`: of the write that was refused, of which all or nothing may be there."""
    assert verify(path) == [], verify(path)
    found = {document.id for document in Index.open(path).documents.scan()}
    lost, back = held - found - attempted, found - held - attempted
    assert not lost, f"{len(lost)} acknowledged documents are lost"
    assert not back, f"{len(back)} deleted documents are there again"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--disks", type=int, default=30, help="how many (%(default)s)", metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="of their sizes, and of what is written", metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the counts there")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="put the counts into live_full_disk.md and .json there"
    )
    arguments = parser.parse_args()
    counts = run(arguments.disks, arguments.seed)
    print(json.dumps(counts, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    if arguments.output:
        add_rows(
            arguments.output,
            "live_full_disk",
            "Disks that fill up under a collection",
            {f"seed {arguments.seed}": counts},
        )
    return int(counts["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
