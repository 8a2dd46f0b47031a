"""Markdown tables of measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lsr.core.counted import counted
from lsr.eval.measures.latency import Latency
from lsr.eval.measures.metrics import metric_label
from lsr.eval.reports.baseline import Baseline
from lsr.index.fusion.settings import STAGED_MODES
from lsr.search.stats import in_words
from lsr.vectors.pruning import Pruning

if TYPE_CHECKING:
    from lsr.index import SearchStats


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table: the first column is left-aligned, the others right-aligned."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


# -- the sections of an evaluation's report ---------------------------------------------------------------------------


def heading(collection: Mapping[str, Any]) -> str:
    """The collection's name, split and counts."""
    split = f" ({collection['split']})" if collection["split"] else ""
    documents = f"{counted(collection['documents'], 'documents')}, " if collection["documents"] is not None else ""
    queries, judgements = (
        counted(collection["queries"], "judged queries"),
        counted(collection["judgements"], "judgements"),
    )
    return f"## {collection['name']}{split}\n\n{documents}{queries}, {judgements}."


def effectiveness(label: str, metrics: Mapping[str, float], baselines: Sequence[Baseline]) -> str:
    """A line for each system, and one of p-values after each baseline."""
    names = list(metrics)
    rows = [[label, *(f"{metrics[name]:.4f}" for name in names)]]
    for baseline in baselines:
        rows.append([baseline.label, *(f"{baseline.metrics[name]:.4f}" for name in names)])
        rows.append([f"p ({label} against {baseline.label})", *(_p_value(baseline.p_values[name]) for name in names)])
    note = "\n\np: two-sided paired t-test over the judged queries." if baselines else ""
    return markdown_table(["", *map(metric_label, names)], rows) + note


def latencies(
    label: str,
    latency: Mapping[str, Latency] | None,
    baselines: Sequence[Baseline],
    settings: Mapping[str, Any],
    search: SearchStats | None,
) -> str:
    """A line for each part of a search, and for each baseline that was timed; empty if nothing was timed."""
    mode = settings.get("mode")
    if search is not None and mode not in STAGED_MODES:
        mode = search.mode  # what "auto" chose
    mode = f" ({mode})" if latency is not None else ""
    times = {"encode": "query encoding", "search": f"search{mode}", "total": "both"}
    rows = [latency_row(f"{label}: {times.get(part, part)}", value) for part, value in (latency or {}).items()]
    rows += [latency_row(each.label, each.latency) for each in baselines if each.latency is not None]
    if not rows:
        return ""
    table = markdown_table(["ms a query, one thread", "mean", "p50", "p95", "p99"], rows)
    work = "" if search is None else f" Mean work of a search, {in_words(search)}."
    return f"{table}\n\nTop {settings['latency_k']}, after a warm-up.{work}"


def index_size(index: Mapping[str, Any] | None) -> str:
    """The size of the index, and how sparse its vectors are."""
    if index is None:
        return ""
    terms = index["active_terms"]
    rows = [
        ["size", f"{index['bytes'] / 1e6:,.1f} MB"],
        ["bytes a document", f"{index['bytes_per_document']:,.0f}"],
        ["read of a document", index["read"]],
        ["active terms a document", f"{terms['documents']:,.1f}"],
        ["active terms a query", f"{terms['queries']:,.1f}"],
        ["FLOPS", f"{index['flops']:.2f}"],
        *(["pruned by", str(Pruning(**record))] for record in index["prunings"]),
    ]
    return markdown_table(["index", ""], rows)


def latency_row(name: str, latency: Latency) -> list[str]:
    """A line of a table of latencies: mean, p50, p95, p99, in milliseconds."""
    values = (latency.mean_ms, latency.p50_ms, latency.p95_ms, latency.p99_ms)
    return [name, *(f"{value:.2f}" if value >= 1 else f"{value:.3f}" for value in values)]


def _p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
