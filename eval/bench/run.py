"""The benchmark: build every index, measure every configuration, in turns."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lsr.core.deprecation import renamed_method
from lsr.core.errors import InputError
from lsr.core.progress import Stages, silent
from lsr.eval.bench.engines import LsrEngine, check_peers, peer
from lsr.eval.bench.engines.contract import BuiltIndex, Configuration, Effort, Engine, LeftOut, Queries
from lsr.eval.bench.measure import Sample, measure_round
from lsr.eval.bench.rows import Row, Summary, in_words, summarise
from lsr.eval.bench.truth import Answers, exact_top
from lsr.eval.bench.vectors import BenchVectors, open_vectors
from lsr.eval.measures.machine import processor


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """What to measure.

    Attributes:
        ks: numbers of hits.
        against: names of peers; one that is not installed is left out with a note.
        ks_of: numbers of hits, by name, for engines that are not to be measured at all `ks`.
        effort: how many configurations.
        batch_threads: numbers of threads to measure batch calls with. Latency is always that of one thread.
        build_threads: threads of every build; None: as many as there are CPUs.
        rounds: how often each configuration is run; a query counts with its best time.
        limit: keep only the first so many queries; None keeps all.
    """

    ks: tuple[int, ...] = (10,)
    against: tuple[str, ...] = ()
    ks_of: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    effort: Effort = Effort.quick
    batch_threads: tuple[int, ...] = (1,)
    build_threads: int | None = None
    rounds: int = 3
    limit: int | None = None

    def check(self) -> None:
        """Check the settings: InputError if a number is below 1, there is nothing to measure, or a peer is unknown."""
        check_peers(list(self.against))
        if not self.ks:
            raise InputError("give at least one k")
        if not all(set(ks) <= set(self.ks) for ks in self.ks_of.values()):
            raise InputError(f"an engine's own k must be among {', '.join(map(str, self.ks))}")
        numbers = [*self.ks, *self.batch_threads, self.rounds]
        if min(numbers) < 1 or (self.build_threads is not None and self.build_threads < 1):
            raise InputError("k, threads and rounds must be at least 1")
        if self.limit is not None and self.limit < 2:
            raise InputError("at least 2 queries are needed: parameters are chosen on one half, reported on the other")


@dataclass(frozen=True, slots=True)
class BenchResult:
    """The result of a benchmark.

    Attributes:
        about: the collection, the machine, the versions and the settings, as JSON values.
        rows: one for each engine, index, k and configuration.
        notes: what was left out, and why.
    """

    about: dict[str, Any]
    rows: list[Row]
    notes: list[str]

    def to_record(self) -> dict[str, Any]:
        """One object of JSON values with the attributes as keys."""
        return {"about": self.about, "rows": [row.to_record() for row in self.rows], "notes": self.notes}

    to_json = renamed_method("BenchResult.to_json", "to_record")


@dataclass(slots=True)
class _Contender:
    """An engine with one of its indexes, and its measurements so far."""

    engine: Engine
    settings: dict[str, Any]
    built: BuiltIndex
    ks: tuple[int, ...]
    samples: dict[int, list[tuple[Configuration, Sample]]] = field(default_factory=dict)


def bench(
    documents: Path,
    queries: Path,
    settings: BenchSettings,
    *,
    folder: Path | None = None,
    stages: Stages = silent,
    note: Callable[[str], None] = lambda message: None,
) -> BenchResult:
    """Measure this engine, and peers beside it, on the same vectors in one run.

    Indexes are built one after another, each in `folder`/NUMBER-ENGINE (by default in a temporary folder, removed
    afterwards); peers build in separate processes. Then, round by round, each index is opened, all its configurations
    are run, and it is closed, so that one index at a time is in memory. `note` is called with each remark as it arises.

    Recall is against the exact top k by float32 inner product of the vectors as given; a document that ties with the
    k-th counts as found. Raises InputError for invalid settings or files.
    """
    settings.check()
    notes: list[str] = []

    def remark(message: str) -> None:
        notes.append(message)
        note(message)

    with tempfile.TemporaryDirectory(prefix="lsr-bench-") as temporary:
        folder = folder or Path(temporary)
        with stages("reading", None, "documents") as progress:
            vectors = open_vectors(documents, queries, folder, limit=settings.limit, progress=progress)
        if len(vectors.queries) < 2:
            raise InputError("at least 2 queries are needed", source=str(queries))
        engines = [LsrEngine(), *_installed_peers(settings, remark)]
        with stages("exact answers", vectors.count, "documents") as progress:
            truth = exact_top(vectors.batches(), vectors.queries, max(settings.ks), progress)
        rows_of_queries = np.arange(len(vectors.queries))
        asked = Queries(vectors.queries, (rows_of_queries[::2], rows_of_queries[1::2]), truth.top_scores)
        contenders = _build_all(engines, vectors, folder, settings, stages, remark)
        answers = {k: truth.at(k) for k in settings.ks}
        for number in range(settings.rounds):
            with stages(f"round {number + 1} of {settings.rounds}", None, "configurations") as progress:
                for contender in contenders:
                    _run_round(contender, asked, answers, settings, progress)
        rows = [row for contender in contenders for row in _rows(contender, asked, settings)]
    return BenchResult(_about(vectors, engines, settings), rows, notes)


def _installed_peers(settings: BenchSettings, remark: Callable[[str], None]) -> Iterator[Engine]:
    for name in settings.against:
        try:
            yield peer(name)
        except LeftOut as reason:
            remark(f"{name} left out: {reason}")


def _build_all(
    engines: list[Engine],
    vectors: BenchVectors,
    folder: Path,
    settings: BenchSettings,
    stages: Stages,
    remark: Callable[[str], None],
) -> list[_Contender]:
    threads = _build_threads(settings)
    plan = [(engine, build) for engine in engines for build in engine.builds(settings.effort)]
    contenders = []
    with stages("building", len(plan), "indexes") as progress:
        for number, (engine, build) in enumerate(plan):
            own_folder = folder / f"{number}-{engine.name}"
            own_folder.mkdir()
            ks = settings.ks_of.get(engine.name, settings.ks)
            try:
                built = engine.build(vectors.documents, vectors.dim, own_folder, build, threads)
                contenders.append(_Contender(engine, build, built, ks))
            except LeftOut as reason:
                remark(f"{engine.name} ({in_words(build)}) left out: {reason}")
            progress(1)
    return contenders


def _run_round(
    contender: _Contender,
    queries: Queries,
    answers: dict[int, Answers],
    settings: BenchSettings,
    progress: Callable[[int], None],
) -> None:
    """Open the index, run each of its configurations once, close it."""
    index = contender.engine.open(contender.built, queries)
    threads = settings.batch_threads
    if contender.engine.mean_from_batch and 1 not in threads:
        threads = (1, *threads)
    for k in contender.ks:
        if k not in contender.samples:
            configurations = index.configurations(k, settings.effort)
            contender.samples[k] = [(each, Sample.of(len(queries.vectors))) for each in configurations]
        for configuration, sample in contender.samples[k]:
            if not sample.slow:
                measure_round(index, queries, k, configuration, sample, answers[k], threads)
            progress(1)


def _rows(contender: _Contender, queries: Queries, settings: BenchSettings) -> Iterator[Row]:
    engine, count = contender.engine, len(queries.vectors)

    def summary(sample: Sample, *which: int) -> Summary:
        return summarise(sample, queries.parts, which, mean_from_batch=engine.mean_from_batch)

    for k, samples in contender.samples.items():
        for configuration, sample in samples:
            seconds = {
                threads: sum(sample.batch_seconds[part, threads] for part in range(len(queries.parts)))
                for threads in settings.batch_threads
                if (0, threads) in sample.batch_seconds
            }
            yield Row(
                engine=engine.name,
                mode=configuration.mode,
                index_settings=contender.settings,
                search_parameters=configuration.parameters,
                k=k,
                overall=summary(sample, 0, 1),
                halves=(summary(sample, 0), summary(sample, 1)),
                index_bytes=contender.built.bytes,
                build_s=contender.built.seconds,
                queries_per_second={threads: count / total for threads, total in seconds.items()},
            )


def _about(vectors: BenchVectors, engines: list[Engine], settings: BenchSettings) -> dict[str, Any]:
    return {
        "documents": vectors.count,
        "terms_a_document": vectors.pairs / vectors.count,
        "queries": len(vectors.queries),
        "terms_a_query": vectors.queries.nnz / len(vectors.queries),
        "vocabulary": vectors.dim,
        "machine": {"processor": processor(), "cpus": os.cpu_count()},
        "engines": {
            engine.name: {"version": engine.version, "build_counts_from": engine.build_input} for engine in engines
        },
        "build_threads": _build_threads(settings),
        "rounds": settings.rounds,
        "effort": settings.effort.value,
    }


def _build_threads(settings: BenchSettings) -> int:
    return settings.build_threads or os.cpu_count() or 1
