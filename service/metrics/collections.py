"""The state of each collection, looked at when metrics are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class CollectionFigures(NamedTuple):
    """What there is to say of a collection; None for what is not known in this process."""

    documents: int
    segments: int
    deleted: int
    log_bytes: int
    bytes: int
    merges_running: int | None = None

    @classmethod
    def of(cls, description: Mapping[str, Any], *, merges_running: int | None = None) -> Self:
        """By what an index says of itself (`Index.describe`); one that is not written to is one segment."""
        bytes = description.get("bytes", {})
        return cls(
            documents=description["documents"],
            segments=len(description.get("segments", (None,))),
            deleted=description.get("deleted", 0),
            log_bytes=bytes.get("log", 0),
            bytes=bytes.get("total", 0),
            merges_running=merges_running,
        )


_MEANINGS = {
    "documents": "Documents that a search sees.",
    "segments": "Segments on disk.",
    "deleted": "Rows that were deleted or replaced and still take space.",
    "log_bytes": "Bytes of the log since the last segment.",
    "bytes": "Bytes on disk, the log included.",
    "merges_running": "Segments being made now, out of memory or of others.",
}


class CollectionMetrics(Collector):
    """Gauges of every collection, `lsr_collection_…`, labelled with its name."""

    def __init__(self, figures: Callable[[], Mapping[str, CollectionFigures]]) -> None:
        """`figures` is called once for each time that metrics are asked for, in a thread."""
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        found = self._figures()
        for field, meaning in _MEANINGS.items():
            family = GaugeMetricFamily(f"lsr_collection_{field}", meaning, labels=["collection"])
            for name, figures in found.items():
                if (value := getattr(figures, field)) is not None:
                    family.add_metric([name], value)
            yield family
