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
from lsr.eval.bench.builds import Builder
from lsr.eval.bench.engines import LsrEngine, check_peers, peer
from lsr.eval.bench.engines.contract import Effort, Engine, LeftOut, Queries
from lsr.eval.bench.measure import Sample
from lsr.eval.bench.rounds import Contender, run_round
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
        indexes: the folders of the indexes, ours with default settings first; gone if the benchmark's folder is.
    """

    about: dict[str, Any]
    rows: list[Row]
    notes: list[str]
    indexes: list[Path] = field(default_factory=list)

    def to_record(self) -> dict[str, Any]:
        """One object of JSON values with the attributes as keys, without the folders."""
        return {"about": self.about, "rows": [row.to_record() for row in self.rows], "notes": self.notes}

    to_json = renamed_method("BenchResult.to_json", "to_record")


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

    Indexes are built one after another in `folder`, by default a temporary one that is removed afterwards. One that is
    given keeps them, and the peers' are used again if the documents, the settings and the version are the same. Peers
    build in separate processes. Then, round by round, each index is opened in a new process, in which all its
    configurations are run. `note` is called with each remark as it arises.

    Recall is against the exact top k by float32 inner product of the vectors as given; a document that ties with the
    k-th counts as found. Raises InputError for invalid settings or files.
    """
    settings.check()
    notes: list[str] = []

    def remark(message: str) -> None:
        notes.append(message)
        note(message)

    with tempfile.TemporaryDirectory(prefix="lsr-bench-") as temporary:
        with stages("reading", None, "documents") as progress:
            vectors = open_vectors(documents, queries, Path(temporary), limit=settings.limit, progress=progress)
        if len(vectors.queries) < 2:
            raise InputError("at least 2 queries are needed", source=str(queries))
        engines = [LsrEngine(), *_installed_peers(settings, remark)]
        with stages("exact answers", vectors.count, "documents") as progress:
            truth = exact_top(vectors.batches(), vectors.queries, max(settings.ks), progress)
        rows_of_queries = np.arange(len(vectors.queries))
        asked = Queries(vectors.queries, (rows_of_queries[::2], rows_of_queries[1::2]), truth.top_scores)
        builder = Builder(vectors.documents, vectors.dim, folder or Path(temporary), _build_threads(settings))
        contenders = _build_all(engines, builder, settings, stages, remark)
        answers = {k: truth.at(k) for k in settings.ks}
        for number in range(settings.rounds):
            with stages(f"round {number + 1} of {settings.rounds}", len(contenders), "indexes") as progress:
                contenders = list(_run_all(contenders, asked, answers, settings, progress, remark))
        rows = [row for contender in contenders for row in _rows(contender, asked, settings)]
        indexes = [contender.built.folder for contender in contenders]
    return BenchResult(_about(vectors, engines, settings), rows, notes, indexes)


def _installed_peers(settings: BenchSettings, remark: Callable[[str], None]) -> Iterator[Engine]:
    for name in settings.against:
        try:
            yield peer(name)
        except LeftOut as reason:
            remark(f"{name} left out: {reason}")


def _build_all(
    engines: list[Engine],
    builder: Builder,
    settings: BenchSettings,
    stages: Stages,
    remark: Callable[[str], None],
) -> list[Contender]:
    plan = [(engine, build) for engine in engines for build in engine.builds(settings.effort)]
    contenders = []
    with stages("building", len(plan), "indexes") as progress:
        for engine, build in plan:
            ks = settings.ks_of.get(engine.name, settings.ks)
            try:
                built = builder.found(engine, build)
                if built is not None:
                    remark(f"{engine.name} ({in_words(build)}) was built before, in {built.seconds:.1f} s")
                else:
                    built = builder.build(engine, build)
                contenders.append(Contender(engine, build, built, ks))
            except LeftOut as reason:
                remark(f"{engine.name} ({in_words(build)}) left out: {reason}")
            progress(1)
    return contenders


def _run_all(
    contenders: list[Contender],
    queries: Queries,
    answers: dict[int, Answers],
    settings: BenchSettings,
    progress: Callable[[int], None],
    remark: Callable[[str], None],
) -> Iterator[Contender]:
    """Run one more round of every index, and yield those that can be searched."""
    for contender in contenders:
        try:
            run_round(contender, queries, answers, settings.effort, settings.batch_threads)
            yield contender
        except LeftOut as reason:
            remark(f"{contender.engine.name} ({in_words(contender.settings)}) left out while searching: {reason}")
        progress(1)


def _rows(contender: Contender, queries: Queries, settings: BenchSettings) -> Iterator[Row]:
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
