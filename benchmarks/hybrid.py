"""Sparse and dense search, fused, with feedback: nDCG@10 over BEIR folders.

    python benchmarks/hybrid.py FOLDER... [--model NAME] [--dense NAME] [--work DIR] [--output DIR]

Each FOLDER holds corpus.jsonl, queries.jsonl and qrels/test.tsv. Every row of the tables is one way to search the same
index; fusion completes scores and both sides are searched exactly. Indexes are kept in `--work` and reused. The tables
go to stdout and, with every number, to hybrid.md and hybrid.json in the output folder.

The loss of an approximate fusion is the share that it misses of the ten best documents of an exact one, as if all
documents had been scored.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from script import Report, main

from lsr.core.progress import silent
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.eval import Ranking, load_collection, open_or_index, score_run
from lsr.eval.reports.markdown import markdown_table
from lsr.eval.systems.bm25 import Bm25
from lsr.search.flat import plan_of
from lsr.search.retriever import EncodedQueries, RankedIds, Retriever

METRIC = "ndcg@10"
# Without a filter and with both sides exact, so that only the fusion is measured.
EXACT = {"sparse_mode": "exact", "dense_mode": "exact"}
FUSIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "sparse": ("exact", {}),
    "dense": ("dense", {"dense_mode": "exact"}),
    "rrf": ("hybrid", {"fusion": "rrf", **EXACT}),
    "min_max": ("hybrid", {"fusion": "min_max", **EXACT}),
    "z_score": ("hybrid", {"fusion": "z_score", **EXACT}),
    "none, 0.96 dense": ("hybrid", {"fusion": "none", "dense_weight": 0.96, **EXACT}),
    "tmm (default)": ("hybrid", EXACT),
    "tmm, 0.8 dense": ("hybrid", {"dense_weight": 0.8, **EXACT}),
    "tmm, scores not completed": ("hybrid", {"completion": "none", **EXACT}),
    "tmm, exact over all documents": ("hybrid", {"completion": "exact"}),
    "tmm, depth 1,000": ("hybrid", {"depth": 1000, **EXACT}),
    "sparse-first": ("sparse-first", {"sparse_mode": "exact"}),
    "sparse-first, depth 1,000": ("sparse-first", {"depth": 1000, "sparse_mode": "exact"}),
}
FEEDBACK = ("rocchio", "rm3")
ORACLE = "tmm, exact over all documents"


@dataclass
class Measured:
    """The result of one folder: nDCG@10 and the rankings, by row."""

    name: str
    values: dict[str, float] = field(default_factory=dict)
    rankings: dict[str, list[RankedIds]] = field(default_factory=dict)

    def missed(self, row: str) -> float:
        """The share of the exact fusion's ten best that a row misses."""
        pairs = zip(self.rankings[ORACLE], self.rankings[row], strict=True)
        return float(np.mean([1 - len(set(best.ids) & set(found.ids)) / len(best.ids) for best, found in pairs]))


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="%(default)s")
    parser.add_argument("--dense", default="minilm", help="%(default)s")
    parser.add_argument("--max-length", type=int, default=256)


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Measure every row on every folder, with indexes in `work`."""
    encoder = SparseEncoder.load(arguments.model, max_length=arguments.max_length)
    dense = DenseEncoder.load(arguments.dense, max_length=arguments.max_length)
    found = [measure(folder, encoder, dense, work) for folder in arguments.folders]
    models = f"{Path(encoder.name).name} with {Path(dense.name).name}, max_length {arguments.max_length}"
    report = f"""# Hybrid search

nDCG@10, exact search, {models}.

{fusion_table(found)}

Missed: the share of the ten best of an exact fusion over all documents that a row misses, mean of the collections.

## Feedback

3 documents are learned from, query weight 0.5. `before`: they come from the fused ranking, and the new query alone
ranks. `after`: they come from the side's own ranking, and what the new query finds is fused. `both`: fused twice.
`none`: one side alone.

{feedback_table(found)}
"""
    yield Report(report, [{"name": each.name, **each.values} for each in found])


def measure(folder: Path, encoder: SparseEncoder, dense: DenseEncoder, indexes: Path) -> Measured:
    """Measure every row on one folder."""
    collection = load_collection(folder)
    print(f"{collection.name} …", file=sys.stderr)
    path = indexes / f"{collection.name}-{Path(encoder.name).name}"
    retriever = open_or_index(collection, path, encoder, dense=dense)
    queries = collection.asked()
    measured = Measured(collection.name)

    def score(name: str, rankings: list[RankedIds]) -> None:
        run = {query.id: Ranking(found.ids, found.scores) for query, found in zip(queries, rankings, strict=True)}
        measured.values[name] = score_run(run, collection.qrels, [METRIC]).means()[METRIC]
        measured.rankings[name] = rankings

    bm25 = Bm25(collection.documents(), progress=lambda count: None)
    found = [bm25.search(query.text, 10) for query in queries]
    score("BM25", [RankedIds(ranking.ids, ranking.scores, None) for ranking in found])
    plan = plan_of("hybrid")
    with silent("encoding", None, "queries"):
        encoded = retriever.encode_queries([query.text for query in queries], plan)
    for name, (mode, parameters) in FUSIONS.items():
        score(name, rank(retriever, encoded, mode, parameters))
    for method in FEEDBACK:
        for vectors in ("sparse", "dense", "hybrid"):
            for interpolate in ("none", "before", "after", "both"):
                if vectors == "hybrid" and interpolate in ("none", "before"):
                    continue
                parameters = {"feedback": method, "feedback_query_weight": 0.5}
                mode = "hybrid"
                if interpolate == "none":
                    mode = "exact" if vectors == "sparse" else vectors
                else:
                    parameters |= {"feedback_vectors": vectors, "interpolate": interpolate, **EXACT}
                score(f"{method} {vectors} {interpolate}", rank(retriever, encoded, mode, parameters))
    return measured


def rank(retriever: Retriever, encoded: EncodedQueries, mode: str, parameters: dict[str, Any]) -> list[RankedIds]:
    return retriever.rank(encoded, 10, plan_of(mode, **parameters), threads=1)


def fusion_table(found: list[Measured]) -> str:
    rows = []
    for name in ("BM25", *FUSIONS):
        values = [each.values[name] for each in found]
        fuses = FUSIONS.get(name, ("", {}))[0] in ("hybrid", "sparse-first") and name.startswith(
            ("tmm", "sparse-first")
        )
        missed = f"{np.mean([each.missed(name) for each in found]):.1%}" if fuses else ""
        rows.append([name, *(f"{value:.3f}" for value in values), f"{np.mean(values):.4f}", missed])
    return markdown_table(["", *(each.name for each in found), "mean", "missed"], rows)


def feedback_table(found: list[Measured]) -> str:
    rows = []
    for name in found[0].values:
        if name.startswith(FEEDBACK):
            values = [each.values[name] for each in found]
            rows.append([*name.split(), *(f"{value:.3f}" for value in values), f"{np.mean(values):.4f}"])
    return markdown_table(["method", "query", "interpolated", *(each.name for each in found), "mean"], rows)


if __name__ == "__main__":
    sys.exit(main("hybrid", __doc__, options, run))
