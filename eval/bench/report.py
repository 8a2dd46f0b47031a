"""A benchmark as Markdown: the fastest at each recall, the size of indexes, every frontier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from lsr.eval.bench.frontier import TARGETS, fastest, pareto
from lsr.eval.bench.rows import Row, in_words
from lsr.eval.bench.run import BenchResult
from lsr.eval.reports.markdown import markdown_table

_OURS = "lsr"


def markdown(result: BenchResult) -> str:
    """The whole report, without a title."""
    parts = [_heading(result.about)]
    for k in sorted({row.k for row in result.rows}):
        rows = [row for row in result.rows if row.k == k]
        parts += [f"## k = {k}", _at_recalls(rows, k), _frontiers(rows, k)]
    parts += ["## Indexes", _indexes(result), _how(result)]
    if result.notes:
        parts.append("\n".join(f"- {note}" for note in result.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def by_system(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each system, in the order in which systems first occur."""
    systems: dict[str, list[Row]] = {}
    for row in rows:
        systems.setdefault(row.system, []).append(row)
    return systems


def _heading(about: Mapping[str, Any]) -> str:
    return (
        f"{about['documents']:,} documents of {about['terms_a_document']:.1f} terms, {about['queries']:,} queries of "
        f"{about['terms_a_query']:.1f}, vocabulary of {about['vocabulary']:,}. "
        f"{about['machine']['processor']}, {about['machine']['cpus']} CPUs; every query on one thread, in microseconds."
    )


def _at_recalls(rows: Sequence[Row], k: int) -> str:
    """The fastest configuration of each system at each recall, with our time over theirs."""
    systems = by_system(rows)
    lines = []
    for target in TARGETS:
        chosen = {name: row for name, its_rows in systems.items() if (row := fastest(its_rows, target)) is not None}
        ours = fastest([row for row in rows if row.engine == _OURS], target)
        for name, row in chosen.items():
            half = row.halves[1]
            ratio = "" if ours is None or row.engine == _OURS else f"{ours.halves[1].mean_us / half.mean_us:.3f}"
            lines.append(
                [
                    f"≥ {target:.2f}",
                    name,
                    in_words(row.parameters),
                    f"{half.recall:.4f}",
                    *map(_time, (half.mean_us, half.p50_us, half.p95_us, half.p99_us)),
                    ratio,
                ]
            )
    if not lines:
        return ""
    head = ["wanted", "system", "parameters", f"recall@{k}", "mean", "p50", "p95", "p99", "our fastest over it"]
    return (
        "Fastest at a recall: parameters chosen on every second query, the numbers are of the others.\n\n"
        + markdown_table(head, lines)
    )


def _frontiers(rows: Sequence[Row], k: int) -> str:
    """Each system's configurations that none of its others beats, over all queries."""
    lines = [
        [
            name,
            in_words(row.parameters),
            f"{row.overall.recall:.4f}",
            *map(_time, (row.overall.mean_us, row.overall.p50_us, row.overall.p95_us, row.overall.p99_us)),
            ", ".join(f"{threads}: {rate:,.0f}" for threads, rate in row.queries_per_second.items()),
        ]
        for name, its_rows in by_system(rows).items()
        for row in pareto(its_rows)
    ]
    head = ["system", "parameters", f"recall@{k}", "mean", "p50", "p95", "p99", "queries a second by threads"]
    return f"Frontiers, over all queries ({len(rows)} configurations tried):\n\n{markdown_table(head, lines)}"


def _indexes(result: BenchResult) -> str:
    """Size and build time of every index."""
    engines = result.about["engines"]
    lines = []
    for (engine, settings), rows in groupby(result.rows, lambda row: (row.engine, row.index_settings)):
        first = next(rows)
        cost = [f"{first.index_bytes / 1e6:,.1f} MB", f"{first.build_s:.1f} s", engines[engine]["build_counts_from"]]
        lines.append([engine, engines[engine]["version"], in_words(settings), *cost])
    return markdown_table(["engine", "version", "settings", "size", "build", "counted from"], lines)


def _how(result: BenchResult) -> str:
    about = result.about
    threads = about["build_threads"]
    extra: dict[str, list[float]] = {}
    for row in result.rows:
        extra.setdefault(row.engine, []).append(row.overall.call_mean_us - row.overall.mean_us)
    batched = {engine: sum(more) / len(more) for engine, more in extra.items() if any(more)}
    text = (
        f"Builds have {threads} thread{'s' if threads > 1 else ''}; sizes are of the saved indexes. Recall is against "
        "the exact top k by float32 weights; a document that ties with the k-th counts as found. A query's time is its "
        f"best in {about['rounds']} rounds of all configurations."
    )
    if not batched:
        return text
    return (
        f"{text} The means of {' and of '.join(batched)} are of batch calls on one thread, where that is faster; "
        "percentiles need single calls, whose mean is more by "
        + ", ".join(f"{more:.0f} µs ({engine})" for engine, more in batched.items())
        + " on average (call_mean_us in the JSON)."
    )


def _time(microseconds: float) -> str:
    return f"{microseconds:,.0f}" if microseconds >= 100 else f"{microseconds:.1f}"
