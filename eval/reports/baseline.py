"""What a report says about another system, beside the evaluated one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lsr.eval.measures.latency import Latency


@dataclass(frozen=True, slots=True)
class Baseline:
    """Another system on the same queries.

    Attributes:
        label: its name in tables.
        metrics: metric → mean over all judged queries.
        p_values: metric → two-sided p of the paired t-test between it and the system that is evaluated.
        latency: per query, on one thread, from text to ranking; None if it was not measured.
        settings: which variant this is.
    """

    label: str
    metrics: dict[str, float]
    p_values: dict[str, float]
    latency: Latency | None
    settings: dict[str, Any]
