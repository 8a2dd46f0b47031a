"""Seconds from the start of a process to its first answer.

Every way to search is run in separate processes: once untimed, so that kernels are compiled and files are in the page
cache, as after `lsr warmup`, then --runs times. The last row shows what `lsr warmup` saves: the same search with no
kernel compiled. Processor time, of all threads, is less disturbed than the clock by whatever else runs on the machine.
Needs Linux.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from script import Report, main

from lsr.core.errors import LsrError
from lsr.eval.reports.markdown import markdown_table

LSR = ("-c", "from lsr.cli.app import main; main()")
VECTOR = "from lsr.index import Index; print(len(Index.open({index!r}).search([2054, 2003], [1.0, 0.5])))"
MAKE = """
from itertools import islice
from lsr import SparseEncoder
from lsr.demo.corpus import standard_library_documents
from lsr.build.corpus import index_corpus

documents = list(islice(standard_library_documents(), 300))
index_corpus(documents, {index!r}, SparseEncoder.load(max_length=128))
"""
TEXT = "from lsr import Retriever; print(len(Retriever.open({index!r}).search({question!r}).hits))"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", type=Path, help="an index of text (default: a small one is made)")
    parser.add_argument("--question", default="how do I read a file line by line", help="(%(default)s)")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="timed runs of each (%(default)s)")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Make an index if none is given, and start one process after another."""
    with tempfile.TemporaryDirectory() as temporary:
        index = str(arguments.index or work / "cold-start")
        if not Path(index).exists():
            # Not in this process: its memory counts towards the initial peak of its children.
            start(("-c", MAKE.format(index=index)))
        rows = measure(index, arguments.question, arguments.runs, Path(temporary))
    table = markdown_table(
        ["", "seconds, median", "slowest", "processor seconds", "peak memory, MB"],
        [
            [name, *(f"{row[key]:.2f}" for key in ("seconds", "slowest", "processor_seconds")), f"{row['peak_mb']:.0f}"]
            for name, row in rows.items()
        ],
    )
    yield Report(table, {"runs": arguments.runs, "rows": rows})


def measure(index: str, question: str, runs: int, temporary: Path) -> dict[str, dict[str, float]]:
    vector = ("-c", VECTOR.format(index=index))
    commands = {
        "`Index.open(…).search(terms, weights)`": vector,
        "`lsr search INDEX QUESTION`": (*LSR, "search", index, question),
        "`Retriever.open(INDEX).search(QUESTION)`, with torch": ("-c", TEXT.format(index=index, question=question)),
    }
    rows = {}
    for name, command in commands.items():
        start(command)
        rows[name] = summary([start(command) for _ in range(runs)])
    empty = [start(vector, LSR_CACHE_DIR=str(temporary / f"cache-{number}")) for number in range(runs)]
    rows["the first, where nothing is compiled"] = summary(empty)
    return rows


def start(command: tuple[str, ...], **environment: str) -> dict[str, float]:
    """Run one process; return wall-clock and processor seconds, and the peak of its resident memory."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], env=os.environ | environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LsrError(f"{command} failed")
    return {
        "seconds": seconds,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def summary(measured: list[dict[str, float]]) -> dict[str, Any]:
    medians = {key: statistics.median(one[key] for one in measured) for key in measured[0]}
    return {**medians, "slowest": max(one["seconds"] for one in measured)}


if __name__ == "__main__":
    sys.exit(main("cold_start", __doc__, options, run))
