"""The results of a suite: rows of system, collection, measure, value, interval and p, and all that repeats them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsr.eval.collections import TestCollection
from lsr.eval.measures.metrics import Scores


@dataclass(frozen=True, slots=True)
class Item:
    """What one system found in one collection.

    Attributes:
        system, collection: their names in the suite.
        folder: where it lies.
        record: `identity` (of all that decides the answers), `environment` (versions and machine), `documents`,
            `model`, `index`, `notes`, `queries` (ids) and `scores` (by measure, in the order of the queries).
        times: `seconds` in all and by `stages` (what was there already, an index of another system say, takes none),
            `energy_joules` or None, `latency` by part, and `search`: the mean work of the timed searches.
    """

    system: str
    collection: str
    folder: Path
    record: Mapping[str, Any]
    times: Mapping[str, Any]

    @property
    def scores(self) -> Scores:
        """Every query's scores."""
        values = {name: np.array(each, dtype=np.float64) for name, each in self.record["scores"].items()}
        return Scores(list(self.record["queries"]), values)


@dataclass(frozen=True, slots=True)
class SuiteResults:
    """What a suite found.

    Attributes:
        title: the suite's.
        record: what `results.json` holds: `rows`, `comparisons` of all pairs, `costs`, `published`, `settings`,
            `systems`, `collections`, `items`, `environments` and `about`. The same for the same texts, models and
            settings, to the byte.
        items: by collection and system.
        collections: by name.
    """

    title: str
    record: dict[str, Any]
    items: dict[tuple[str, str], Item]
    collections: dict[str, TestCollection]

    @property
    def systems(self) -> list[str]:
        """The names of the systems, in their order."""
        return list(self.record["systems"])

    def times(self) -> dict[str, Any]:
        """What `times.json` holds: seconds and latency of each item."""
        return {name: {s: dict(self.items[name, s].times) for s in self.systems} for name in self.collections}
