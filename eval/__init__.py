"""Evaluation: test collections, runs, measures, the BM25 baseline, reports."""

from __future__ import annotations

from lsr.core.deprecation import renamed_names
from lsr.eval.collections import TestCollection, load_collection
from lsr.eval.measures.metrics import DEFAULT_METRICS, Scores, score_run
from lsr.eval.reports.report import EvaluationReport
from lsr.eval.runs import Ranking, Run, read_run, write_run
from lsr.eval.suites.evaluate import Evaluation, evaluate, evaluate_run, evaluate_runs, evaluate_systems
from lsr.eval.suites.prepare import open_or_index
from lsr.eval.systems.settings import EvaluationSettings
from lsr.eval.systems.system import Answered, System
from lsr.text.qrels import Qrels, read_qrels

__all__ = [
    "DEFAULT_METRICS",
    "Answered",
    "Evaluation",
    "EvaluationReport",
    "EvaluationSettings",
    "Qrels",
    "Ranking",
    "Run",
    "Scores",
    "System",
    "TestCollection",
    "evaluate",
    "evaluate_run",
    "evaluate_runs",
    "evaluate_systems",
    "load_collection",
    "open_or_index",
    "read_qrels",
    "read_run",
    "score_run",
    "write_run",
]

__getattr__ = renamed_names(__name__, {"Collection": "lsr.eval:TestCollection"})
