"""From the items of a suite to its results: means, intervals and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from lsr.eval.collections import TestCollection
from lsr.eval.measures.significance import (
    effect_size,
    holm,
    mean_interval,
    paired_t_test,
    power,
    queries_needed,
    randomisation_test,
)
from lsr.eval.reports.published import Measured, published_beside
from lsr.eval.reports.suite.costs import costs
from lsr.eval.reports.suite.results import Item, SuiteResults
from lsr.eval.suites.config import MEAN, SuiteConfig

ABOUT = {
    "value": "mean over the judged queries; of a group, and of all (`mean`), the mean over collections, a group as one",
    "ci": "95 % interval of the mean over queries, by Student's t; none of means over collections",
    "p": "two-sided paired t-test against the first system, corrected by Holm over all pairs of systems",
    "p_t": "two-sided paired t-test",
    "p_randomisation": "two-sided randomisation test, 10,000 draws",
    "p_holm": "p_t corrected by Holm over all pairs of systems",
    "effect_size": "Cohen's d of the paired differences",
    "power": "of the two-sided paired t-test at 0.05, if the effect is as large as it was observed",
    "queries_needed": "for a power of 0.8 at an effect as large as the observed one; none if there is no effect",
    "costs": "of each item: bytes, terms and FLOPS of its index; times are in costs.csv and times.json",
    "published": "what others published, with its source; `unlike` says why it is not like for like, if it is not",
}


def results_of(suite: SuiteConfig, items: Sequence[Item], collections: Sequence[TestCollection]) -> SuiteResults:
    """The rows, tests and origins of a suite whose items are all there."""
    by_place = {(item.collection, item.system): item for item in items}
    names = [system.name for system in suite.systems]
    rows: list[dict[str, Any]] = []
    comparisons: list[dict[str, Any]] = []
    for config in suite.collections:
        for measure in suite.measures_of(config):
            values = {name: by_place[config.label, name].scores.values[measure] for name in names}
            pairs = _pairs(values, suite.seed)
            against_first = {pair["second"]: pair["p_holm"] for pair in pairs if pair["first"] == names[0]}
            where = {"collection": config.label, "measure": measure}
            comparisons += [{**where, **pair} for pair in pairs]
            for name in names:
                interval = mean_interval(values[name])
                rows.append(
                    {
                        "system": name,
                        **where,
                        "value": float(values[name].mean()),
                        "ci": None if interval is None else list(interval),
                        "p": against_first.get(name),
                    }
                )
    rows += _means(suite, rows)
    environments: list[Mapping[str, Any]] = []
    for item in items:
        if item.record["environment"] not in environments:
            environments.append(item.record["environment"])
    measured = [
        Measured(config.label, config.source, len(each.qrels), config.drop_self, suite.measures_of(config))
        for config, each in zip(suite.collections, collections, strict=True)
    ]
    record = {
        "title": suite.title,
        "rows": rows,
        "comparisons": comparisons,
        "costs": [costs(item) for item in items],
        "published": published_beside(measured),
        "settings": {"k": suite.k, "seed": suite.seed, "measures": suite.measures, "notes": suite.notes},
        "systems": {system.name: asdict(system) for system in suite.systems},
        "collections": {
            config.label: {
                **asdict(config),
                "queries": len(collection.queries),
                "judgements": collection.judgements,
            }
            for config, collection in zip(suite.collections, collections, strict=True)
        },
        "items": [
            {
                "system": item.system,
                "collection": item.collection,
                **{key: item.record[key] for key in ("identity", "documents", "model", "index", "notes")},
                "environment": environments.index(item.record["environment"]),
            }
            for item in items
        ],
        "environments": environments,
        "about": ABOUT,
    }
    by_name = {config.label: each for config, each in zip(suite.collections, collections, strict=True)}
    return SuiteResults(suite.title, record, by_place, by_name)


def _pairs(values: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
    """The tests of each pair of systems."""
    found: list[dict[str, Any]] = []
    for first, second in combinations(values, 2):
        one, other = values[first], values[second]
        effect = effect_size(other, one)
        found.append(
            {
                "first": first,
                "second": second,
                "difference": float((other - one).mean()),
                "p_t": paired_t_test(other, one),
                "p_randomisation": randomisation_test(other, one, seed),
                "effect_size": effect,
                "power": power(effect, len(one)),
                "queries_needed": queries_needed(effect),
            }
        )
    corrected = holm([each["p_t"] for each in found])
    return [{**each, "p_holm": p} for each, p in zip(found, corrected, strict=True)]


def _means(suite: SuiteConfig, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of groups of collections, and of all collections, each group being one of these."""
    found = []
    groups = {config.label: config.group for config in suite.collections}
    for system in suite.systems:
        measures = dict.fromkeys(row["measure"] for row in rows)
        for measure in measures:
            values: dict[str, list[float]] = {}
            for row in rows:
                if (row["system"], row["measure"]) == (system.name, measure):
                    values.setdefault(groups[row["collection"]] or row["collection"], []).append(row["value"])
            means = {name: float(np.mean(each)) for name, each in values.items()}
            shown = {name: mean for name, mean in means.items() if name in set(groups.values())}
            if len(means) > 1:
                shown[MEAN] = float(np.mean(list(means.values())))
            found += [
                {"system": system.name, "collection": name, "measure": measure, "value": mean, "ci": None, "p": None}
                for name, mean in shown.items()
            ]
    return found
