"""Kills a process that writes to a collection, again and again, and looks for what it had acknowledged.

    python benchmarks/live_kills.py [--kills N] [--most N] [--seed N] [--json FILE]

Each time, a new process adds, replaces and deletes documents by chance, while memory becomes segments and segments are
merged; most also flush, compact, copy (`lsr snapshot`) and restore in another thread. It says when a write is
acknowledged, and is killed (SIGKILL) after a number of them that is drawn by chance. Then the collection is checked
against its checksums, opened, searched, compacted and searched again: everything that was acknowledged has to be
there, no deletion undone, of the write that was under way all or nothing, and scores equal to exact sums.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "index" / "collection"))

import numpy as np
from collection_kills import kill_once
from script import add_rows

# What a writer does beside writing.
ACTIVITIES = ((), ("flush",), ("compact",), ("copy",), ("compact", "copy", "restore"))


def run(kills: int, seed: int, most: int = 120) -> dict[str, Any]:
    """Kill so many writers; what came of it. Batches are fewer than `most`, but for what else is awaited."""
    random = np.random.default_rng(seed)
    doing: Counter[str] = Counter()
    acknowledged = unacknowledged = recovered = 0
    failures: list[str] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="live-kills-") as work:
        for number in range(kills):
            what = ACTIVITIES[number % len(ACTIVITIES)]
            after = int(random.integers(1, most))
            try:
                found = kill_once(Path(work) / f"collection-{number}", seed + number, after, *what)
            except Exception as error:  # the others are still to be tried
                failures.append(f"kill {number} (seed {seed + number}, after {after}, {what}): {str(error)[:500]}")
                print(failures[-1], flush=True)
                continue
            doing[found.doing or "write"] += 1
            acknowledged += found.acknowledged
            unacknowledged += found.begun + 1 - found.acknowledged
            recovered += bool(found.recovered)
    return {
        "kills": kills,
        "failed": len(failures),
        "while": dict(sorted(doing.items())),
        "acknowledged": acknowledged,
        "under_way": unacknowledged,
        "torn_tails": recovered,
        "seconds": round(time.monotonic() - started, 1),
        "failures": failures,
    }


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300, help="how many (%(default)s)", metavar="N")
    parser.add_argument("--most", type=int, default=120, help="kill before so many batches (%(default)s)", metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="of what is written, and when it is killed", metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the counts there")
    parser.add_argument("--output", type=Path, metavar="DIR", help="put the counts into live_kills.md and .json there")
    arguments = parser.parse_args()
    counts = run(arguments.kills, arguments.seed, arguments.most)
    print(json.dumps(counts, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    if arguments.output:
        add_rows(
            arguments.output,
            "live_kills",
            "Writers of a collection that are killed",
            {f"seed {arguments.seed}": counts},
        )
    return int(counts["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
