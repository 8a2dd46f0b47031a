"""Writing to a collection, and searching it meanwhile: adds, segments, deletions, space, opening again.

    python benchmarks/live.py DOCS.parquet QUERIES.parquet [--documents N] [--queries N] [--seconds S]
        [--work DIR] [--output DIR]

Vectors are encoded already, so that what is measured is the log, memory, segments and searches. Exact search, k = 10,
one thread; a query's time is the best of three. Of the ten best, the share that approximate search finds is counted.
Nothing else should run at the same time.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any

import numpy as np
from script import Report, main

from lsr.cli.console import note
from lsr.core.documents import Document
from lsr.eval.reports.markdown import markdown_table
from lsr.index import Index
from lsr.index.collection.create import create_collection
from lsr.index.collection.policy import LivePolicy
from lsr.index.collection.writer import CollectionWriter
from lsr.index.live.writes import Delete, Put
from lsr.vectors.files import iter_vectors, read_vectors
from lsr.vectors.sparse import SparseVectors

# No segment is made or merged but where that is asked for.
_BY_HAND = LivePolicy(memory_documents=10**9, memory_bytes=10**12, together=10**6, most_deleted=1.0)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("documents_file", type=Path, metavar="DOCS.parquet")
    parser.add_argument("queries_file", type=Path, metavar="QUERIES.parquet")
    parser.add_argument("--documents", type=int, default=100_000, metavar="N", help="use the first N (100,000)")
    parser.add_argument("--queries", type=int, default=500, metavar="N")
    parser.add_argument("--seconds", type=float, default=20.0, help="of writing beside searches (20)")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Measure one thing after another, on the same documents."""
    puts = list(islice(_puts(arguments.documents_file), arguments.documents))
    queries = read_vectors(arguments.queries_file)[: arguments.queries]
    # Hundreds of thousands of objects that only this script holds: the collector would look at all of them, now and
    # then, in the middle of a search.
    gc.collect()
    gc.freeze()
    heaviest = max(float(put.weights.max(initial=0)) for put in puts)
    dim = max(queries.dim, 1 + max(int(put.terms[-1]) for put in puts if len(put.terms)))
    with tempfile.TemporaryDirectory(dir=work) as folder:
        root = Path(folder)

        def collection(name: str, policy: LivePolicy = _BY_HAND) -> CollectionWriter:
            create_collection(root / name, terms=dim, weight_scale=heaviest / 255)
            return CollectionWriter(root / name, policy=policy)

        found: dict[str, Any] = {"documents": len(puts), "queries": len(queries), "terms": dim}
        found["fsync_ms"] = _fsync(root)
        note("adding in batches of 1,000")
        with collection("batches") as writer:
            some = puts[: min(len(puts), 20_000)]
            started = perf_counter()
            for first in range(0, len(some), 1000):
                writer.apply(some[first : first + 1000])
            found["adds_a_second"] = len(some) / (perf_counter() - started)
        started = perf_counter()
        Index.open(root / "batches")
        found["open_with_log_s"], found["in_log"] = perf_counter() - started, len(some)
        note("single adds of 8 threads")
        with collection("single") as writer:
            found["acknowledged_a_second"] = _acknowledged(writer, puts[:4000])
        note("one segment")
        with collection("one") as writer:
            writer.apply(puts, wait=False)
            writer.flush()
            one = writer.snapshot()
            found["one_us"], expected = _timed(one, queries)
            found["bytes_one"] = one.describe()["bytes"]["total"]
        note("ten segments")
        with collection("ten") as writer:
            share = -(-len(puts) // 10)
            for first in range(0, len(puts), share):
                writer.apply(puts[first : first + share], wait=False)
                writer.flush()
            found["approximate_in_one"], found["approximate_in_ten"] = (
                _found_approximately(index, queries, expected) for index in (one, writer.snapshot())
            )
            found["ten_us"], answers = _timed(writer.snapshot(), queries)
            _check(expected, answers)
            writer.compact()
            found["merged_us"], answers = _timed(writer.snapshot(), queries)
            _check(expected, answers)
            found["bytes_merged"] = writer.snapshot().describe()["bytes"]["total"]
            random = np.random.default_rng(0)
            gone = random.choice(len(puts), len(puts) // 5, replace=False)
            writer.apply([Delete(puts[each].id) for each in gone.tolist()], wait=False)
            found["deleted_us"], _ = _timed(writer.snapshot(), queries)
        note("searches beside 500 documents a second")
        with collection("beside", LivePolicy(memory_documents=5000)) as writer:
            half = len(puts) // 2
            writer.apply(puts[:half], wait=False)
            writer.flush()
            writer.wait()
            found["p99_us"] = _beside(writer, queries, [], arguments.seconds)
            found["p99_while_writing_us"] = _beside(writer, queries, puts[half:], arguments.seconds)
        shutil.rmtree(root, ignore_errors=True)
    ratios = {
        "ten_segments": found["ten_us"] / found["one_us"],
        "a_fifth_deleted": found["deleted_us"] / found["merged_us"],
        "p99_while_writing": found["p99_while_writing_us"] / found["p99_us"],
        "space_after_merges": found["bytes_merged"] / found["bytes_one"],
    }
    rows = [[name, f"{value:,.3g}"] for name, value in {**found, **ratios}.items()]
    title = "# Writing to a collection\n\n"
    yield Report(title + markdown_table(["", "value"], rows) + "\n", {**found, "ratios": ratios})


def _puts(path: Path) -> Iterator[Put]:
    for batch in iter_vectors(path):
        for number, id in enumerate(batch.ids):
            terms, weights = batch.row(number)
            yield Put(Document(str(id), ""), terms.astype(np.uint32), weights.astype(np.float32))


def _fsync(folder: Path) -> float:
    """The median time of an fsync after 4 KiB, in milliseconds."""
    path, taken = folder / "fsync", []
    with path.open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            started = perf_counter()
            os.fsync(file.fileno())
            taken.append((perf_counter() - started) * 1e3)
    return float(np.median(taken))


def _acknowledged(writer: CollectionWriter, puts: list[Put]) -> float:
    """Single adds a second, each waited for, of eight threads."""

    def add(number: int) -> None:
        for put in puts[number::8]:
            writer.apply([put])

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    started = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(puts) / (perf_counter() - started)


def _timed(index: Index, queries: SparseVectors) -> tuple[float, list[Any]]:
    """Mean microseconds of a query, the best of three of each, and the answers."""
    index.sparse.warm_up()
    asked = [queries.row(number) for number in range(len(queries))]
    best, answers = np.full(len(asked), np.inf), []
    for _ in range(3):
        answers = []
        for number, query in enumerate(asked):
            started = perf_counter()
            hits = index.search(*query, k=10, mode="exact")
            best[number] = min(best[number], perf_counter() - started)
            answers.append((hits.ids, hits.scores.tolist()))
    return float(best.mean() * 1e6), answers


def _found_approximately(index: Index, queries: SparseVectors, expected: list[Any]) -> float:
    """The share of the ten best that approximate search finds, as it is set by default."""
    right = 0
    for number, (best, _) in enumerate(expected):
        right += len(set(best) & set(index.search(*queries.row(number), k=10, mode="approximate").ids))
    return right / sum(len(best) for best, _ in expected)


def _check(expected: list[Any], found: list[Any]) -> None:
    if expected != found:
        raise AssertionError("the same documents in other segments are answered otherwise")


def _beside(writer: CollectionWriter, queries: SparseVectors, puts: list[Put], seconds: float) -> float:
    """The 99th percentile of searches, in microseconds, while documents are written at 500 a second."""
    done = threading.Event()

    def write() -> None:
        started = monotonic()
        for number, first in enumerate(range(0, len(puts), 25)):
            if done.is_set():
                return
            writer.apply(puts[first : first + 25])
            sleep(max(0.0, started + (number + 1) * 0.05 - monotonic()))

    thread = threading.Thread(target=write)
    asked = [queries.row(number) for number in range(len(queries))]
    search: Callable[..., Any] = lambda query: writer.snapshot().search(*query, k=10, mode="exact")  # noqa: E731
    for query in asked[:20]:
        search(query)
    thread.start()
    taken, end = [], monotonic() + seconds
    while monotonic() < end:
        for query in asked:
            started = perf_counter()
            search(query)
            taken.append(perf_counter() - started)
            sleep(0.001)
    done.set()
    thread.join()
    return float(np.quantile(taken, 0.99) * 1e6)


if __name__ == "__main__":
    sys.exit(main("live", __doc__, options, run))
