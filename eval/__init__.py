"""Evaluation: test collections, runs, measures, the BM25 baseline, reports."""

from __future__ import annotations

from lsr.eval.collections import Collection, load_collection
from lsr.eval.measures.metrics import DEFAULT_METRICS, Scores, score_run
from lsr.eval.reports.report import EvaluationReport
from lsr.eval.runs import Ranking, Run, read_run, write_run
from lsr.eval.suites.evaluate import Evaluation, EvaluationSettings, evaluate, evaluate_run
from lsr.eval.suites.prepare import open_or_index
from lsr.text.qrels import Qrels, read_qrels

__all__ = [
    "DEFAULT_METRICS",
    "Collection",
    "Evaluation",
    "EvaluationReport",
    "EvaluationSettings",
    "Qrels",
    "Ranking",
    "Run",
    "Scores",
    "evaluate",
    "evaluate_run",
    "load_collection",
    "open_or_index",
    "read_qrels",
    "read_run",
    "score_run",
    "write_run",
]
