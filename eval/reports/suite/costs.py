"""What the items of a suite cost: size, sparsity and FLOPS, which repeat, and times and energy, which do not."""

from __future__ import annotations

import csv
import io
from typing import Any

from lsr.eval.reports.suite.results import Item, SuiteResults

_TERMS = ("mean", "p5", "p50", "p95", "most")
_LATENCY = ("mean_ms", "p50_ms", "p95_ms", "p99_ms")


def costs(item: Item) -> dict[str, Any]:
    """What an item costs, and what repeats of it: None for what its system does not have."""
    index = item.record["index"] or {}
    # Of an item of an older version there is the mean alone.
    terms = index.get("terms") or {side: {"mean": mean} for side, mean in index.get("active_terms", {}).items()}
    return {
        "system": item.system,
        "collection": item.collection,
        "documents": item.record["documents"],
        "index_bytes": index.get("bytes"),
        "bytes_per_document": index.get("bytes_per_document"),
        "flops": index.get("flops"),
        **{
            f"terms_per_{name}_{value}": terms.get(side, {}).get(value)
            for side, name in (("documents", "document"), ("queries", "query"))
            for value in _TERMS
        },
    }


def times(item: Item) -> dict[str, Any]:
    """What it took: seconds of each stage, latency of a query on one thread, and energy, None if that is not known."""
    latency = item.times["latency"] or {}
    return {
        **{
            f"{stage.lower().replace(' ', '_')}_seconds": seconds
            for stage, seconds in item.times.get("stages", {}).items()
        },
        "seconds": item.times["seconds"],
        **{
            f"{part}_{value}": latency[part][value]
            for part in ("encode", "search", "total")
            if part in latency
            for value in _LATENCY
        },
        "energy_joules": item.times.get("energy_joules"),
    }


def costs_csv(results: SuiteResults) -> str:
    """A line for each item: what it costs, and what it took."""
    rows = [costs(item) | times(item) for item in results.items.values()]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in rows)
    return out.getvalue()
