"""The results of an evaluation; `lsr.eval.reports.markdown` puts them into tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lsr.core.deprecation import renamed_method
from lsr.eval.measures.latency import Latency
from lsr.eval.reports.baseline import Baseline
from lsr.eval.reports.markdown import effectiveness, heading, index_size, latencies

if TYPE_CHECKING:
    from lsr.index import SearchStats


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """The result of one evaluation.

    Attributes:
        label: the evaluated system's name in tables.
        collection: name, source, split, and the numbers of documents (None if the corpus was not read), queries
            and judgements.
        model: the encoder's settings; None for a run file.
        settings: how it was searched and measured.
        metrics: metric → mean over all judged queries; those that retrieved nothing count as zero.
        baselines: name → Baseline.
        latency: "encode", "search" and their sum "total", per query on one thread; None for a run file.
        search: how the timed searches of the sparse index were run, and their mean work; None if there were none.
        index: size, active terms and FLOPS; None for a run file.
        notes: what a reader of the values must know, such as judged documents that are not there.
        per_query: system → query id → metric → value, if requested.
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
    notes: list[str] = field(default_factory=list)

    def to_record(self) -> dict[str, Any]:
        """One object of JSON values, with the attributes as keys; `per_query` only if requested."""
        result = asdict(self)
        result["search"] = self.search and self.search._asdict()
        if self.per_query is None:
            del result["per_query"]
        return result

    def to_markdown(self) -> str:
        """Tables of effectiveness, latency and the size of the index."""
        parts = [
            heading(self.collection),
            effectiveness(self.label, self.metrics, list(self.baselines.values())),
            latencies(self.label, self.latency, list(self.baselines.values()), self.settings, self.search),
            index_size(self.index),
            "\n".join(f"- {note}" for note in self.notes),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    to_json = renamed_method("EvaluationReport.to_json", "to_record")
