"""The rows of a benchmark's table: one for each engine, index, k and configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.eval.bench.measure import Sample


@dataclass(frozen=True, slots=True)
class Summary:
    """Recall and time over some queries.

    Attributes:
        recall: mean over the queries that match anything.
        mean_us: microseconds per query, one after another on one thread.
        p50_us, p95_us, p99_us: percentiles over single calls.
        call_mean_us: mean of single calls; more than `mean_us` only if that comes from a batch call.
    """

    recall: float
    mean_us: float
    p50_us: float
    p95_us: float
    p99_us: float
    call_mean_us: float


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration of one index, at one k.

    Attributes:
        engine: its name.
        mode: of the search.
        index_settings: settings of the build, if any were given.
        search_parameters: of the search.
        k: number of hits.
        overall: over all queries.
        halves: over the half on which parameters are chosen, and over the other, which is reported.
        index_bytes: what the index takes on disk.
        build_s: seconds of its build; None if it already existed.
        queries_per_second: threads → throughput of the batch call, over all queries.
    """

    engine: str
    mode: str
    index_settings: Mapping[str, Any]
    search_parameters: Mapping[str, Any]
    k: int
    overall: Summary
    halves: tuple[Summary, Summary]
    index_bytes: int
    build_s: float | None = None
    queries_per_second: Mapping[int, float] = field(default_factory=dict)

    @property
    def system(self) -> str:
        """The competitor in tables and plots: a mode of ours, or a peer's mode."""
        return f"{self.engine} {self.mode}"

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters, those of the index first."""
        return {**self.index_settings, **self.search_parameters}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Row:
        """Read what `to_record` gives; all its parameters become those of the search."""
        summary = [each.name for each in fields(Summary)]
        first, second = (Summary(**half) for half in record["halves"])
        return cls(
            engine=record["engine"],
            mode=record["mode"],
            index_settings={},
            search_parameters=record["parameters"],
            k=record["k"],
            overall=Summary(**{name: record[name] for name in summary}),
            halves=(first, second),
            index_bytes=record["index_bytes"],
            build_s=record["build_s"],
            queries_per_second={int(threads): value for threads, value in record["queries_per_second"].items()},
        )

    def to_record(self) -> dict[str, Any]:
        """JSON values: the attributes, with all `parameters` in one and those of `overall` among the others."""
        return {
            "engine": self.engine,
            "mode": self.mode,
            "parameters": self.parameters,
            "k": self.k,
            **asdict(self.overall),
            "index_bytes": self.index_bytes,
            "build_s": self.build_s,
            "queries_per_second": {str(threads): value for threads, value in self.queries_per_second.items()},
            "halves": [asdict(half) for half in self.halves],
        }


def in_words(parameters: Mapping[str, Any]) -> str:
    """Parameters on one line: `query_cut 5, heap_factor 0.8`; those within one in brackets after its name."""
    words = (f"({in_words(value)})" if isinstance(value, Mapping) else value for value in parameters.values())
    return ", ".join(f"{name} {word}" for name, word in zip(parameters, words, strict=True))


def summarise(
    sample: Sample, parts: Sequence[npt.NDArray[np.int64]], which: Sequence[int], *, mean_from_batch: bool = False
) -> Summary:
    """Summarise a sample over the queries of the parts `which`.

    `mean_from_batch` takes the mean from the batch calls on one thread, if it is the smaller one: starting a batch has
    a cost too, which does not pay off for few queries.
    """
    rows = np.concatenate([parts[part] for part in which])
    times, recalls = sample.seconds[rows] * 1e6, sample.recalls[rows]
    call_mean = mean = float(times.mean())
    if mean_from_batch and not sample.slow:
        mean = min(mean, sum(sample.batch_seconds[part, 1] for part in which) * 1e6 / len(rows))
    p50, p95, p99 = np.percentile(times, [50, 95, 99]).tolist()
    # If no query matches anything, there is nothing to miss.
    recall = float(np.nanmean(recalls)) if np.isfinite(recalls).any() else 1.0
    return Summary(recall, mean, p50, p95, p99, call_mean)
