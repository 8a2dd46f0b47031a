"""Writing to a collection beside other engines in this process: rates, searches, space, and what a kill leaves.

    python benchmarks/live_peers.py DOCS.parquet QUERIES.parquet [--documents N] [--batch N] [--queries N] [--kills N]
        [--engine NAME]... [--shared] [--work DIR] [--output DIR]

Each engine, in a process of its own, adds the documents in batches, replaces 10 % and deletes 10 %. A write is timed
from the engine's own form of the documents until it is acknowledged; what that promises differs, and is told. After
each batch the first search is timed (k = 10), and another must see what was written. Then a process that writes, and
says what was acknowledged, is killed (SIGKILL) at a random moment, again and again, and what it left is compared.
Engines of vectors are given these; those of BM25 texts: of each term a word, as often as its weight, rounded, says.
Engines that are not installed are left out: pip install qdrant-edge-py milvus-lite pymilvus tantivy lancedb.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zlib import crc32

from peers.engine import PeerEngine, read
from peers.job import SHARE, measured
from peers.kills import BATCH, MOST, kill_once, look, write
from peers.registry import ENGINES
from script import Report, main, measured_apart, settings_of

from lsr.cli.console import note
from lsr.core.errors import LsrError
from lsr.eval.reports.markdown import markdown_table

# Documents that a process that is killed writes again and again.
_KILL_VECTORS = 2000


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("documents_file", type=Path, metavar="DOCS.parquet")
    parser.add_argument("queries_file", type=Path, metavar="QUERIES.parquet")
    parser.add_argument("--documents", type=int, default=20_000, metavar="N", help="use the first N (%(default)s)")
    parser.add_argument("--batch", type=int, default=1000, metavar="N", help="documents of a batch (%(default)s)")
    parser.add_argument("--queries", type=int, default=200, metavar="N", help="use the first N (%(default)s)")
    parser.add_argument("--kills", type=int, default=10, metavar="N", help="of each engine (%(default)s)")
    parser.add_argument("--engine", action="append", choices=list(ENGINES), metavar="NAME", help=", ".join(ENGINES))
    parser.add_argument("--shared", action="store_true", help="say that other work ran on the machine meanwhile")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Measure one engine after another."""
    left_out: list[str] = []
    rows: dict[str, Any] = {}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    for name in arguments.engine or ENGINES:
        engine = ENGINES[name]
        if find_spec(engine.module) is None:
            left_out.append(engine.title)
            note(f"{engine.title} is left out: {engine.package} is not installed")
            continue
        rows[name] = _row(arguments, name, work)
        values = {"rows": rows, "left_out": left_out, "load_before": load, "shared": arguments.shared}
        yield Report(markdown(values), values)


def _row(arguments: argparse.Namespace, name: str, work: Path) -> dict[str, Any]:
    """The numbers of an engine, which are kept in the folder: an interrupted run goes on after them."""
    engine = ENGINES[name]
    row = {"title": engine.title, "finds": engine.finds, "version": version(engine.package)}
    settings = settings_of(arguments) | row | {"engine": name}
    kept = work / f"{name}-{crc32(json.dumps(settings, sort_keys=True).encode()):08x}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=work) as folder:
        note(f"{engine.title}: the job")
        try:
            row |= measured_apart(f"job {name}", "--work", folder)
            note(f"{engine.title}: {arguments.kills} kills")
            row["kills"] = _kills(arguments, name, Path(folder))
        except LsrError as error:
            note(f"{engine.title}: {error}")
            return row | {"failed": str(error)}
    kept.write_text(json.dumps(row), encoding="utf-8")
    return row


def _kills(arguments: argparse.Namespace, name: str, folder: Path) -> list[dict[str, Any]]:
    """Kill so many processes that write, and look at what each left."""
    found = []
    for seed in range(arguments.kills):
        place = folder / f"killed-{seed}"
        place.mkdir()
        command = [sys.executable, *sys.argv, "--work", str(place), "--one"]
        begun, acknowledged = kill_once([*command, f"write {name} {seed}"], seed)
        found.append([seed, begun, acknowledged])
    # One process opens them all: most of the time of each would be that of its start.
    seeds = " ".join(":".join(map(str, each)) for each in found)
    left: list[dict[str, Any]] = measured_apart(f"look {name} {seeds}", "--work", str(folder))
    shutil.rmtree(folder)
    folder.mkdir()
    return left


