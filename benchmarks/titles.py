"""What it brings to count titles more than texts: nDCG@10 by weight, and a sum in the index beside a factor at search.

    python benchmarks/titles.py FOLDER... [--model NAME] [--weight W...] [--work DIR] [--output DIR]

FOLDERs are collections in BEIR form whose documents have titles. Each is indexed once for each weight: by its words
alone, by the model alone, and by both, as `lsr index --title-weight` does. Then, for the model alone and the smallest
weight, the same sums are had by a factor at query time: titles are terms of their own, and queries ask for both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import scipy.sparse
from script import Report, main

from lsr.build.corpus import index_corpus
from lsr.cli.console import note
from lsr.encoding.lexical.alone import WordsAlone
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.encoding.titles import encode_titled
from lsr.eval.collections import TestCollection, load_collection
from lsr.eval.reports.markdown import markdown_table
from lsr.eval.suites.evaluate import evaluate
from lsr.eval.systems.settings import EvaluationSettings
from lsr.index import Index, IndexBuilder
from lsr.search.flat import plan_of
from lsr.search.retriever import Retriever
from lsr.vectors.sparse import SparseVectors

METRIC = "ndcg@10"
WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0)
SYSTEMS = ("words", "model", "both")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--model", default="lsr-doc-tiny", metavar="NAME", help="(%(default)s)")
    parser.add_argument("--weight", type=float, nargs="+", default=WEIGHTS, metavar="W", help="%(default)s")


class EncodedOnce(SparseEncoder):
    """A sparse encoder that remembers what it made of texts."""

    made: dict[int, SparseVectors]

    def encode_documents(self, texts: Iterable[str], ids: Sequence[str] | None = None, **given: Any) -> SparseVectors:
        texts = list(texts)
        key = hash(tuple(texts))
        if key not in self.made:
            self.made[key] = super().encode_documents(texts, ids, **given)
        elif progress := given.get("progress"):
            progress(len(texts))
        return self.made[key]


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """One collection after another."""
    effects, costs = [], []
    for folder in arguments.folders:
        collection = load_collection(folder)
        encoder = SparseEncoder.load(arguments.model)
        encoder.__class__ = EncodedOnce
        encoder.made = {}  # type: ignore[attr-defined]
        for system in SYSTEMS:
            for weight in arguments.weight:
                note(f"{collection.name}, {system}, {weight}")
                index = indexed(collection, encoder, system, weight, work)
                effects.append({"collection": collection.name, "system": system, "weight": weight})
                effects[-1][METRIC] = ndcg(collection, index, encoder)
        costs += list(either_way(collection, encoder, min(filter(None, arguments.weight)), work))
        yield Report(markdown(effects, costs), {"effects": effects, "costs": costs})


def indexed(collection: TestCollection, encoder: SparseEncoder, system: str, weight: float, work: Path) -> Index:
    """The index of a collection."""
    words = system != "model"
    return index_corpus(
        collection.documents(),
        work / f"{collection.name}-{system}-{weight}",
        WordsAlone() if system == "words" else encoder,
        lexical=LexicalSettings() if words else None,
        title_weight=weight,
        force=True,
        restart=True,
    )


def ndcg(collection: TestCollection, index: Index, encoder: SparseEncoder) -> float:
    """By exact search."""
    retriever = Retriever(index)
    if index.encoder and index.encoder["model"] == encoder.name:
        retriever.encoder = encoder
    settings = EvaluationSettings(plan=plan_of("exact"), bm25=False, latency_queries=1, metrics=(METRIC,))
    return float(evaluate(collection, retriever, settings).report.metrics[METRIC])


def either_way(
    collection: TestCollection, encoder: SparseEncoder, weight: float, work: Path
) -> Iterator[dict[str, Any]]:
    """What a sum at index time and a factor at query time cost: bytes, and microseconds of a search."""
    documents = list(collection.documents())
    whole, titles = encode_titled(encoder, documents, 0.0), encode_titled(encoder, documents, weight)
    apart = scipy.sparse.hstack([whole.to_scipy(), (titles.to_scipy() - whole.to_scipy()) / weight])
    queries = encoder.encode_queries([query.text for query in collection.queries])
    twice = scipy.sparse.hstack([queries.to_scipy(), weight * queries.to_scipy()])
    ids = [document.id for document in documents]
    ways: dict[str, tuple[SparseVectors, SparseVectors]] = {
        "a sum in the index": (titles, queries),
        "a factor at query time": (SparseVectors.from_scipy(apart, ids), SparseVectors.from_scipy(twice)),
    }
    for way, (vectors, asked) in ways.items():
        with IndexBuilder(work / f"{collection.name}-{way}", dim=vectors.dim, force=True) as builder:
            builder.add(vectors)
            index = builder.finish()
        yield {
            "collection": collection.name,
            "way": way,
            "bytes": index.describe()["bytes"]["total"],
            "mean_us": timed(lambda query, index=index: index.search(*query, k=10, mode="exact"), asked),
        }


def timed(search: Callable[[Any], Any], queries: SparseVectors) -> float:
    """Mean microseconds of a search, the best of five of each query."""
    asked = [queries.row(number) for number in range(len(queries))]
    best = np.full(len(asked), np.inf)
    for _ in range(5):
        for number, query in enumerate(asked):
            started = perf_counter()
            search(query)
            best[number] = min(best[number], perf_counter() - started)
    return float(best.mean() * 1e6)


def markdown(effects: list[dict[str, Any]], costs: list[dict[str, Any]]) -> str:
    """nDCG@10 by weight, and the costs of the two ways."""
    weights = list(dict.fromkeys(each["weight"] for each in effects))
    names = list(dict.fromkeys(each["collection"] for each in effects))
    found = {(each["collection"], each["system"], each["weight"]): each[METRIC] for each in effects}
    rows = [
        [name, system, *(f"{found[name, system, weight]:.4f}" for weight in weights)]
        for system in SYSTEMS
        for name in names
        if (name, system, weights[-1]) in found
    ]
    spent = [
        [each["collection"], each["way"], f"{each['bytes'] / 1e6:.2f}", f"{each['mean_us']:.0f}"] for each in costs
    ]
    return "\n\n".join(
        [
            "# Titles that count more",
            markdown_table(["nDCG@10 by title weight", "of", *(f"{weight:g}" for weight in weights)], rows),
            markdown_table(["the same sums", "by", "MB", "µs a search"], spent),
        ]
    )


if __name__ == "__main__":
    sys.exit(main("titles", __doc__, options, run))
