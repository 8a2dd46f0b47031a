"""Evaluating a retriever, or a run, on a test collection next to BM25."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from lsr.core.documents import Query
from lsr.core.errors import InputError
from lsr.core.files import atomic_file, check_output
from lsr.core.progress import Stages, silent
from lsr.eval.collections import Collection
from lsr.eval.measures.latency import Latency, time_each
from lsr.eval.measures.metrics import DEFAULT_METRICS, Scores, metric_names, paired_t_test, score_run
from lsr.eval.measures.sparsity import Activation, flops
from lsr.eval.reports.report import Baseline, EvaluationReport
from lsr.eval.runs import Ranking, Run, write_run
from lsr.eval.systems.bm25 import Bm25
from lsr.search.flat import plan_of
from lsr.search.plan import SearchPlan
from lsr.search.stats import mean_stats
from lsr.text import count_documents
from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.index import Index, SearchStats
    from lsr.search.retriever import Retriever

_BATCH = 256


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """How to search and what to measure.

    Attributes:
        metrics: ranx's names, or nDCG@10, R@100, … for them.
        k: how deep each ranking goes; 1000 is TREC's and BEIR's habit.
        plan: how to search; exact search, which is the default, measures the model alone.
        drop_self: take the document with the query's own id out of its ranking (ArguAna's queries are documents).
        bm25: search with BM25 as well.
        latency_queries: how many of the queries, from the first, are timed one by one.
        latency_k: how many documents the timed searches ask for.
        threads: threads of the searches that are not timed; None for all.
        per_query: keep every query's values in the report.
    """

    metrics: Sequence[str] = DEFAULT_METRICS
    k: int = 1000
    plan: SearchPlan = field(default_factory=partial(plan_of, "exact"))
    drop_self: bool = False
    bm25: bool = True
    latency_queries: int = 500
    latency_k: int = 10
    threads: int | None = None
    per_query: bool = False

    def check(self) -> None:
        """Raise InputError for an unknown metric, or one whose cut-off lies above `k`."""
        if min(self.k, self.latency_k, self.latency_queries) < 1:
            raise InputError("k, latency_k and latency_queries must be at least 1")
        for name in metric_names(self.metrics):
            cutoff = re.search(r"@(\d+)", name)
            if cutoff and not name.startswith("rbp") and int(cutoff[1]) > self.k:
                raise InputError(
                    f"{name} needs rankings of {cutoff[1]}, k is {self.k}: raise k or choose other metrics"
                )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A report and the runs it judges: system → run ("lsr", and "bm25" if it was searched)."""

    report: EvaluationReport
    runs: dict[str, Run]

    def save(self, folder: str | Path, *, force: bool = False) -> list[Path]:
        """Write `SYSTEM.run` (TREC), `report.json` and `report.md` into the folder; return their paths.

        Raises OutputExistsError, before anything is written, if one of them is there and `force` is not set.
        """
        paths = output_paths(folder, self.runs)
        for path in paths:
            check_output(path, force=force)
        for name, path in zip(self.runs, paths, strict=False):
            write_run(path, self.runs[name], tag=name, force=force)
        text = json.dumps(self.report.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        for path, content in zip(paths[-2:], (text, self.report.to_markdown()), strict=True):
            with atomic_file(path, force=force) as temporary:
                temporary.write_text(content, encoding="utf-8")
        return paths


def output_paths(folder: str | Path, systems: Sequence[str] | dict[str, Run]) -> list[Path]:
    """What `Evaluation.save` writes: a run for each system, then report.json and report.md."""
    return [Path(folder) / name for name in (*(f"{system}.run" for system in systems), "report.json", "report.md")]


def evaluate(
    collection: Collection,
    retriever: Retriever,
    settings: EvaluationSettings | None = None,
    *,
    stages: Stages = silent,
) -> Evaluation:
    """Search all judged queries, score the run, and measure latency, index size and sparsity, next to BM25.

    A query whose text is empty retrieves nothing and scores zero, whatever an encoder makes of an empty text. The run
    is searched on all threads; latency is then measured apart, query by query on one thread, with encoder and kernels
    warm.

    Raises InputError for settings that cannot be met, MissingDependencyError without the `eval` extra.
    """
    settings = settings or EvaluationSettings()
    settings.check()
    asked = collection.asked()
    retriever.warm_up(settings.plan)
    vectors, run = _search_all(asked, retriever, settings, stages)
    scores = score_run(run, collection.qrels, settings.metrics)
    latency, stats = _time_retriever(asked[: settings.latency_queries], retriever, settings, stages)
    baseline = _bm25(collection, asked, scores, settings, stages) if settings.bm25 else None
    return _evaluation(
        collection,
        settings,
        run,
        scores,
        baseline,
        label=retriever.encoder.name,
        documents=len(retriever.index.documents),
        model=retriever.index.encoder or retriever.encoder.settings(),
        latency=latency,
        search=stats,
        index=_describe_index(retriever.index, vectors),
    )


def evaluate_run(
    collection: Collection,
    run: Run,
    settings: EvaluationSettings | None = None,
    *,
    label: str = "run",
    stages: Stages = silent,
) -> Evaluation:
    """Score a run that was made elsewhere, next to BM25. `settings.k` cuts it; its plan plays no part.

    Raises as `evaluate` does.
    """
    settings = settings or EvaluationSettings()
    settings.check()
    run = {id: _cut(ranking, id, settings) for id, ranking in run.items() if id in collection.qrels}
    scores = score_run(run, collection.qrels, settings.metrics)
    baseline = _bm25(collection, collection.asked(), scores, settings, stages) if settings.bm25 else None
    documents = baseline.documents if baseline else None
    return _evaluation(collection, settings, run, scores, baseline, label=label, documents=documents)


@dataclass(frozen=True, slots=True)
class _Bm25Result:
    documents: int
    run: Run
    scores: Scores
    report: Baseline


def _evaluation(
    collection: Collection,
    settings: EvaluationSettings,
    run: Run,
    scores: Scores,
    bm25: _Bm25Result | None,
    *,
    label: str,
    documents: int | None,
    model: dict[str, Any] | None = None,
    latency: dict[str, Latency] | None = None,
    search: SearchStats | None = None,
    index: dict[str, Any] | None = None,
) -> Evaluation:
    runs, by_system, baselines = {"lsr": run}, {"lsr": scores}, {}
    if bm25:
        runs["bm25"], by_system["bm25"], baselines["bm25"] = bm25.run, bm25.scores, bm25.report
    report = EvaluationReport(
        label=label,
        collection={
            "name": collection.name,
            "source": collection.source,
            "split": collection.split,
            "documents": documents,
            "queries": len(collection.queries),
            "judgements": collection.judgements,
        },
        model=model,
        settings=asdict(settings)
        | {
            "metrics": metric_names(settings.metrics),
            "mode": settings.plan.mode,
            "plan": settings.plan.to_record(),
        },
        metrics=scores.means(),
        baselines=baselines,
        latency=latency,
        search=search,
        index=index,
        per_query={name: each.per_query() for name, each in by_system.items()} if settings.per_query else None,
    )
    return Evaluation(report, runs)


def _search_all(
    queries: list[Query], retriever: Retriever, settings: EvaluationSettings, stages: Stages
) -> tuple[SparseVectors, Run]:
    parts, run, plan = [], {}, settings.plan
    with stages("searching", len(queries), "queries") as progress:
        for start in range(0, len(queries), _BATCH):
            batch = queries[start : start + _BATCH]
            encoded = retriever.encode_queries([query.text for query in batch], plan, [query.id for query in batch])
            found = retriever.rank(encoded, _depth(settings), plan, threads=settings.threads, progress=progress)
            for query, hits in zip(batch, found, strict=True):
                run[query.id] = _cut(Ranking(hits.ids, hits.scores), query.id, settings)
            # The statistics are of sparse vectors, searched or not.
            vectors = encoded.sparse
            if vectors is None:
                vectors = retriever.encoder.encode_queries(encoded.texts, encoded.ids)
            parts.append(vectors)
    return SparseVectors.concatenate(parts), run


def _bm25(
    collection: Collection, queries: list[Query], scores: Scores, settings: EvaluationSettings, stages: Stages
) -> _Bm25Result:
    with stages("indexing for BM25", count_documents(collection.source), "documents") as progress:
        bm25 = Bm25(collection.documents(), progress=progress)
    run: Run = {}
    with stages("searching with BM25", len(queries), "queries") as progress:
        for query in queries:
            run[query.id] = _cut(bm25.search(query.text, _depth(settings)), query.id, settings)
            progress(1)
    own = score_run(run, collection.qrels, settings.metrics)

    def once(query: Query) -> tuple[float]:
        start = perf_counter()
        bm25.search(query.text, settings.latency_k)
        return (perf_counter() - start,)

    times = time_each(queries[: settings.latency_queries], once, "timing BM25", stages)
    report = Baseline(
        label="BM25",
        metrics=own.means(),
        p_values={name: paired_t_test(scores.values[name], own.values[name]) for name in own.values},
        latency=Latency.of([seconds for (seconds,) in times]),
        settings=bm25.settings(),
    )
    return _Bm25Result(len(bm25.ids), run, own, report)


def _depth(settings: EvaluationSettings) -> int:
    return settings.k + settings.drop_self


def _cut(ranking: Ranking, query: str, settings: EvaluationSettings) -> Ranking:
    return (ranking.without(query) if settings.drop_self else ranking).top(settings.k)


def _time_retriever(
    queries: list[Query], retriever: Retriever, settings: EvaluationSettings, stages: Stages
) -> tuple[dict[str, Latency], SearchStats | None]:
    plan = settings.plan
    stats: list[SearchStats] = []

    def once(query: Query) -> tuple[float, float, float]:
        start = perf_counter()
        encoded = retriever.encode_queries([query.text], plan)
        middle = perf_counter()
        # Ids are read on first use, and part of every answer.
        hits = retriever.rank_one(encoded, 0, settings.latency_k, plan)
        end = perf_counter()
        if hits.stats is not None:
            stats.append(hits.stats)
        return middle - start, end - middle, end - start

    times = time_each(queries, once, "timing", stages)
    latency = {part: Latency.of([each[i] for each in times]) for i, part in enumerate(("encode", "search", "total"))}
    return latency, mean_stats(stats[-len(queries) :]) if stats else None


def _describe_index(index: Index, queries: SparseVectors) -> dict[str, Any]:
    documents, asked = Activation.of_index(index), Activation.of_vectors(queries)
    parts = index.describe()["bytes"]
    size = parts["total"]
    return {
        "documents": len(index.documents),
        "windows": index.manifest.windows,
        "bytes": size,
        "bytes_per_document": size / len(index.documents),
        "parts": parts,
        "active_terms": {"documents": documents.mean_terms, "queries": asked.mean_terms},
        "flops": flops(asked, documents),
        "prunings": index.manifest.prunings,
    }
