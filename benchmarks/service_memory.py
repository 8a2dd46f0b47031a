"""Whether a server's memory grows: requests of all kinds, one after another, on a few kept connections.

    python benchmarks/service_memory.py [--requests N]

Searches, counts, fetches, replacements of the same documents, changes of fields, deletions and mistakes, of a
collection that has the same 500 documents throughout. What the process holds is looked at twenty times; after the first
half it may grow by a tenth at the most. Needs Linux.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "service"))

from script import Report, main
from server_process import ServerProcess, serving

from lsr.core.errors import LsrError
from lsr.eval.reports.markdown import markdown_table

PATH = "/v1/collections/birds"
_DOCUMENTS, _CONNECTIONS, _LOOKS, _MOST_GROWTH = 500, 4, 20, 1.1


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--requests", type=int, default=100_000, metavar="N", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is asked (%(default)s)")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Ask, and look at the memory between."""
    root = work / "root"
    root.mkdir()
    statuses: Counter[int] = Counter()
    held: list[float] = []
    with serving(root, work / "log") as server:
        server.call("POST", "/v1/collections", {"name": "birds", "model": "bm25"})
        server.call("POST", f"{PATH}/documents", [document(number, 0) for number in range(_DOCUMENTS)])
        each = arguments.requests // _LOOKS // _CONNECTIONS
        for look in range(_LOOKS):
            for found in at_once(server, each, arguments.seed + look):
                statuses += found
            held.append(resident_mb(server))
            print(f"{statuses.total():,} requests: {held[-1]:.0f} MB", file=sys.stderr)
    sound = max(held[_LOOKS // 2 :]) <= _MOST_GROWTH * held[_LOOKS // 2 - 1] and not any(s >= 500 for s in statuses)
    table = markdown_table(
        ["requests", "MB"],
        [[f"{(look + 1) * each * _CONNECTIONS:,}", f"{mb:.0f}"] for look, mb in enumerate(held)],
    )
    told = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
    yield Report(
        f"# What a server holds\n\n{table}\n\nAnswers: {told}.\n",
        {"requests": statuses.total(), "statuses": dict(statuses), "resident_mb": held},
        sound=sound,
    )


def document(number: int, turn: int) -> dict[str, Any]:
    """One of the documents, with other words each time."""
    return {"_id": str(number), "text": f"bird {number} word{turn % 97} sea", "year": 1900 + turn % 200}


def at_once(server: ServerProcess, count: int, seed: int) -> list[Counter[int]]:
    """The statuses of so many requests on each connection."""
    found: list[Counter[int]] = []
    threads = [
        threading.Thread(target=lambda place=place: found.append(ask(server, count, seed * _CONNECTIONS + place)))
        for place in range(_CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) != _CONNECTIONS:
        raise LsrError("a connection was closed before it was answered")
    return found


def ask(server: ServerProcess, count: int, seed: int) -> Counter[int]:
    """Requests by chance on one connection; their statuses."""
    chance = random.Random(seed)
    statuses: Counter[int] = Counter()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    for turn in range(count):
        number = chance.randrange(_DOCUMENTS)
        method, path, body = chance.choice(
            (
                ("GET", f"{PATH}/search?q=bird+word{turn % 97}", None),
                ("POST", f"{PATH}/search", {"text": f"word{turn % 97}", "filter": f"year >= {1900 + turn % 200}"}),
                ("POST", f"{PATH}/count", {"filter": f"year < {1900 + turn % 200}"}),
                ("GET", f"{PATH}/documents/{number}", None),
                ("POST", f"{PATH}/documents", [document(number, turn)]),
                ("PATCH", f"{PATH}/documents/{number}", {"fields": {"year": turn % 3000}}),
                ("DELETE", f"{PATH}/documents/none-{turn}", None),
                ("POST", f"{PATH}/search", {"text": "bird", "k": -turn}),
                ("GET", f"/v1/collections/none-{turn}", None),
            )
        )
        headers = {} if body is None else {"Content-Type": "application/json"}
        client.request(method, path, None if body is None else json.dumps(body), headers)
        answer = client.getresponse()
        answer.read()
        statuses[answer.status] += 1
    client.close()
    return statuses


def resident_mb(server: ServerProcess) -> float:
    """What the process holds."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main("service_memory", __doc__, options, run))