def apart(arguments: argparse.Namespace) -> Any:
    """In a process of its own: the job, writes until it is killed, or a look at what was left."""
    what, name, *more = arguments.one.split()
    engine: type[PeerEngine] = ENGINES[name]
    if what == "job":
        vectors = read(arguments.documents_file, arguments.documents)
        queries = read(arguments.queries_file, arguments.queries)
        return measured(engine, arguments.work, vectors, queries, arguments.batch)
    vectors = read(arguments.documents_file, min(arguments.documents, _KILL_VECTORS))
    if what == "write":
        return write(engine, arguments.work / "collection", vectors, int(more[0]))
    left = []
    for each in more:
        seed, begun, acknowledged = map(int, each.split(":"))
        place = arguments.work / f"killed-{seed}" / "collection"
        left.append(look(engine, place, vectors, seed, begun, acknowledged))
    return left


def markdown(values: dict[str, Any]) -> str:
    """The report."""
    rows = values["rows"]
    whole = {name: row for name, row in rows.items() if "failed" not in row}
    parts = ["# Writing to a collection, beside other engines\n"]
    if whole:
        count = next(iter(whole.values()))["documents"]
        parts += [
            f"{count:,} documents; {count // SHARE:,} are replaced, and {count // SHARE:,} deleted. Rates are of "
            "documents a second until a batch is acknowledged. A search asks for the ten best: the first after each "
            "batch (median), and those after the engine has compacted (mean). Space is what files take on the disk "
            "after that. LanceDB, tantivy and lsr with words alone also store the texts.\n"
        ]
    if values["shared"]:
        before = values["load_before"]
        told = "" if before is None else f" (load before the run: {before:.1f})"
        parts.append(f"Other work ran on the machine meanwhile{told}: rates and times are rough.\n")
    for finds in ("vectors", "BM25"):
        if some := {name: row for name, row in whole.items() if row["finds"] == finds}:
            parts += [f"## {_TITLES[finds]}\n", _table(some), ""]
    parts.append("## What an acknowledgement promises\n")
    parts += [f"- {row['title']} ({row['version']}): {ENGINES[name].promise}." for name, row in rows.items()]
    parts.append(f"\n{_OBSERVED}\n")
    if any(row.get("kills") for row in whole.values()):
        parts += [
            "## Killed\n",
            f"A process that writes batches of {BATCH} documents is killed after up to {MOST} of them, at a random "
            "moment of the next. Of what it had acknowledged, documents are missing if they are not there or are in an "
            "earlier version, and are back if they had been deleted.\n",
            _killed(whole),
            "",
        ]
    parts += [f"{row['title']} could not be measured: {row['failed']}\n" for row in rows.values() if "failed" in row]
    if values["left_out"]:
        parts.append(f"Left out, for they were not installed: {', '.join(values['left_out'])}.\n")
    return "\n".join(parts)


# Of other versions, look again.
_OBSERVED = (
    "What is forced to the disk was read off the system calls (strace) of qdrant-edge 0.9.0, milvus-lite 3.2.2, "
    "tantivy 0.27.0 and LanceDB 0.40.0."
)
_TITLES = {"vectors": "Sparse vectors", "BM25": "BM25, on texts of the same terms"}


def _table(rows: dict[str, Any]) -> str:
    head = [
        "engine",
        "added a second",
        "replaced",
        "deleted",
        "first search, ms",
        "slowest",
        "after compacting, ms",
        "MB",
        "not seen",
    ]
    lines = [
        [
            row["title"],
            *(f"{row[field]:,.0f}" for field in ("added", "replaced", "deleted")),
            *(f"{row[field]:,.2f}" for field in ("first_ms", "slowest_first_ms", "after_ms")),
            f"{row['bytes'] / 1e6:,.1f}",
            str(row["unseen"] + row["wrong"]),
        ]
        for row in rows.values()
    ]
    told = '\n\n"Not seen": batches that a search did not see, and documents that were wrong at the end.'
    return markdown_table(head, lines) + told


def _killed(rows: dict[str, Any]) -> str:
    head = ["engine", "kills", "batches acknowledged", "missing", "back", "batches in halves", "not opened"]
    lines = []
    for row in rows.values():
        kills = row["kills"]
        counts = [sum(each[field] for each in kills) for field in ("acknowledged", "missing", "back", "half")]
        counts.append(sum(bool(each["failed"]) for each in kills))
        lines.append([row["title"], str(len(kills)), *(f"{count:,}" for count in counts)])
    return markdown_table(head, lines)


if __name__ == "__main__":
    sys.exit(main("live_peers", __doc__, options, run, apart=apart))
