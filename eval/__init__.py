"""Evaluation: test collections, runs, measures, the BM25 baseline, reports."""

from __future__ import annotations

from lsr.eval.collection import Collection, load_collection
from lsr.eval.evaluate import Evaluation, EvaluationSettings, evaluate, evaluate_run
from lsr.eval.metrics import DEFAULT_METRICS, Scores, score_run
from lsr.eval.prepare import open_or_index
from lsr.eval.report import EvaluationReport
from lsr.eval.runs import Ranking, Run, read_run, write_run
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
