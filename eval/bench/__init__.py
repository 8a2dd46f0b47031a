"""Latency, recall, size and build time of this engine, compared with others.

`bench` measures on any vectors and queries; `tune` finds an index's fastest parameters for a recall.
"""

from __future__ import annotations

from lsr.eval.bench.engines.contract import BuiltIndex, Configuration, Effort, Engine, LeftOut, OpenIndex, Queries
from lsr.eval.bench.frontier import TARGETS, fastest, pareto
from lsr.eval.bench.rows import Row, Summary
from lsr.eval.bench.run import BenchResult, BenchSettings, bench
from lsr.eval.bench.truth import Answers, Truth, exact_top

__all__ = [
    "TARGETS",
    "Answers",
    "BenchResult",
    "BenchSettings",
    "BuiltIndex",
    "Configuration",
    "Effort",
    "Engine",
    "LeftOut",
    "OpenIndex",
    "Queries",
    "Row",
    "Summary",
    "Truth",
    "bench",
    "exact_top",
    "fastest",
    "pareto",
]
