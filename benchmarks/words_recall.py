"""What approximate search misses in an index with words, and without them: by its defaults, and tuned for a recall.

    python benchmarks/words_recall.py INDEX QUERIES [INDEX QUERIES]... [--recall 0.95 --recall 0.98] [--rounds 5]
        [--work DIR] [--output DIR]

Each INDEX was made by `lsr index`, with words; QUERIES are texts. The index without words is made of its vectors' other
terms, with the same documents. One query a call on one thread, top 10; a query's time is the least of the rounds.
Recall is against exact search of the same index. Nothing else should run meanwhile; recalls do not depend on it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from script import Report, main
from words_beside import options as indexes
from words_beside import pairs_of, without_words

from lsr.eval.bench.rows import in_words
from lsr.eval.reports.markdown import markdown_table
from lsr.eval.tuning.recall import tune
from lsr.index import Index
from lsr.index.build.export import side_of
from lsr.search.retriever import Retriever
from lsr.text import open_queries
from lsr.vectors.sparse import SparseVectors

_K = 10
_RECALLS = (0.95, 0.98)
_CUTS = (0.12, 0.1, 0.08, 0.06)


def options(parser: argparse.ArgumentParser) -> None:
    indexes(parser)
    parser.add_argument("--recall", type=float, action="append", help=f"to tune for; default: {_RECALLS}")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Measure each index."""
    found = []
    for number, (path, queries) in enumerate(pairs_of(arguments)):
        both = Index.open(path)
        alone = without_words(both, work / f"model-{number}")
        texts = [query.text for query in open_queries(str(queries)) if query.text.strip()][: arguments.most_queries]
        vectors = Retriever(both).sparse_queries(texts)
        model = side_of(vectors, both.parts["words"].first, model=True)
        for side, index, asked in (("model alone", alone, model), ("with words", both, vectors)):
            about = {"index": path.name, "side": side, "documents": len(index.documents), "queries": len(texts)}
            found += [{**about, **row} for row in measure(index, asked, arguments)]
            yield Report(f"# Approximate search with words\n\n{markdown(found)}", found)


def measure(index: Index, queries: SparseVectors, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Exact search, approximate search by its defaults and with other cuts, and what tuning finds."""
    index.sparse.warm_up()
    truth = [set(hits.rows.tolist()) for hits in index.search_batch(queries, _K, mode="exact")]
    ways: dict[str, Mapping[str, Any]] = {"exact": {"mode": "exact"}, "approximate": {"mode": "approximate"}}
    ways |= {f"cut {cut:g}": {"mode": "approximate", "cut": cut} for cut in _CUTS}
    for choice in tune(index, queries, arguments.recall or _RECALLS, _K).choices:
        tuning = choice.tuning
        ways[f"tuned for {tuning.recall:g}"] = {"mode": tuning.mode, **tuning.parameters}
    times = np.full((len(ways), len(queries)), np.inf)
    for _ in range(arguments.rounds):
        for way, parameters in enumerate(ways.values()):
            for number in range(len(queries)):
                terms, weights = queries.row(number)
                start = perf_counter()
                index.search(terms, weights, _K, **parameters)
                times[way, number] = min(times[way, number], perf_counter() - start)
    for (name, parameters), seconds in zip(ways.items(), times, strict=True):
        hits = index.search_batch(queries, _K, **parameters)
        pairs = [(right, set(each.rows.tolist())) for right, each in zip(truth, hits, strict=True) if right]
        shares = [len(right & rows) / len(right) for right, rows in pairs]
        yield {
            "way": name,
            "parameters": dict(parameters),
            "recall": float(np.mean(shares)),
            "mean_us": float(seconds.mean() * 1e6),
            "documents_scored": float(np.mean([each.stats.documents_scored for each in hits])),
        }


def markdown(found: list[dict[str, Any]]) -> str:
    """A line for each way to search each index."""
    rows = [
        [
            each["index"],
            each["side"],
            each["way"],
            in_words({name: value for name, value in each["parameters"].items() if name != "mode"}),
            f"{each['recall']:.4f}",
            f"{each['mean_us']:.1f}",
            f"{each['documents_scored']:.0f}",
        ]
        for each in found
    ]
    head = ["index", "side", "search", "parameters", f"recall@{_K}", "µs", "documents scored"]
    return markdown_table(head, rows)


if __name__ == "__main__":
    sys.exit(main("words_recall", __doc__, options, run))
