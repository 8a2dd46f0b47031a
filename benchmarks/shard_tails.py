"""Tail latency of a query over many shards, and what hedging takes off it: measured shards, simulated together.

    python benchmarks/shard_tails.py [--like DOCS.parquet --queries QUERIES.parquet] [--shards 100] [--documents 10000]
        [--measured 100] [--rounds 20] [--work DIR] [--output DIR]

Documents are made as for scale.py, and dealt to shards, each an index of its own in this process. Every query is
searched in every shard, one after another on one thread, in rounds. The times are those of the thread on its processor:
they hold what queries, shards and rounds differ in, and not what else the machine does. One hop is measured as well: a
round trip over TCP on this machine with a query and ten hits.

The simulation draws, for a query, one of its measured times in each of N shards, and a hop for each; the query is as
slow as the slowest. With hedging, a shard that has not answered after the chosen quantile of all times is asked again,
at another copy, whose time is another of those measured for the same query and shard; the sooner answer counts.
Nothing waits in queues: it is the latency of a cluster with processors to spare. A second table lets one call in a
hundred stall for 20 ms, an assumption, as collectors of garbage, neighbours and networks do.
"""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from made_vectors import add_source_arguments, open_maker
from script import Report, main

from lsr.cli.console import note
from lsr.core.plotting import SUFFIXES, figure, plain_numbers, style
from lsr.eval.reports.markdown import markdown_table
from lsr.index import Index, IndexBuilder

Times = npt.NDArray[np.float64]

COUNTS = (1, 2, 5, 10, 20, 50, 100)
HEDGES: dict[str, float | None] = {"none": None, "after the p90": 0.9, "after the p95": 0.95, "after the p99": 0.99}
STALLED, STALL_MS = 0.01, 20.0
_QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
_DRAWN = 200_000
_HOPS = 5000
# A query of 25 terms, and ten hits with ids.
_ASKED, _ANSWERED = 25 * 8, 10 * 24


def options(parser: argparse.ArgumentParser) -> None:
    add_source_arguments(parser)
    parser.add_argument("--shards", type=int, default=100)
    parser.add_argument("--documents", type=int, default=10_000, metavar="N", help="in a shard (10,000)")
    parser.add_argument("--measured", type=int, default=100, metavar="N", help="queries (100)")
    parser.add_argument("--rounds", type=int, default=20)


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Build the shards, measure, simulate, plot."""
    shards, queries = built(arguments, work)
    note("measuring …")
    times = measured(shards, queries, arguments.rounds)
    hops = hop_times()
    counts = [count for count in COUNTS if count <= len(shards)]
    generator = np.random.default_rng(arguments.seed)
    tables = {
        name: {
            label: {str(count): simulated(times, hops, count, quantile, stalled, generator) for count in counts}
            for label, quantile in HEDGES.items()
        }
        for name, stalled in (("measured", 0.0), ("stalls", STALLED))
    }
    values = {
        "shards": len(shards),
        "documents_a_shard": arguments.documents,
        "queries": len(times),
        "rounds": arguments.rounds,
        "shard_ms": quantiles(times),
        "hop_ms": quantiles(hops),
        "tables": tables,
    }
    plot(tables, arguments.output)
    yield Report(markdown(values), values)


def built(arguments: argparse.Namespace, work: Path) -> tuple[list[Index], list[tuple[Any, Any]]]:
    """The shards, and the queries."""
    maker, queries = open_maker(arguments)
    shards: list[Index] = []
    pending, rows = [], 0
    for batch in maker.documents(arguments.shards * arguments.documents):
        start = 0
        while start < len(batch):
            taken = batch[start : start + arguments.documents - rows]
            pending.append(taken)
            rows, start = rows + len(taken), start + len(taken)
            if rows == arguments.documents:
                path = work / f"shard-{len(shards):03}"
                with IndexBuilder(path, dim=taken.dim, force=True) as builder:
                    for part in pending:
                        builder.add(part)
                    builder.finish()
                shards.append(Index.open(path))
                pending, rows = [], 0
                note(f"shard {len(shards)} of {arguments.shards}")
    chosen = np.linspace(0, len(queries) - 1, min(arguments.measured, len(queries))).astype(np.int64)
    return shards, [queries.row(number) for number in chosen.tolist()]


def measured(shards: list[Index], queries: list[tuple[Any, Any]], rounds: int) -> Times:
    """Milliseconds on the processor: [queries, shards, rounds]. A round before the first is thrown away."""
    times = np.empty((len(queries), len(shards), rounds))
    for each in range(-1, rounds):
        for number, (terms, weights) in enumerate(queries):
            for place, shard in enumerate(shards):
                started = time.thread_time()
                shard.search(terms, weights, 10)
                if each >= 0:
                    times[number, place, each] = 1000 * (time.thread_time() - started)
    return times


def hop_times() -> Times:
    """Milliseconds of round trips over TCP to a thread of this process: [_HOPS]."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while received(connection, _ASKED):
                connection.sendall(bytes(_ANSWERED))

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    times = np.empty(_HOPS)
    with listening, socket.create_connection(listening.getsockname()) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(_HOPS):
            started = time.perf_counter()
            connection.sendall(bytes(_ASKED))
            received(connection, _ANSWERED)
            times[number] = 1000 * (time.perf_counter() - started)
    thread.join()
    return times


