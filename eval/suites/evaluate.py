"""Evaluating a retriever, or a run, on a test collection next to other systems."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lsr.core.files import atomic_file, check_output
from lsr.core.progress import Stages, silent
from lsr.eval.collections import TestCollection
from lsr.eval.measures.metrics import metric_names, paired_t_test, score_run
from lsr.eval.reports.baseline import Baseline
from lsr.eval.reports.report import EvaluationReport
from lsr.eval.runs import Run, write_run
from lsr.eval.systems.bm25 import answer_with_bm25
from lsr.eval.systems.retriever import RetrieverSystem
from lsr.eval.systems.settings import EvaluationSettings
from lsr.eval.systems.system import Answered, System

if TYPE_CHECKING:
    from lsr.search.retriever import Retriever

OURS, BM25 = "lsr", "bm25"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A report and the runs that it judges, by system: "lsr", then those beside it, such as "bm25"."""

    report: EvaluationReport
    runs: dict[str, Run]

    def save(self, folder: str | Path, *, force: bool = False) -> list[Path]:
        """Write `SYSTEM.run` (TREC), `report.json` and `report.md` into the folder; return their paths.

        Raises OutputExistsError, before anything is written, if one of them exists and `force` is not set.
        """
        paths = output_paths(folder, self.runs)
        for path in paths:
            check_output(path, force=force)
        for name, path in zip(self.runs, paths, strict=False):
            write_run(path, self.runs[name], tag=name, force=force)
        text = json.dumps(self.report.to_record(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        for path, content in zip(paths[-2:], (text, self.report.to_markdown()), strict=True):
            with atomic_file(path, force=force) as temporary:
                temporary.write_text(content, encoding="utf-8")
        return paths


def output_paths(folder: str | Path, systems: Sequence[str] | dict[str, Run]) -> list[Path]:
    """The files that `Evaluation.save` writes: a run for each system, then report.json and report.md."""
    return [Path(folder) / name for name in (*(f"{system}.run" for system in systems), "report.json", "report.md")]


def evaluate(
    collection: TestCollection,
    retriever: Retriever,
    settings: EvaluationSettings | None = None,
    *,
    beside: Mapping[str, System] | None = None,
    stages: Stages = silent,
) -> Evaluation:
    """Search all judged queries, score the run, and measure latency, index size and sparsity, next to BM25.

    A query whose text is empty retrieves nothing and scores zero, whatever an encoder makes of an empty text. The run
    is searched on all threads; latency is then measured separately, query by query on one thread, with encoder and
    kernels warm. `beside` names further systems to compare with.

    Raises InputError for settings that cannot be met, MissingDependencyError without the `eval` extra.
    """
    return evaluate_systems(collection, {OURS: RetrieverSystem(retriever), **(beside or {})}, settings, stages=stages)


def evaluate_run(
    collection: TestCollection,
    run: Run,
    settings: EvaluationSettings | None = None,
    *,
    label: str = "run",
    stages: Stages = silent,
) -> Evaluation:
    """Score a run that was made elsewhere, next to BM25. `settings.k` cuts it; the settings' plan is not used.

    Raises as `evaluate` does.
    """

    def as_it_is(collection: TestCollection, settings: EvaluationSettings, _: Stages) -> Answered:
        judged = {id: settings.cut(ranking, id) for id, ranking in run.items() if id in collection.qrels}
        return Answered(label, judged)

    return evaluate_systems(collection, {OURS: as_it_is}, settings, stages=stages)


def evaluate_systems(
    collection: TestCollection,
    systems: Mapping[str, System],
    settings: EvaluationSettings | None = None,
    *,
    stages: Stages = silent,
) -> Evaluation:
    """Let each system answer the judged queries in turn, and score them; the others are compared with the first.

    BM25 is the last of them, if the settings ask for it. Raises as `evaluate` does.
    """
    settings = settings or EvaluationSettings()
    settings.check()
    if settings.bm25:
        systems = {**systems, BM25: answer_with_bm25}
    answered = {name: system(collection, settings, stages) for name, system in systems.items()}
    return Evaluation(_report(collection, settings, answered), {name: answer.run for name, answer in answered.items()})


def _report(
    collection: TestCollection, settings: EvaluationSettings, answered: Mapping[str, Answered]
) -> EvaluationReport:
    """The report of the first system, with the others as baselines."""
    scores = {name: score_run(each.run, collection.qrels, settings.metrics) for name, each in answered.items()}
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
        per_query={name: each.per_query() for name, each in scores.items()} if settings.per_query else None,
    )
