"""What words beside a model's terms cost: size and latency of an index with them, beside the same without.

    python benchmarks/words_beside.py INDEX QUERIES [INDEX QUERIES]... [--rounds 5] [--output DIR]

Each INDEX was made by `lsr index`, with words; QUERIES are texts. The index without words is made of its vectors' other
terms, with the same documents. Searches are exact, one query a call on one thread, top 10; a query's time is the least
of the rounds, in which both take turns. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from script import Report, main

from lsr.eval.reports.markdown import markdown_table
from lsr.index import Index, IndexBuilder
from lsr.index.build.export import iter_vectors, side_of
from lsr.search.retriever import Retriever
from lsr.text import open_queries
from lsr.vectors.sparse import SparseVectors

_K = 10


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pairs", nargs="+", type=Path, metavar="INDEX QUERIES")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most-queries", type=int, default=300)


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Measure each index."""
    found = []
    for number, (path, queries) in enumerate(pairs_of(arguments)):
        found.append(measure(path, queries, work / f"model-{number}", arguments))
        yield Report(f"# Words beside a model's terms\n\n{markdown(found)}", found)


def pairs_of(arguments: argparse.Namespace) -> list[tuple[Path, Path]]:
    """Each index with its queries."""
    pairs = arguments.pairs
    if len(pairs) % 2:
        sys.exit("give QUERIES for each INDEX")
    return list(zip(pairs[::2], pairs[1::2], strict=True))


def measure(path: Path, queries: Path, alone: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Size and latency, with words and without."""
    both = Index.open(path)
    model = without_words(both, alone)
    texts = [query.text for query in open_queries(str(queries)) if query.text.strip()][: arguments.most_queries]
    retriever = Retriever(both)
    vectors = retriever.sparse_queries(texts)
    first = both.parts["words"].first
    times = np.full((2, len(texts)), np.inf)
    for index in (model, both):
        index.sparse.warm_up()
    sides = (model, side_of(vectors, first, model=True)), (both, vectors)
    for _ in range(arguments.rounds):
        for side, (index, asked) in enumerate(sides):
            for number in range(len(texts)):
                times[side, number] = min(times[side, number], seconds(index, asked, number))
    return {
        "index": path.name,
        "documents": len(both.documents),
        "queries": len(texts),
        "words": len(both.parts["words"]),
        "bytes": [written(index) for index in (model, both)],
        "terms": [index.manifest.postings / len(index) for index in (model, both)],
        "query_terms": [float(np.diff(asked.indptr).mean()) for _, asked in sides],
        "mean_us": (times.mean(axis=1) * 1e6).tolist(),
    }


def written(index: Index) -> int:
    """Bytes of all but the parts that were added later, such as dense vectors."""
    space = index.describe()["bytes"]
    return int(space["total"] - sum(space[name] for name in index.segments[0].record.parts))


def seconds(index: Index, queries: SparseVectors, number: int) -> float:
    """How long one search takes."""
    terms, weights = queries.row(number)
    start = perf_counter()
    index.search(terms, weights, _K, mode="exact")
    return perf_counter() - start


def without_words(both: Index, path: Path) -> Index:
    """The same documents with the model's terms alone."""
    if path.exists():
        return Index.open(path)
    words, windows, (segment,) = both.parts["words"], both.documents.windows, both.segments
    assert both.vocabulary is not None
    vocabulary = segment.part("vocabulary").read()
    with IndexBuilder(
        path,
        dim=words.first,
        vocabulary=vocabulary,
        settings=segment.record.settings,
        windows=None if windows is None else windows.settings,
    ) as builder:
        for vectors in iter_vectors(both):
            rows = len(builder), len(builder) + len(vectors)
            builder.add(side_of(vectors, words.first, model=True), segment.part("documents").documents(*rows))
        return builder.finish()


def markdown(found: list[dict[str, Any]]) -> str:
    """A line for each index: both numbers and their ratio."""
    rows = [
        [
            each["index"],
            f"{each['documents']:,}",
            f"{each['words']:,}",
            *(cell(each[name], digits) for name, digits in (("terms", 0), ("query_terms", 0))),
            f"{each['bytes'][0] / 1e6:.1f} → {each['bytes'][1] / 1e6:.1f}",
            f"{each['bytes'][1] / each['bytes'][0]:.2f}",
            cell(each["mean_us"], 1),
            f"{each['mean_us'][1] / each['mean_us'][0]:.2f}",
        ]
        for each in found
    ]
    head = [
        "index",
        "documents",
        "words",
        "terms a document",
        "terms a query",
        "MB",
        "ratio",
        "exact search, µs",
        "ratio",
    ]
    return f"{markdown_table(head, rows)}\n\nOf the model's terms alone, and with words."


def cell(values: list[float], digits: int) -> str:
    """Without words, and with them."""
    return " → ".join(f"{value:,.{digits}f}" for value in values)


if __name__ == "__main__":
    sys.exit(main("words_beside", __doc__, options, run))
