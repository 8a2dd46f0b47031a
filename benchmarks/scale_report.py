"""The tables and the plot of scale.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.ticker import NullLocator
from vector_statistics import LABELS, table

from lsr.cli.console import note
from lsr.core.plotting import SUFFIXES, figure, plain_numbers, style
from lsr.eval.bench import Row, fastest
from lsr.eval.bench.rows import in_words
from lsr.eval.reports.markdown import markdown_table

RECALLS = (0.95, 0.98)
OURS = "lsr"


@dataclass(slots=True)
class SizeResult:
    """The results at one number of documents.

    Attributes:
        builds: engine, settings, seconds, peak_bytes (of memory) and bytes (part → bytes, with "total") of each index.
        rows: one for each configuration.
        notes: what was left out, and why.
    """

    documents: int
    builds: list[dict[str, Any]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def remark(self, message: str) -> None:
        """Record a note, and show it."""
        self.notes.append(f"{self.documents:,} documents: {message}")
        note(message)


@dataclass(slots=True)
class Growth:
    """All sizes, ascending; `statistics` has a column for each collection that is compared."""

    about: dict[str, Any]
    statistics: dict[str, dict[str, float]] = field(default_factory=dict)
    sizes: list[SizeResult] = field(default_factory=list)

    def to_record(self) -> dict[str, Any]:
        """JSON values."""
        sizes = [
            {
                "documents": size.documents,
                "builds": size.builds,
                "rows": [row.to_record() for row in size.rows],
                "notes": size.notes,
            }
            for size in self.sizes
        ]
        return {"about": self.about, "statistics": self.statistics, "sizes": sizes}


@dataclass(frozen=True, slots=True)
class Series:
    """One line of the plot: the fastest configuration at each size."""

    name: str
    points: list[tuple[int, Row]]


def series(growth: Growth) -> list[Series]:
    """Our and the peers' series at each recall, and our exact one, without sizes at which none reaches the recall."""
    engines = list(dict.fromkeys(row.engine for size in growth.sizes for row in size.rows))
    found = []
    for recall in RECALLS:
        for engine in engines:
            points = [
                (size.documents, best)
                for size in growth.sizes
                if (best := fastest(_of(size, engine, "approximate"), recall)) is not None
            ]
            found.append(Series(f"{engine}, recall ≥ {recall:.2f}", points))
    exact = [(size.documents, row) for size in growth.sizes for row in _of(size, OURS, "exact")]
    return [one for one in [*found, Series(f"{OURS}, exact", exact)] if one.points]


def _of(size: SizeResult, engine: str, mode: str) -> list[Row]:
    return [row for row in size.rows if (row.engine, row.mode) == (engine, mode)]


def markdown(growth: Growth) -> str:
    """The whole report, without a title."""
    about = growth.about
    source = f"made like {about['like']}" if about["like"] else "made from a topic model"
    asked = f"from {about['queries_from']}" if about["queries_from"] else "made"
    heading = (
        f"Documents of {about['terms']:g} terms, {source}; {about['queries']} queries of {about['terms_a_query']:.1f} "
        f"terms, {asked}; k = {about['k']}. Every query on one thread of {about['cpus']} CPUs, builds on "
        f"{about['build_threads']}."
    )
    if about["relevant"]:
        heading += f" A share of {about['relevant']:g} of the documents is about a query each."
    parts = [heading, "## Latency", _latency(growth), "## Indexes", _indexes(growth)]
    parts.append("\n".join(f"- {line}" for size in growth.sizes for line in size.notes))
    if growth.statistics:
        parts += ["## The documents", table(growth.statistics), _differences(growth)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _latency(growth: Growth) -> str:
    found = series(growth)
    by_recall = {one.name.partition(", ")[2]: one for one in found if one.name.startswith(f"{OURS},")}
    lines = [line for one in found for line in _lines(one, by_recall.get(one.name.partition(", ")[2]))]
    head = ["", "documents", "parameters", "recall@10", "mean µs", "p50", "p99", "growth", "ours over it"]
    return (
        "The fastest configuration at a recall, chosen on every second query; the numbers are of the others. Growth is "
        "over the smallest size.\n\n" + markdown_table(head, lines)
    )


def _lines(one: Series, ours: Series | None) -> Iterator[list[str]]:
    smallest = one.points[0][1].halves[1].mean_us
    own = {} if ours is None or ours is one else dict(ours.points)
    for documents, row in one.points:
        half = row.halves[1]
        yield [
            one.name,
            f"{documents:,}",
            in_words(row.parameters),
            f"{half.recall:.4f}",
            *(f"{value:,.0f}" for value in (half.mean_us, half.p50_us, half.p99_us)),
            f"{half.mean_us / smallest:.2f}",
            f"{own[documents].halves[1].mean_us / half.mean_us:.3f}" if documents in own else "",
        ]


def _indexes(growth: Growth) -> str:
    lines = []
    for size in growth.sizes:
        for build in size.builds:
            total = build["bytes"]["total"]
            parts = {name: count for name, count in build["bytes"].items() if name != "total"}
            lines.append(
                [
                    f"{build['engine']} {in_words(build['settings'])}".strip(),
                    f"{size.documents:,}",
                    f"{build['seconds']:,.1f}",
                    f"{build['peak_bytes'] / 2**30:.2f}",
                    f"{total / 1e6:,.1f}",
                    f"{total / size.documents:,.0f}",
                    ", ".join(f"{name} {count / 1e6:,.1f}" for name, count in parts.items()),
                ]
            )
    head = ["", "documents", "build s", "peak memory GiB", "MB", "bytes a document", "MB by part"]
    return markdown_table(head, lines) + (
        "\n\nPeak memory is the resident memory of the process that builds, mapped files included."
    )


def _differences(growth: Growth) -> str:
    """The statistics in which the made documents differ from the real ones by more than a tenth."""
    if len(growth.statistics) < 2:
        return ""
    real, made = growth.statistics["real"], growth.statistics["made"]
    changes = [
        f"{label} {made[name] / real[name] - 1:+.0%}"
        for name, label in LABELS.items()
        if real[name] and abs(made[name] / real[name] - 1) > 0.1
    ]
    return f"Made over real, where they differ by more than a tenth: {'; '.join(changes) or 'nowhere'}."


def save_plots(growth: Growth, folder: Path, name: str = "scale") -> None:
    """Plot latency against documents, both logarithmic: NAME.png and NAME.svg."""
    with figure([folder / f"{name}{suffix}" for suffix in SUFFIXES], columns=1) as (panel,):
        for number, one in enumerate(series(growth)):
            colour, marker = style(number)
            documents = [count for count, _ in one.points]
            times = [row.halves[1].mean_us for _, row in one.points]
            panel.plot(documents, times, marker + "-", color=colour, label=one.name)
        panel.set(xscale="log", yscale="log", xlabel="documents", ylabel="mean µs a query, one thread")
        panel.set_xticks([size.documents for size in growth.sizes], minor=False)
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        plain_numbers(panel.yaxis)
        panel.grid(which="both", alpha=0.25)
        panel.legend(frameon=False)
