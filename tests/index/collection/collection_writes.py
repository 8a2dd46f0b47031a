"""A process that writes to a collection until it is killed, and says what was acknowledged.

    python collection_writes.py FOLDER SEED [WHAT...]

On standard output: one line of JSON for each write, first as it is begun, then as it is acknowledged. `WHAT`: also
compact, flush, copy (to FOLDER.copy) and restore (that, to FOLDER.restored), over and over, in a thread of its own.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
from collection_oracle import made_put, opened

from lsr.index.collection.copies import copy_collection
from lsr.index.collection.policy import LivePolicy
from lsr.index.live.writes import Delete, Write

POLICY = LivePolicy(memory_documents=15, together=2)


def writes_of(seed: int) -> itertools.chain[list[Write]]:
    """The writes of a seed, without end: the same in every process."""
    random = np.random.default_rng(seed)

    def made() -> itertools.Iterator[list[Write]]:
        for step in itertools.count():
            batch: list[Write] = []
            for _ in range(random.integers(1, 4)):
                id = f"d{random.integers(25)}"
                batch.append(Delete(id) if random.random() < 0.3 else made_put(random, id, step))
            yield batch

    return itertools.chain(made())


def say(**what: object) -> None:
    """A line, at once."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Write until killed."""
    path, seed, what = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    writer = opened(path, POLICY)

    def others() -> None:
        for number in itertools.count():
            if "compact" in what:
                say(doing="compact")
                writer.compact()
            if "copy" in what:
                output = path.with_name(f"{path.name}.copy")
                shutil.rmtree(output, ignore_errors=True)
                say(doing="copy")
                copy_collection(path, output)
            if "restore" in what:
                restored = path.with_name(f"{path.name}.restored")
                shutil.rmtree(restored, ignore_errors=True)
                say(doing="restore")
                copy_collection(output, restored)
            if "flush" in what:
                say(doing="flush")
                writer.flush()
            say(done=number)

    if what:
        threading.Thread(target=others, daemon=True).start()
    for number, batch in enumerate(writes_of(seed)):
        say(begun=number)
        writer.apply(batch)
        say(acknowledged=number)


if __name__ == "__main__":
    main()
