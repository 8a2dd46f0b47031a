"""Evaluating a retriever, or a run, on a test collection next to other systems."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lsr.core.errors import InputError, OutputExistsError
from lsr.core.files import atomic_file, check_file
from lsr.core.progress import Stages, silent
from lsr.eval.collections import TestCollection
from lsr.eval.extras import require
from lsr.eval.matching import all_remarks, check_run, ideal_run, left_out
from lsr.eval.measures.metrics import metric_names
from lsr.eval.measures.second_opinion import checked_scores
from lsr.eval.measures.significance import paired_t_test
from lsr.eval.reports.baseline import Baseline
from lsr.eval.reports.report import EvaluationReport
from lsr.eval.runs import Run, with_ids, write_run
from lsr.eval.systems.bm25 import answer_with_bm25
from lsr.eval.systems.retriever import RetrieverSystem
from lsr.eval.systems.settings import EvaluationSettings
from lsr.eval.systems.system import Answered, System

if TYPE_CHECKING:
    from lsr.eval.systems.given import GivenVectors
    from lsr.search.retriever import Retriever

OURS, BM25 = "lsr", "bm25"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A report and the runs that it judges, by system: "lsr", then those beside it, such as "bm25"."""

    report: EvaluationReport
    runs: dict[str, Run]

    def save(self, folder: str | Path, *, tag: str | None = None, force: bool = False) -> list[Path]:
        """Write `SYSTEM.run` (TREC), `report.json` and `report.md` into the folder; return their paths.

        The tag of each run is the system's label, or `tag` for the first; `write_run` says what it makes of white space
        in ids. The report is written first, so that a run that cannot be written costs nothing else.

        Raises OutputExistsError, before anything is written, if one of them exists and `force` is not set.
        """
        paths = check_outputs(folder, self.runs, force=force)
        text = json.dumps(self.report.to_record(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        for path, content in zip(paths[-2:], (text, self.report.to_markdown()), strict=True):
            with atomic_file(path, force=force) as temporary:
                temporary.write_text(content, encoding="utf-8")
        tags = [tag or self.report.label, *(each.label for each in self.report.baselines.values())]
        for (_, run), path, its_tag in zip(self.runs.items(), paths, tags, strict=False):
            write_run(path, run, tag=its_tag, force=force)
        return paths


def output_paths(folder: str | Path, systems: Sequence[str] | dict[str, Run]) -> list[Path]:
    """The files that `Evaluation.save` writes: a run for each system, then report.json and report.md."""
    runs = (f"{system.replace('/', '-')}.run" for system in systems)
    return [Path(folder) / name for name in (*runs, "report.json", "report.md")]


def check_outputs(folder: str | Path, systems: Sequence[str] | dict[str, Run], *, force: bool = False) -> list[Path]:
    """Make the folder and see that `Evaluation.save` will be able to write there, before long work; the paths.

    Raises OutputExistsError for what is in the way, and the OSError that writing would meet.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise OutputExistsError(f"{folder} is a file, where a folder is needed: choose another output")
    return [check_file(path, force=force) for path in output_paths(folder, systems)]


def evaluate(
    collection: TestCollection,
    retriever: Retriever,
    settings: EvaluationSettings | None = None,
    *,
    label: str | None = None,
    given: GivenVectors | None = None,
    beside: Mapping[str, System] | None = None,
    stages: Stages = silent,
) -> Evaluation:
    """Search all judged queries, score the run, and measure latency, index size and sparsity, next to BM25.

    A query whose text is empty retrieves nothing and scores zero, whatever an encoder makes of an empty text. The run
    is searched on all threads; latency is then measured separately, query by query on one thread, with encoder and
    kernels warm. `label` is its name in tables, by default that of its encoder; `given` are query vectors to search
    with in place of encoded texts (`lsr.eval.systems.given.read_given`); `beside` names further systems to compare
    with.

    Raises InputError for settings that cannot be met, and for a collection none of whose relevant documents is in the
    index; MissingDependencyError without the `eval` extra.
    """
    ours = RetrieverSystem(retriever, label, given)
    return evaluate_systems(collection, {OURS: ours, **(beside or {})}, settings, stages=stages)


def evaluate_run(
    collection: TestCollection,
    run: Run,
    settings: EvaluationSettings | None = None,
    *,
    label: str = "run",
    stages: Stages = silent,
) -> Evaluation:
    """Score a run that was made elsewhere, next to BM25. `settings.k` cuts it; the settings' plan is not used.

    Raises InputError for a run that has none of the judged queries, and as `evaluate` does.
    """
    return evaluate_runs(collection, {label: run}, settings, stages=stages)


def evaluate_runs(
    collection: TestCollection,
    runs: Mapping[str, Run],
    settings: EvaluationSettings | None = None,
    *,
    stages: Stages = silent,
) -> Evaluation:
    """Score runs that were made elsewhere, by their labels; the others, and BM25, are compared with the first.

    Raises as `evaluate_run` does.
    """
    settings = settings or EvaluationSettings()
    (first, run), *others = runs.items()
    if settings.bm25 and any(label == BM25 for label, _ in others):
        raise InputError(f"a run cannot be called {BM25!r} beside that baseline: choose another label, or leave it out")
    systems = {OURS: as_it_is(first, run)} | {label: as_it_is(label, other) for label, other in others}
    return evaluate_systems(collection, systems, settings, stages=stages)


def as_it_is(label: str, run: Run) -> System:
    """The system whose answers are a run."""

    def answer(collection: TestCollection, settings: EvaluationSettings, _: Stages) -> Answered:
        documents = {id for judged in collection.qrels.values() for id in judged}
        named = with_ids(run, collection.qrels, documents)
        notes = check_run(named, collection.qrels, label)
        judged = {id: settings.cut(ranking, id) for id, ranking in named.items() if id in collection.qrels}
        return Answered(label, judged, notes=notes)

    return answer


def evaluate_systems(
    collection: TestCollection,
    systems: Mapping[str, System],
    settings: EvaluationSettings | None = None,
    *,
    stages: Stages = silent,
) -> Evaluation:
    """Let each system answer the judged queries in turn, and score them; the others are compared with the first.

    BM25 is the last of them, if the settings ask for it and the queries have texts. What is measured is tried first, on
    an ideal run. Raises as `evaluate` does.
    """
    settings = settings or EvaluationSettings()
    check_measures(collection, settings)
    if settings.bm25 and collection.has_texts:
        systems = {**systems, BM25: answer_with_bm25}
    answered = {name: system(collection, settings, stages) for name, system in systems.items()}
    return Evaluation(_report(collection, settings, answered), {name: answer.run for name, answer in answered.items()})


def check_measures(collection: TestCollection, settings: EvaluationSettings) -> None:
    """Measure an ideal run, so that what cannot be measured, or lacks a package, is met before anything is searched."""
    settings.check()
    if settings.bm25:
        require("bm25s")
    checked_scores(ideal_run(collection.qrels), collection.qrels, settings.metrics)


def _report(
    collection: TestCollection, settings: EvaluationSettings, answered: Mapping[str, Answered]
) -> EvaluationReport:
    """The report of the first system, with the others as baselines."""
    scores = {name: checked_scores(each.run, collection.qrels, settings.metrics) for name, each in answered.items()}
    (subject, first), *others = answered.items()
    own = scores[subject]
    return EvaluationReport(
        label=first.label,
        collection={
            "name": collection.name,
            "source": collection.source,
            "split": collection.split,
            "documents": next((each.documents for each in answered.values() if each.documents is not None), None),
            "queries": len(collection.queries),
            "judgements": collection.judgements,
        },
        model=first.variant,
        settings=asdict(settings)
        | {
            "metrics": metric_names(settings.metrics),
            "mode": settings.plan.mode,
            "plan": settings.plan.to_record(),
        },
        metrics=own.means(),
        baselines={
            name: Baseline(
                label=each.label,
                metrics=scores[name].means(),
                p_values={
                    metric: paired_t_test(own.values[metric], values) for metric, values in scores[name].values.items()
                },
                latency=each.latency["total"] if each.latency else None,
                settings=each.variant or {},
            )
            for name, each in others
        },
        latency=first.latency,
        search=first.search,
        index=first.index,
        notes=all_remarks(
            [
                left_out(collection, [each.run for each in answered.values()]),
                *(each.notes for each in answered.values()),
            ]
        ),
        per_query={name: each.per_query() for name, each in scores.items()} if settings.per_query else None,
    )
