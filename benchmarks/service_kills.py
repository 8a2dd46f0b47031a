"""Kills a server of collections under load, again and again, and looks for what it had acknowledged.

    python benchmarks/service_kills.py [--kills N] [--stops N] [--seed N]

Three clients add, replace, patch and delete documents by chance, each its own, and keep what was acknowledged; a fourth
makes and deletes collections, swaps an alias, takes and restores snapshots, reindexes or compacts. After a number of
writes that is drawn by chance the server is killed (SIGKILL), and another one started: everything that was acknowledged
has to be there, of what was under way all or nothing, and nothing half-made. Some are not killed: what the clients have
written is then all that is there. Then servers are stopped (SIGTERM) under
load: every request that was sent before gets its whole answer.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "service"))

from killed_server import ACTIVITIES, Killing
from script import Report, main
from stopped_server import stop_once

from lsr.eval.reports.markdown import markdown_table


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=100, metavar="N", help="SIGKILLs (%(default)s)")
    parser.add_argument("--steady", type=int, default=7, metavar="N", help="not killed, each checked (%(default)s)")
    parser.add_argument("--stops", type=int, default=20, metavar="N", help="SIGTERMs (%(default)s)")
    parser.add_argument("--most", type=int, default=2000, metavar="N", help="kill before so many writes (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is done, and when (%(default)s)")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Kill, then stop; a report after each."""
    chance = random.Random(arguments.seed)
    (work / "killed").mkdir(exist_ok=True)
    killing = Killing(work / "killed", work / "log", arguments.seed)
    killed, steady = Counter[str](), Counter[str]()
    stops = sent = 0
    problems: list[str] = []
    started = time.monotonic()

    def report() -> Report:
        rows = [
            [activity, str(killed[activity]), str(steady[activity]), f"{killing.admin.done[activity]:,}"]
            for activity in ACTIVITIES
        ]
        table = markdown_table(["beside writes", "kills", "not killed", "times done"], rows)
        told = "".join(f"- {problem}\n" for problem in problems)
        return Report(
            f"# Servers killed and stopped\n\n{table}\n\n{killing.acknowledged:,} writes of documents were "
            f"acknowledged; {stops} servers were stopped with {sent:,} requests answered before. "
            f"{len(problems)} problems.\n\n{told}",
            {
                "kills": dict(killed),
                "steady": dict(steady),
                "done": dict(killing.admin.done),
                "acknowledged": killing.acknowledged,
                "stops": stops,
                "sent_before_stops": sent,
                "seconds": round(time.monotonic() - started, 1),
                "problems": problems,
            },
            sound=not problems,
        )

    for number in range(arguments.kills + arguments.steady):
        activity, kills = ACTIVITIES[number % len(ACTIVITIES)], number < arguments.kills
        writes = chance.randrange(1, arguments.most) if kills else 10 * arguments.most
        found = killing.once(activity, writes, kills=kills)
        (killed if kills else steady)[activity] += 1
        problems += [f"kill {number}, {problem}" for problem in found]
        print(f"kill {number}: {activity}, {killing.acknowledged:,} acknowledged, {found or 'sound'}", file=sys.stderr)
        yield report()
    for number in range(arguments.stops):
        stopped = stop_once(work / "stopped", work / "log", arguments.seed + number)
        stops, sent = stops + 1, sent + stopped.sent
        problems += [f"stop {number}: {problem}" for problem in stopped.problems]
        print(f"stop {number}: {stopped.sent:,} sent before, {stopped.problems or 'sound'}", file=sys.stderr)
        yield report()


if __name__ == "__main__":
    sys.exit(main("service_kills", __doc__, options, run))
