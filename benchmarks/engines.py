"""This engine compared with others, and with term-at-a-time search, on the same vectors: the table of ratios.

    python benchmarks/engines.py DOCS.parquet QUERIES.parquet [--queries N] [--configurations quick|full]
        [--against NAMES] [--rounds N] [--build-threads N] [--work DIR] [--output DIR]

Measures as `lsr bench` does, and also what a search costs beyond its kernel. Parameters are chosen on every second
query; the numbers are of the others. The tables go to stdout and, with every number, to engines.md, engines.json,
engines.png and engines.svg in the output folder. Needs the extra `bench`, and the packages of the peers that are named
with --against; nothing else should run at the same time. With --work, the indexes of peers are built once: some graphs
take an hour.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from script import Report, main

from lsr.cli.console import note, progress_bar
from lsr.core.plotting import SUFFIXES, check_plot
from lsr.eval.bench import TARGETS, BenchResult, BenchSettings, Effort, Row, bench, fastest
from lsr.eval.bench.overhead import Overhead, measure_overhead
from lsr.eval.bench.plot import save_plot
from lsr.eval.bench.report import markdown
from lsr.eval.reports.markdown import markdown_table
from lsr.index import Index
from lsr.vectors.files import read_vectors

EXACT_KS = (10, 100, 1000)
APPROXIMATE_K = 10
# Of peers but bmp, whose search for more than a few hits takes long, and of taat, which is the reference for all.
PEER_KS = (10, 100)
# The number of queries to measure the overhead with.
OVERHEAD_QUERIES = 500


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("documents", type=Path, metavar="DOCS.parquet")
    parser.add_argument("queries", type=Path, metavar="QUERIES.parquet")
    parser.add_argument("--queries", type=int, dest="limit", metavar="N", help="use the first N")
    parser.add_argument("--configurations", type=Effort, choices=list(Effort), default=Effort.full)
    parser.add_argument("--against", default="seismic,bmp", metavar="NAMES", help="peers, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--build-threads", type=int, help="threads of every build (default: all)")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Measure everything, with newly built indexes."""
    against = tuple(dict.fromkeys((*arguments.against.split(","), "taat")))
    settings = BenchSettings(
        ks=EXACT_KS,
        against=against,
        ks_of={name: (APPROXIMATE_K,) if name == "bmp" else PEER_KS for name in against if name != "taat"},
        effort=arguments.configurations,
        batch_threads=(1, 2),
        build_threads=arguments.build_threads,
        rounds=arguments.rounds,
        limit=arguments.limit,
    )
    settings.check()
    check_plot(arguments.output / "engines.png")
    result = bench(arguments.documents, arguments.queries, settings, folder=work, stages=progress_bar, note=note)
    # The first one has the default settings.
    overheads = overhead(Index.open(result.indexes[0] / "index"), arguments.queries)
    record = {
        **result.to_record(),
        "fastest": fastest_of_ours(result.rows),
        "overhead": {mode: asdict(value) for mode, value in overheads.items()},
    }
    yield Report(f"# Engines\n\n{ratios(result, overheads)}\n\n{markdown(result)}", record)
    shown = [row for row in result.rows if row.k == APPROXIMATE_K]
    save_plot(shown, [arguments.output / f"engines{suffix}" for suffix in SUFFIXES])


def fastest_of_ours(rows: list[Row]) -> dict[str, float]:
    """Mean microseconds of approximate search at each recall that it reaches."""
    found = {target: fastest(_of(rows, "lsr", "approximate"), target) for target in TARGETS}
    return {f"recall {target:.2f}": row.halves[1].mean_us for target, row in found.items() if row is not None}


def overhead(index: Index, queries: Path) -> dict[str, Overhead]:
    """What a search costs beyond its kernel, by mode."""
    asked = read_vectors(queries, dim=index.dim)[:OVERHEAD_QUERIES]
    index.sparse.warm_up()
    return {mode: measure_overhead(index, asked, APPROXIMATE_K, mode) for mode in ("approximate", "exact")}


def ratios(result: BenchResult, overheads: dict[str, Overhead]) -> str:
    """Our numbers over theirs, with the project's goals."""
    lines = [*_approximate(result.rows), *_costs(result.rows), *_exact(result.rows), *_batches(result.rows)]
    for mode, found in overheads.items():
        text = f"{found.after_search_us:.1f} µs"
        lines.append([f"one search beyond its kernel, {mode}", text, "20 µs", "8 µs", f"{found.hot_us:.1f} µs hot", ""])
    head = ["work", "measured", "to reach", "aim", "lsr", "the other"]
    return (
        f"Times in microseconds a query, one thread.\n\n{markdown_table(head, lines)}\n\n"
        "Means of lsr, seismic, kannolo and sindi are of the batch calls on one thread; p50 is of single calls."
    )