def received(connection: socket.socket, size: int) -> bool:
    """Whether so many bytes came, before the other end closed."""
    while size:
        found = len(connection.recv(size))
        if not found:
            return False
        size -= found
    return True


def simulated(
    times: Times, hops: Times, count: int, hedge: float | None, stalled: float, generator: np.random.Generator
) -> dict[str, float]:
    """Quantiles of the latency of queries over `count` shards, and how many more requests hedging makes, as a share."""
    runs = max(2000, min(20_000, _DRAWN // count * 4))
    query = generator.integers(0, times.shape[0], runs)
    # A cluster of fewer shards is made of some of them, others each time.
    shard = np.argsort(generator.random((runs, times.shape[1])), axis=1)[:, :count]

    def drawn() -> Times:
        found = times[query[:, None], shard, generator.integers(0, times.shape[2], shard.shape)]
        found = found + generator.choice(hops, shard.shape)
        return found + STALL_MS * (generator.random(shard.shape) < stalled)

    first, more = drawn(), 0.0
    if hedge is not None:
        after = float(np.quantile(first, hedge))
        late = first > after
        first = np.where(late, np.minimum(first, after + drawn()), first)
        more = float(late.mean())
    return {**quantiles(first.max(axis=1)), "more_requests": round(more, 4)}


def quantiles(times: Times) -> dict[str, float]:
    """Those that are shown."""
    return {name: round(float(np.quantile(times, share)), 4) for name, share in _QUANTILES.items()}


def markdown(values: dict[str, Any]) -> str:
    """The tables."""
    lines = ["# Many shards", ""]
    titles = {
        "measured": "As measured",
        "stalls": f"With one call in {1 / STALLED:.0f} stalled for {STALL_MS:g} ms (assumed)",
    }
    heads = ["shards", "hedging", "p50 ms", "p95 ms", "p99 ms", "p99.9 ms", "more requests"]
    for name, title in titles.items():
        rows = [
            [count, label, *(f"{found[each]:.2f}" for each in _QUANTILES), f"{found['more_requests']:.1%}"]
            for label, by_count in values["tables"][name].items()
            for count, found in by_count.items()
        ]
        lines += [f"## {title}", "", markdown_table(heads, rows), ""]
    shard, hop = values["shard_ms"], values["hop_ms"]
    lines.append(
        f"{values['shards']} shards of {values['documents_a_shard']:,} made documents, {values['queries']} queries, "
        f"{values['rounds']} rounds. A shard takes {shard['p50_ms']:.2f} ms (p50), {shard['p99_ms']:.2f} ms (p99), "
        f"a hop {hop['p50_ms']:.3f} ms (p50), {hop['p99_ms']:.3f} ms (p99)."
    )
    return "\n".join(lines)


def plot(tables: dict[str, Any], folder: Path) -> None:
    """The p99 against the number of shards: shard_tails.png and .svg."""
    with figure([folder / f"shard_tails{suffix}" for suffix in SUFFIXES], columns=2) as panels:
        titles = ("as measured", f"one call in {1 / STALLED:.0f} stalled {STALL_MS:g} ms")
        for panel, (name, title) in zip(panels, zip(tables, titles, strict=True), strict=True):
            for number, (label, by_count) in enumerate(tables[name].items()):
                colour, marker = style(number)
                counts = [int(count) for count in by_count]
                late = [found["p99_ms"] for found in by_count.values()]
                panel.plot(counts, late, marker + "-", color=colour, label=f"hedging: {label}")
            panel.set(xscale="log", yscale="log", xlabel="shards", ylabel="p99 ms of a query", title=title)
            plain_numbers(panel.xaxis)
            plain_numbers(panel.yaxis)
            panel.grid(which="both", alpha=0.25)
            panel.legend(frameon=False)


if __name__ == "__main__":
    sys.exit(main("shard_tails", __doc__, options, run))
