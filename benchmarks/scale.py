"""How latency, size, build time and memory grow with the number of documents, compared with pyseismic-lsr.

    python benchmarks/scale.py [--sizes 300000,1000000,2500000,8800000] [--like DOCS.parquet] [--queries FILE]
        [--relevant SHARE] [--peer seismic] [--memory 20] [--work DIR] [--keep] [--output DIR]

For each size: makes documents (with the options of made_vectors.py; real queries of MS MARCO with documents about other
subjects need `--relevant 0.02`), finds the exact top 10, builds each index in a separate process, whose peak memory is
read, and times every configuration on one thread. At each recall the fastest configuration on every second query is
reported with its numbers on the others; nothing is interpolated. A peer is left out if it is estimated to need more
than `--memory` GiB, and stopped by a limit if the estimate was too low.

Made documents stay in `--work` and are reused; indexes are removed unless `--keep`. The tables go to stdout, and with
every number to scale.md, scale.json, scale.png and scale.svg in the output folder, again after each size. Needs the
extra `bench` and about 1.5 KB of disk per document, 10 with the peer; nothing else should run at the same time.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from made_vectors import add_source_arguments, open_maker, reporting
from scale_build import build_apart
from scale_report import Growth, SizeResult, markdown, save_plots
from script import Report, main
from vector_maker import VectorMaker
from vector_statistics import first_documents, statistics

from lsr.cli.console import note, progress_bar
from lsr.core.errors import InputError
from lsr.core.plotting import check_plot
from lsr.eval.bench import BuiltIndex, Configuration, Effort, Engine, LeftOut, Queries, Row, Summary, exact_top
from lsr.eval.bench.engines import LsrEngine, check_peers, peer
from lsr.eval.bench.measure import Sample, measure_round
from lsr.eval.bench.rows import in_words, summarise
from lsr.index import Index
from lsr.vectors.files import iter_vectors, write_vectors
from lsr.vectors.sparse import SparseVectors

SIZES = "300000,1000000,2500000,8800000"
K = 10
GIB = 1 << 30
COMPARED_DOCUMENTS = 300_000

# Rough peak memory of a build of pyseismic-lsr 0.5.4: 2.9 KB per document of 98.6 terms.
PEER_BYTES_A_POSTING = 30


@dataclass(slots=True)
class Contender:
    """An engine with one of its indexes, and its measurements."""

    engine: Engine
    settings: dict[str, Any]
    built: BuiltIndex
    samples: list[tuple[Configuration, Sample]] | None = None


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sizes", type=sizes, default=SIZES, metavar="N,N,…", help="numbers of documents (%(default)s)"
    )
    add_source_arguments(parser)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME", help="measure this engine too")
    parser.add_argument("--measured", type=int, default=300, metavar="N", help="queries to run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="a query counts with its best time (%(default)s)")
    parser.add_argument("--build-threads", type=int, default=os.cpu_count() or 1, help="of every build (all)")
    parser.add_argument("--memory", type=float, default=20.0, metavar="GIB", help="limit of every build (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the indexes in --work")


def sizes(text: str) -> list[int]:
    """Parse comma-separated numbers, in ascending order."""
    return sorted({int(size) for size in text.split(",")})


def run(arguments: argparse.Namespace, folder: Path) -> Iterator[Report]:
    """Measure each size in turn, in `folder`."""
    if min(arguments.sizes[0], arguments.rounds, arguments.build_threads) < 1 or arguments.measured < 2:
        raise InputError("sizes, rounds and threads must be at least 1, measured queries at least 2")
    check_plot(arguments.output / "scale.png")
    check_peers(arguments.peer)
    folder.mkdir(parents=True, exist_ok=True)
    note("seeds of the made documents …")
    maker, queries = open_maker(arguments)
    chosen = np.linspace(0, len(queries) - 1, min(arguments.measured, len(queries))).astype(np.int64)
    measured = queries.take(chosen)
    growth = Growth(about=about(arguments, measured))
    for documents in arguments.sizes:
        path = made_documents(maker, documents, folder, arguments)
        if not growth.statistics:
            growth.statistics = compared(arguments, path, measured)
        growth.sizes.append(measure_size(path, documents, measured, folder, arguments, growth))
        save_plots(growth, arguments.output)
        yield Report(f"# Scale\n\n{markdown(growth)}", growth.to_record())


def about(arguments: argparse.Namespace, measured: SparseVectors) -> dict[str, Any]:
    """A description of the measurement, as JSON values, without paths."""
    return {
        "like": None if arguments.like is None else arguments.like.name,
        "queries_from": None if arguments.queries_from is None else arguments.queries_from.name,
        **{name: getattr(arguments, name) for name in ("relevant", "terms", "seed", "rounds", "build_threads")},
        "memory_gib": arguments.memory,
        "cpus": os.cpu_count(),
        "queries": len(measured),
        "terms_a_query": measured.nnz / len(measured),
        "k": K,
    }


# -- documents ------------------------------------------------------------------------------------------------------


def made_documents(maker: VectorMaker, documents: int, folder: Path, arguments: argparse.Namespace) -> Path:
    """The file of so many made documents; reused if made with the same options."""
    sources = [
        (path.name, path.stat().st_size) for path in (arguments.like, arguments.queries_from) if path is not None
    ]
    recipe = repr((sources, arguments.relevant, arguments.terms, arguments.seed))
    path = folder / f"made-{documents}-{hashlib.sha256(recipe.encode()).hexdigest()[:8]}.parquet"
    if not path.exists():
        with progress_bar(f"making {documents:,} documents", documents) as progress:
            write_vectors(path, reporting(maker.documents(documents), progress))
    return path


def compared(arguments: argparse.Namespace, made: Path, queries: SparseVectors) -> dict[str, dict[str, float]]:
    """Statistics of the real documents, if any, then of the made ones."""
    note("statistics of the documents …")
    files = {"made": made} if arguments.like is None else {"real": arguments.like, "made": made}
    count = min(COMPARED_DOCUMENTS, *(pq.read_metadata(path).num_rows for path in files.values()))
    return {name: statistics(first_documents(path, count, queries.dim), queries) for name, path in files.items()}


# -- one size -------------------------------------------------------------------------------------------------------


def measure_size(
    path: Path, documents: int, measured: SparseVectors, folder: Path, arguments: argparse.Namespace, growth: Growth
) -> SizeResult:
    """Build and search every index of this many documents."""
    with progress_bar(f"exact answers among {documents:,}", documents) as progress:
        truth = exact_top(iter_vectors(path, dim=measured.dim), measured, K, progress)
    rows = np.arange(len(measured))
    queries = Queries(measured, (rows[::2], rows[1::2]), truth.top_scores)
    answers = truth.at(K)
    size = SizeResult(documents)
    contenders = []
    own = folder / str(documents)
    shutil.rmtree(own, ignore_errors=True)
    try:
        for engine in engines(arguments.peer, size):
            # Our default index; all indexes of a peer.
            builds: list[dict[str, Any]] = [{}] if isinstance(engine, LsrEngine) else engine.builds(Effort.quick)
            for settings in builds:
                try:
                    built = build(engine, settings, path, own, arguments, size, growth)
                    contenders.append(Contender(engine, settings, built))
                except LeftOut as reason:
                    size.remark(f"{engine.name} ({in_words(settings)}) left out: {reason}")
        for number in range(arguments.rounds):
            with progress_bar(f"round {number + 1} of {arguments.rounds}", None, "configurations") as progress:
                for contender in contenders:
                    index = contender.engine.open(contender.built, queries)
                    if contender.samples is None:
                        # Our exhaustive mode takes a second per query, the others milliseconds.
                        tried = [c for c in index.configurations(K, Effort.quick) if c.mode != "exhaustive"]
                        contender.samples = [(each, Sample.of(len(measured))) for each in tried]
                    threads = (1,) if contender.engine.mean_from_batch else ()
                    for configuration, sample in contender.samples:
                        if not sample.slow:
                            measure_round(index, queries, K, configuration, sample, answers, threads)
                        progress(1)
                    del index
        size.rows = [row for contender in contenders for row in rows_of(contender, queries)]
    finally:
        if not arguments.keep:
            shutil.rmtree(own, ignore_errors=True)
    return size


def engines(peers: list[str], size: SizeResult) -> list[Engine]:
    """Our engine, and the peers that are installed."""
    found: list[Engine] = [LsrEngine()]
    for name in peers:
        try:
            found.append(peer(name))
        except LeftOut as reason:
            size.remark(f"{name} left out: {reason}")
    return found


def build(
    engine: Engine,
    settings: dict[str, Any],
    path: Path,
    folder: Path,
    arguments: argparse.Namespace,
    size: SizeResult,
    growth: Growth,
) -> BuiltIndex:
    """Build an index and record what it took. Raises LeftOut if memory will not suffice, or did not."""
    if not isinstance(engine, LsrEngine):
        expected = expected_peak(engine, settings, size.documents, arguments.terms, growth)
        if expected > arguments.memory * GIB:
            raise LeftOut(f"its build would take about {expected / GIB:.0f} GiB, more than {arguments.memory:g}")
    note(f"building {engine.name} {in_words(settings)} …")
    target = folder / f"{len(size.builds)}-{engine.name}"
    built, peak = build_apart(engine.name, settings, path, target, arguments.build_threads, arguments.memory * GIB)
    parts = (
        Index.open(target / "index").describe()["bytes"] if isinstance(engine, LsrEngine) else {"total": built.bytes}
    )
    cost = {"seconds": built.seconds, "peak_bytes": peak, "bytes": parts}
    size.builds.append({"engine": engine.name, "settings": settings, **cost})
    return built


def expected_peak(engine: Engine, settings: dict[str, Any], documents: int, terms: float, growth: Growth) -> float:
    """Estimated peak bytes of a peer's build: in proportion to the last size, or at first a rough guess."""
    for size in reversed(growth.sizes):
        for found in size.builds:
            if (found["engine"], found["settings"]) == (engine.name, settings):
                return float(found["peak_bytes"] / size.documents * documents)
    return documents * terms * PEER_BYTES_A_POSTING


def rows_of(contender: Contender, queries: Queries) -> list[Row]:
    """A row for each configuration."""

    def summary(sample: Sample, *which: int) -> Summary:
        return summarise(sample, queries.parts, which, mean_from_batch=contender.engine.mean_from_batch)

    return [
        Row(
            engine=contender.engine.name,
            mode=configuration.mode,
            index_settings=contender.settings,
            search_parameters=configuration.parameters,
            k=K,
            overall=summary(sample, 0, 1),
            halves=(summary(sample, 0), summary(sample, 1)),
            index_bytes=contender.built.bytes,
            build_s=contender.built.seconds,
        )
        for configuration, sample in contender.samples or []
    ]


if __name__ == "__main__":
    sys.exit(main("scale", __doc__, options, run))
