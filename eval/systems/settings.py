"""How an evaluation searches, and what it measures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from lsr.core.errors import InputError
from lsr.eval.measures.metrics import DEFAULT_METRICS, metric_names
from lsr.eval.runs import Ranking
from lsr.search.flat import plan_of
from lsr.search.plan import SearchPlan


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """How to search and what to measure.

    Attributes:
        metrics: ranx's names, or their usual forms nDCG@10, R@100, …
        k: the depth of each ranking; 1000 is usual for TREC and BEIR.
        plan: how to search; exact search, which is the default, measures the model alone.
        drop_self: remove the document with the query's own id from its ranking (ArguAna's queries are documents).
        bm25: search with BM25 as well.
        latency_queries: how many of the queries, starting with the first, are timed one by one.
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
                    f"{name} needs rankings of {cutoff[1]}, but k is {self.k}: raise k or choose other metrics"
                )

    @property
    def depth(self) -> int:
        """The number of documents that a search asks for."""
        return self.k + self.drop_self

    def cut(self, ranking: Ranking, query: str) -> Ranking:
        """The part of a query's ranking that is judged."""
        return (ranking.without(query) if self.drop_self else ranking).top(self.k)
