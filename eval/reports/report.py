"""What an evaluation found, as JSON and as Markdown."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lsr.eval.measures.latency import Latency
from lsr.eval.measures.metrics import metric_label
from lsr.index.fusion.settings import STAGED_MODES
from lsr.search.stats import in_words
from lsr.vectors.pruning import Pruning

if TYPE_CHECKING:
    from lsr.index import SearchStats


@dataclass(frozen=True, slots=True)
class Baseline:
    """Another system on the same queries.

    Attributes:
        label: its name in tables.
        metrics: metric → mean over all judged queries.
        p_values: metric → two-sided p of the paired t-test between it and the system that is evaluated.
        latency: per query, on one thread, from text to ranking.
        settings: which variant this is.
    """

    label: str
    metrics: dict[str, float]
    p_values: dict[str, float]
    latency: Latency
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """The result of one evaluation.

    Attributes:
        label: the evaluated system's name in tables.
        collection: name, source, split, and the numbers of documents (None where the corpus was not read), queries
            and judgements.
        model: the encoder's settings; None for a run file.
        settings: how it was searched and measured.
        metrics: metric → mean over all judged queries; those that retrieved nothing count as zero.
        baselines: name → Baseline.
        latency: "encode", "search" and their sum "total", per query on one thread; None for a run file.
        search: which way the timed searches of the sparse index went, and their mean work; None where there were none.
        index: size, active terms and FLOPS; None for a run file.
        per_query: system → query id → metric → value, if it was asked for.
    """

    label: str
    collection: dict[str, Any]
    model: dict[str, Any] | None
    settings: dict[str, Any]
    metrics: dict[str, float]
    baselines: dict[str, Baseline] = field(default_factory=dict)
    latency: dict[str, Latency] | None = None
    search: SearchStats | None = None
    index: dict[str, Any] | None = None
    per_query: dict[str, dict[str, dict[str, float]]] | None = None

    def to_json(self) -> dict[str, Any]:
        """One object of JSON values, with the attributes as keys; `per_query` only where it was asked for."""
        result = asdict(self)
        result["search"] = self.search and self.search._asdict()
        if self.per_query is None:
            del result["per_query"]
        return result

    def to_markdown(self) -> str:
        """Tables of effectiveness and latency, and what the index weighs."""
        parts = [self._heading(), self._effectiveness(), self._latency(), self._index()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _heading(self) -> str:
        about = self.collection
        split = f" ({about['split']})" if about["split"] else ""
        documents = f"{about['documents']:,} documents, " if about["documents"] is not None else ""
        return (
            f"## {about['name']}{split}\n\n"
            f"{documents}{about['queries']:,} judged queries, {about['judgements']:,} judgements."
        )

    def _effectiveness(self) -> str:
        names = list(self.metrics)
        rows = [[self.label, *(f"{self.metrics[name]:.4f}" for name in names)]]
        for baseline in self.baselines.values():
            rows.append([baseline.label, *(f"{baseline.metrics[name]:.4f}" for name in names)])
            rows.append(
                [f"p ({self.label} against {baseline.label})", *(_p_value(baseline.p_values[name]) for name in names)]
            )
        note = "\n\np: two-sided paired t-test over the judged queries." if self.baselines else ""
        return markdown_table(["", *map(metric_label, names)], rows) + note

    def _latency(self) -> str:
        mode = self.settings.get("mode")
        if self.search is not None and mode not in STAGED_MODES:
            mode = self.search.mode  # what "auto" came to
        mode = f" ({mode})" if self.latency is not None else ""
        times = {"encode": "query encoding", "search": f"search{mode}", "total": "both"}
        rows = [_latency_row(f"{self.label}: {times[part]}", value) for part, value in (self.latency or {}).items()]
        rows += [_latency_row(baseline.label, baseline.latency) for baseline in self.baselines.values()]
        if not rows:
            return ""
        table = markdown_table(["ms a query, one thread", "mean", "p50", "p95", "p99"], rows)
        work = "" if self.search is None else f" Mean work of a search, {in_words(self.search)}."
        return f"{table}\n\nTop {self.settings['latency_k']}, after a warm-up.{work}"

    def _index(self) -> str:
        if self.index is None:
            return ""
        terms = self.index["active_terms"]
        rows = [
            ["size", f"{self.index['bytes'] / 1e6:,.1f} MB"],
            ["bytes a document", f"{self.index['bytes_per_document']:,.0f}"],
            ["active terms a document", f"{terms['documents']:,.1f}"],
            ["active terms a query", f"{terms['queries']:,.1f}"],
            ["FLOPS", f"{self.index['flops']:.2f}"],
            *(["pruned by", str(Pruning(**record))] for record in self.index["prunings"]),
        ]
        return markdown_table(["index", ""], rows)


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _latency_row(name: str, latency: Latency) -> list[str]:
    values = (latency.mean_ms, latency.p50_ms, latency.p95_ms, latency.p99_ms)
    return [name, *(f"{value:.2f}" if value >= 1 else f"{value:.3f}" for value in values)]


def _p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
