"""The time of a search that is filtered by fields, and of making the bitmap of the rows that its filter allows.

    python benchmarks/field_filters.py DOCS.parquet QUERIES.parquet [--queries N] [--k 10] [--rounds 3]
        [--peer qdrant] [--peer bm25s] [--work DIR] [--output DIR]

Every document gets a number of a permutation of a fixed seed, and from it a `kind` (a keyword), and whether it is
`even`; so filters on a keyword, on a range and on both allow one document in 2, 10, 100, 1,000 and 100,000. "made" is
the time of the bitmap from the columns, "kept" that of asking for it again, and the times of searches are those of
exact search on one thread, with the bitmap at hand, beside those without a filter; a query's time is its best. For the
first queries the hits are compared with those of exhaustive search of a mask that is made by hand: a difference ends
the run. Each `--peer` gets the same vectors and fields, searches with the same filters (bm25s: with the mask), and is
measured alike; what share of the true hits it finds is said, too. The tables go to stdout, and with every number to
field_filters.md and field_filters.json in the output folder. Nothing else should run at the same time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from peers.filtered import PEERS, FilteredPeer, opened
from script import Report, main

from lsr.cli.console import note, progress_bar
from lsr.core.documents import Document
from lsr.core.errors import LsrError
from lsr.eval.bench.vectors import BenchVectors, open_vectors
from lsr.eval.reports.markdown import markdown_table
from lsr.index import Index, IndexBuilder
from lsr.index.filters.cache import BitmapCache
from lsr.index.filters.compile import allowed_bitmap
from lsr.index.filters.records import read_filter
from lsr.vectors.sparse import SparseVectors

# One document in this many is allowed.
SHARES = (2, 10, 100, 1_000, 100_000)
COMPARED_QUERIES = 5
SEED = 0


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("documents", type=Path, metavar="DOCS.parquet")
    parser.add_argument("queries", type=Path, metavar="QUERIES.parquet")
    parser.add_argument("--queries", type=int, dest="limit", default=300, metavar="N", help="use the first N (300)")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", action="append", default=[], choices=PEERS, help="another engine beside; several")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Build an index, and measure each filter."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        vectors = open_vectors(arguments.documents, arguments.queries, Path(folder), limit=arguments.limit)
        index, numbers = build(Path(folder) / "index", vectors)
        found = []
        for kind, share, text, mask, _ in [("none", 1, None, None, None), *filters(numbers)]:
            found.append(measure(index, vectors.queries, kind, share, text, mask, arguments))
        beside = []
        for name in arguments.peer:
            note(f"{name} …")
            peer = opened(name, Path(folder), documents_of(vectors), vectors.dim)
            beside += list(measured_beside(peer, index, vectors, arguments))
        size = index.describe()["bytes"]["fields"]
    about = {"documents": len(index), "queries": len(vectors.queries), "k": arguments.k, "rounds": arguments.rounds}
    yield Report(
        f"# Filters by fields\n\n{table(found, about)}\n\n{table_of_peers(found, beside)}",
        {**about, "bytes": size, "filters": found, "peers": beside},
    )


def build(path: Path, vectors: BenchVectors) -> tuple[Index, npt.NDArray[np.int64]]:
    """Build an index with the default settings, of documents with fields; also the number of each row's document."""
    note("building …")
    with IndexBuilder(path, dim=vectors.dim) as builder:
        for batch, fields in documents_of(vectors):
            builder.add(batch, [Document(id, "", fields=each) for id, each in zip(batch.ids, fields, strict=True)])
        index = builder.finish()
    index.sparse.warm_up()
    # Rows may be in another order than documents came.
    pieces = index.documents.fields.segments[0].column("number") or []
    return index, np.concatenate([piece.to_numpy() for piece in pieces])


def numbers_of(vectors: BenchVectors) -> npt.NDArray[np.int64]:
    """The number of each document, as they come."""
    return np.random.default_rng(SEED).permutation(vectors.count)


def documents_of(vectors: BenchVectors) -> Iterator[tuple[SparseVectors, list[dict[str, Any]]]]:
    """Vectors, with the fields of their documents."""
    numbers, first = numbers_of(vectors), 0
    for batch in vectors.batches():
        own = numbers[first : first + len(batch)].tolist()
        yield batch, [fields_of(number, len(numbers)) for number in own]
        first += len(batch)


def fields_of(number: int, documents: int) -> dict[str, Any]:
    """The fields of the document with this number, of 0 … documents - 1."""
    kind = next((f"one in {share}" for share in reversed(SHARES) if number < most(documents, share)), "other")
    return {"number": number, "kind": kind, "even": number % 2 == 0}