def _of(rows: Iterable[Row], engine: str, mode: str | None = None, k: int = APPROXIMATE_K) -> list[Row]:
    found = [row for row in rows if row.engine == engine and row.k == k and mode in (None, row.mode)]
    # Ours are all of one index, the default one, so that size, build time and search times belong together.
    return [row for row in found if engine != "lsr" or not row.index_settings]


def _approximate(rows: list[Row]) -> Iterator[list[str]]:
    """Ratios of approximate search at each recall, over the best of each peer's configurations, and over the best."""
    for k in PEER_KS:
        for target in TARGETS:
            ours = fastest(_of(rows, "lsr", "approximate", k), target)
            best = {name: row for name in _peers(rows, k) if (row := fastest(_of(rows, name, k=k), target)) is not None}
            if ours is None or not best:
                continue
            mine = ours.halves[1]
            work = f"recall@{k} ≥ {target:.2f}"
            for name, row in sorted(best.items(), key=lambda each: each[1].halves[1].mean_us):
                other = row.halves[1]
                yield compared(f"approximate over {name}, {work}, mean", mine.mean_us, other.mean_us, "0.33", "0.2")
                yield compared(f"approximate over {name}, {work}, p50", mine.p50_us, other.p50_us, "0.33", "0.2")


def _peers(rows: list[Row], k: int) -> list[str]:
    """The engines whose approximate search was measured, and those whose exact search is all there is."""
    return list(dict.fromkeys(row.engine for row in rows if row.k == k and row.engine not in ("lsr", "taat", "bmp")))


def _costs(rows: list[Row]) -> Iterator[list[str]]:
    """Ratios of size and build time, over seismic's smallest and fastest-built indexes."""
    ours, theirs = _of(rows, "lsr"), _of(rows, "seismic")
    if theirs:
        sizes = [min(row.index_bytes for row in its_rows) / 1e6 for its_rows in (ours, theirs)]
        yield compared("index over seismic's smallest, MB", *sizes, "0.25", "0.15")
        seconds = [min(row.build_s or 0 for row in its_rows) for its_rows in (ours, theirs)]
        yield compared("build over seismic's fastest, s", *seconds, "0.4", "0.1")


def _exact(rows: list[Row]) -> Iterator[list[str]]:
    """Ratios of exact search over exhaustive search, and over the best of each peer's exact searches.

    Exhaustive is term at a time, the least that an inverted index does: our own mode "exhaustive", which scores each
    document separately, is many times slower and not a fair baseline.
    """
    for k, to_reach, aim in zip(EXACT_KS, ("0.2", "0.25", "0.5"), ("0.12", "0.17", "0.3"), strict=True):
        (ours,), (theirs,) = _of(rows, "lsr", "exact", k), _of(rows, "taat", k=k)
        times = [row.halves[1].mean_us for row in (ours, theirs)]
        yield compared(f"exact over term at a time, k = {k}", *times, to_reach, aim)
    for k in PEER_KS:
        for name in dict.fromkeys(row.engine for row in rows if row.mode == "exact" and row.engine != "lsr"):
            theirs_of_peer = _of(rows, name, "exact", k)
            if theirs_of_peer:
                (ours,) = _of(rows, "lsr", "exact", k)
                best = min(row.halves[1].mean_us for row in theirs_of_peer)
                goals = ("0.02", "0.01") if name == "bmp" else ("", "")
                work = f"exact over {name}'s best" + (f", k = {k}" if k != APPROXIMATE_K else "")
                yield compared(work, ours.halves[1].mean_us, best, *goals)


def _batches(rows: list[Row]) -> Iterator[list[str]]:
    """Ratio of the throughput of two threads over one."""
    for row in (fastest(_of(rows, "lsr", "approximate"), 0.95), *_of(rows, "lsr", "exact")):
        if row is not None:
            one, two = row.queries_per_second[1], row.queries_per_second[2]
            work = f"{row.mode} in batches, 2 threads over 1, queries a second"
            yield [work, f"{two / one:.2f}", "1.8", "1.95", f"{two:,.0f}", f"{one:,.0f}"]


def compared(work: str, ours: float, theirs: float, to_reach: str, aim: str) -> list[str]:
    """A line of the table."""
    return [work, f"{ours / theirs:.3f}", to_reach, aim, f"{ours:,.1f}", f"{theirs:,.1f}"]


if __name__ == "__main__":
    sys.exit(main("engines", __doc__, options, run))
