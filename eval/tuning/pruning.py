"""The costs and savings of static pruning: nDCG@10, size and latency of an index at many strengths of each rule."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.executor import executor
from lsr.core.progress import Stages, silent
from lsr.eval.collections import TestCollection
from lsr.eval.measures.latency import Latency, time_each
from lsr.eval.measures.metrics import score_run
from lsr.eval.runs import Ranking
from lsr.eval.suites.prepare import check_corpus
from lsr.index import prune_index
from lsr.index.build.export import iter_vectors
from lsr.index.fusion.grouping import search_documents
from lsr.index.fusion.query import HybridQuery
from lsr.index.parts.registry import written_parts
from lsr.search.flat import plan_of
from lsr.vectors.pruning import RULES, Rule
from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.index import Index
    from lsr.search.retriever import Retriever

METRIC = "ndcg@10"
_K = 10

# Strengths of each rule, the gentlest first. A threshold is equivalent to a quantile.
_STRENGTHS: dict[str, tuple[float, ...]] = {
    "top_k": (512, 384, 320, 256, 224, 192, 160, 128, 112, 96, 80, 64, 56, 48, 40, 32, 24, 16, 12, 8),
    "mass": (0.99, 0.98, 0.96, 0.94, 0.92, 0.9, 0.88, 0.86, 0.84, 0.8, 0.75, 0.7, 0.6, 0.5),
    "max_ratio": (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5),
    "quantile": (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9),
}
CURVES = tuple(_STRENGTHS)
"""The rules that have a curve."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The measurements of one index.

    Attributes:
        rule: the pruning rule; None for the original index.
        value: the rule's parameter.
        weight: the threshold that a quantile gave.
        postings: (term, weight) pairs of all documents.
        share: of the postings of the original index.
        bytes: of the whole index on disk, texts included.
        vector_bytes: of its parts that hold weights (forward index, summaries, blocks), which pruning makes smaller.
        ndcg: nDCG@10 of exact search, the mean over the judged queries.
        latency: of exact search for 10 documents, each query's best of several rounds, one after another on one thread.
    """

    rule: str | None
    value: float | None
    weight: float | None
    postings: int
    share: float
    bytes: int
    vector_bytes: int
    ndcg: float
    latency: Latency

    def to_record(self) -> dict[str, Any]:
        """JSON values, with the attributes as keys."""
        return asdict(self)


def strengths(index: Index, names: Sequence[str] = CURVES) -> list[Rule]:
    """The rules of these names, from gentle to strong, without those of `top_k` too gentle to drop a term.

    InputError for a name without a curve.
    """
    for name in names:
        if name not in _STRENGTHS:
            raise InputError(
                f"there are curves of {', '.join(CURVES)}, not of {name!r} (a threshold is equivalent to a quantile, "
                "and listed there)"
            )
    longest = max(int(np.diff(vectors.indptr).max()) for vectors in iter_vectors(index))
    return [
        RULES[name](value)  # type: ignore[call-arg]
        for name in dict.fromkeys(names)
        for value in _STRENGTHS[name]
        if name != "top_k" or value < longest
    ]


def measure_curve(
    retriever: Retriever,
    collection: TestCollection,
    rules: Sequence[Rule],
    *,
    threads: int | None = None,
    rounds: int = 3,
    stages: Stages = silent,
) -> list[CurvePoint]:
    """Measure the original index and one pruned by each rule, which is really built, in the temporary folder.

    Queries are encoded once, as the retriever does. `threads` are used for builds and searches (default: as many as
    there are CPUs), but not for latency.

    Raises InputError if the index is not of the collection's documents, or no judged query has a text;
    MissingDependencyError without the `eval` extra.
    """
    index, queries = retriever.index, collection.asked()
    with stages("comparing corpus and index", len(index), "documents") as progress:
        check_corpus(index, collection.documents(), index.path, progress)
    with stages("encoding", len(queries), "queries") as progress:
        vectors = retriever.sparse_queries([query.text for query in queries], [query.id for query in queries])
        progress(len(queries))

    def measured(pruned: Index, rule: Rule | None = None) -> CurvePoint:
        with executor(threads) as workers:
            hits = workers.map(lambda row: _search(pruned, vectors, row), range(len(vectors)))
            run = {id: Ranking(*found) for id, found in zip(vectors.ids, hits, strict=True)}
        parts, postings = pruned.describe()["bytes"], pruned.manifest.postings
        return CurvePoint(
            rule=None if rule is None else rule.name,
            value=None if rule is None else rule.value,
            weight=None if rule is None else pruned.manifest.prunings[-1]["weight"],
            postings=postings,
            share=postings / max(index.manifest.postings, 1),
            bytes=parts["total"],
            vector_bytes=sum(parts.get(part.name, 0) for part in written_parts() if part.holds_weights),
            ndcg=score_run(run, collection.qrels, [METRIC]).means()[METRIC],
            latency=_latency(pruned, vectors, rounds),
        )

    with (
        stages("pruning", len(rules) + 1, "indexes") as progress,
        tempfile.TemporaryDirectory(prefix="lsr-prune-") as folder,
    ):
        index.sparse.warm_up()
        points = [measured(index)]
        progress(1)
        for number, rule in enumerate(rules):
            path = Path(folder) / str(number)
            points.append(measured(prune_index(index, path, rule, threads=threads), rule))
            shutil.rmtree(path)
            progress(1)
    return points


def furthest(points: Iterable[CurvePoint], loss: float, *, gentler_too: bool = True) -> dict[str, CurvePoint | None]:
    """For each rule, the smallest index within a relative loss of nDCG@10; None if there is none.

    The loss is relative to the original index, which must be among the points.

    With `gentler_too`, no gentler strength of the rule may lose more: on few queries nDCG@10 goes up and down.
    """
    points = list(points)
    least = (1 - loss) * next(point.ndcg for point in points if point.rule is None)
    found: dict[str, CurvePoint | None] = {point.rule: None for point in points if point.rule is not None}
    lost = set()
    for point in sorted(points, key=lambda point: -point.postings):
        if point.rule is not None and point.rule not in lost:
            if point.ndcg >= least:
                found[point.rule] = point
            elif gentler_too:
                lost.add(point.rule)
    return found


def _search(index: Index, queries: SparseVectors, row: int) -> tuple[list[str], npt.NDArray[np.float32]]:
    """The ids and scores of the best documents: where rows are windows, each document once."""
    terms, weights = queries.row(row)
    if index.documents.windows is None:
        hits = index.search(terms, weights, _K, mode="exact")
        return hits.ids, hits.scores
    found = search_documents(index, HybridQuery((terms, weights)), _K, plan_of("exact"))
    return index.documents.ids(found.rows), found.scores.astype(np.float32)


def _latency(index: Index, queries: SparseVectors, rounds: int) -> Latency:
    rows: list[int] = list(range(len(queries)))

    def once(row: int) -> tuple[float]:
        start = perf_counter()
        _search(index, queries, row)
        return (perf_counter() - start,)

    times = [[seconds for (seconds,) in time_each(rows, once)] for _ in range(rounds)]
    return Latency.of(np.min(times, axis=0).tolist())
