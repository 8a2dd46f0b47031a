"""The metrics of several processes as those of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_ONCE = "lsr_collection_"
"""What begins so is said of what all processes see, and is taken from the first that says it."""


class Merged(Collector):
    """What several processes count, added up; what each says of the same collections is taken once.

    A process gives `list(metrics.registry.collect())`, which can be pickled; that of `Merged` is what
    `prometheus_client.generate_latest` takes.
    """

    def __init__(self, processes: Iterable[Iterable[Metric]]) -> None:
        self._processes = processes

    def collect(self) -> Iterator[Metric]:
        merged: dict[str, Metric] = {}
        values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
        for families in self._processes:
            for family in families:
                merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                found = values.setdefault(family.name, {})
                once = family.name.startswith(_ONCE)
                for sample in family.samples:
                    if sample.name.endswith("_created"):  # when a process began to count
                        continue
                    place = sample.name, tuple(sample.labels.items())
                    found[place] = found.get(place, sample.value) if once else found.get(place, 0.0) + sample.value
        for name, family in merged.items():
            for (sample_name, labels), value in values[name].items():
                family.add_sample(sample_name, dict(labels), value)
            yield family