def most(documents: int, share: int) -> int:
    """How many are one in `share`, at least one."""
    return max(documents // share, 1)


def filters(numbers: npt.NDArray[np.int64]) -> Iterator[tuple[str, int, str, npt.NDArray[np.bool_], Any]]:
    """What each filter is of, one document in how many it allows, its text, the same made by hand, and its value."""
    for share in SHARES:
        count = most(len(numbers), share)
        kinds = [f"one in {each}" for each in SHARES if each >= share]
        listed = ", ".join(f'"{kind}"' for kind in kinds)
        yield "keyword", share, f"kind in ({listed})", numbers < count, kinds
        yield "range", share, f"number < {count}", numbers < count, count
        both = (numbers < 2 * count) & (numbers % 2 == 0)
        yield "combined", share, f"0 <= number < {2 * count} and even and not kind = 'none'", both, 2 * count


def measure(
    index: Index,
    queries: SparseVectors,
    kind: str,
    share: int,
    text: str | None,
    mask: npt.NDArray[np.bool_] | None,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Measure the bitmap of one filter, and exact search with it."""
    fields = index.documents.fields
    (segment,) = fields.segments
    made = kept = 0.0
    allow = None
    if text is not None:
        tree = read_filter(text)
        assert tree is not None
        made = best(lambda: allowed_bitmap(tree, fields.schema, segment, BitmapCache().owned()), arguments.rounds)
        allow = fields.allowed(text)
        kept = best(lambda: fields.allowed(text), arguments.rounds)
    seconds = np.full(len(queries), np.inf)
    with progress_bar(f"{kind}, one in {share:,}", len(queries), "queries") as progress:
        for q, (_, terms, weights) in enumerate(queries):
            for _ in range(arguments.rounds):
                started = perf_counter()
                hits = index.search(terms, weights, arguments.k, mode="exact", allow=allow)
                seconds[q] = min(seconds[q], perf_counter() - started)
            if q < COMPARED_QUERIES:
                oracle = index.search(terms, weights, arguments.k, mode="exhaustive", allow=mask)
                if hits.rows.tolist() != oracle.rows.tolist() or hits.scores.tolist() != oracle.scores.tolist():
                    raise LsrError(f"query {q} with {text}: exact and exhaustive search differ")
            progress(1)
    microseconds = seconds * 1e6
    return {
        "filter": kind,
        "one_in": share,
        "made_us": made * 1e6,
        "kept_us": kept * 1e6,
        "mean_us": float(microseconds.mean()),
        "p50_us": float(np.median(microseconds)),
        "p99_us": float(np.percentile(microseconds, 99)),
    }


def measured_beside(
    peer: FilteredPeer, index: Index, vectors: BenchVectors, arguments: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Times of another engine's searches with each filter, and the share of the true hits that it finds."""
    queries, numbers = vectors.queries, numbers_of(vectors)
    ids = [id for batch in vectors.batches() for id in batch.ids]
    for kind, share, text, mask, value in [("none", 1, None, None, None), *filters(numbers)]:
        filter = None if text is None else (kind, value)
        allow = None if text is None else index.documents.fields.allowed(text)
        seconds, right, wanted = np.full(len(queries), np.inf), 0, 0
        for q, (_, terms, weights) in enumerate(queries):
            asked = peer.asking(terms, weights, arguments.k, filter, mask)
            for _ in range(arguments.rounds):
                started = perf_counter()
                answer = peer.search(asked)
                seconds[q] = min(seconds[q], perf_counter() - started)
            true = set(index.search(terms, weights, arguments.k, mode="exact", allow=allow).ids)
            right += len(true & {ids[number] for number in peer.numbers(answer)})
            wanted += len(true)
        yield {
            "engine": peer.title,
            "filter": kind,
            "one_in": share,
            "mean_us": float(seconds.mean() * 1e6),
            "found": right / max(wanted, 1),
        }


def table_of_peers(found: list[dict[str, Any]], beside: list[dict[str, Any]]) -> str:
    """Mean times of a search by filter, ours and others', and what share of the true hits these find."""
    titles = list(dict.fromkeys(each["engine"] for each in beside))
    if not titles:
        return ""
    theirs = {(each["engine"], each["filter"], each["one_in"]): each for each in beside}
    lines = []
    for own in found:
        cells = [theirs[title, own["filter"], own["one_in"]] for title in titles]
        told = [f"{each['mean_us']:,.0f} ({each['found']:.3f})" for each in cells]
        lines.append([own["filter"], f"{own['one_in']:,}", f"{own['mean_us']:,.0f}", *told])
    return "Mean µs of a search, and the share of the true hits found.\n\n" + markdown_table(
        ["filter on", "one document in", "lsr", *titles], lines
    )


def best(call: Callable[[], object], rounds: int) -> float:
    """The shortest of so many times."""
    seconds = []
    for _ in range(max(rounds, 3)):
        started = perf_counter()
        call()
        seconds.append(perf_counter() - started)
    return min(seconds)


def table(found: list[dict[str, Any]], about: dict[str, Any]) -> str:
    """The result as a Markdown table."""
    names = ("made_us", "kept_us", "mean_us", "p50_us", "p99_us")
    lines = [
        [each["filter"], f"{each['one_in']:,}", *(f"{each[name]:,.0f}" if each[name] else "–" for name in names)]
        for each in found
    ]
    head = ["filter on", "one document in", "bitmap made, µs", "kept", "search: mean µs", "p50", "p99"]
    return (
        f"Exact search of {about['documents']:,} documents for the best {about['k']} among those that a filter allows; "
        f"{about['queries']:,} queries, one thread.\n\n{markdown_table(head, lines)}"
    )


if __name__ == "__main__":
    sys.exit(main("field_filters", __doc__, options, run))
