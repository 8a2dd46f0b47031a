"""The items of a suite: what one system found in one collection, each in a folder that appears whole or not at all.

RESULTS/runs/COLLECTION/SYSTEM/run.trec     its rankings
RESULTS/runs/COLLECTION/SYSTEM/item.json    what it is made of, and every query's scores
RESULTS/runs/COLLECTION/SYSTEM/times.json   what differs from run to run: latency, seconds
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lsr import __version__
from lsr.core.errors import InputError
from lsr.core.files import atomic_file, atomic_folder
from lsr.core.structured import read_settings
from lsr.eval.collections import TestCollection
from lsr.eval.measures.machine import describe_machine
from lsr.eval.measures.metrics import Scores
from lsr.eval.measures.second_opinion import checked_scores
from lsr.eval.reports.suite.results import Item
from lsr.eval.runs import read_run, with_ids, write_run
from lsr.eval.suites.config import file_name
from lsr.eval.systems.system import Answered

RUN, ITEM, TIMES = "run.trec", "item.json", "times.json"
# The manifest of an index is as long as the times in it are.
_VARYING = ("manifest", "total")


def item_folder(results: Path, collection: str, system: str) -> Path:
    """Where an item lies."""
    return results / "runs" / file_name(collection) / file_name(system)


def find_item(
    results: Path, system: str, collection: str, identity: str, measures: Sequence[str], judged: TestCollection
) -> Item | None:
    """The item, if it is there and of this identity; measures that it lacks are computed from its run."""
    folder = item_folder(results, collection, system)
    with suppress(InputError):  # half of one was never published: what cannot be read was changed, and is made again
        record, times = read_settings(folder / ITEM), read_settings(folder / TIMES)
        if record.get("identity") != identity or not (folder / RUN).exists():
            return None
        if set(measures) - set(record["scores"]):
            run = with_ids(read_run(folder / RUN), judged.qrels, {id for each in judged.qrels.values() for id in each})
            record["scores"] |= _lists(checked_scores(run, judged.qrels, measures))
            with atomic_file(folder / ITEM, force=True) as temporary:
                temporary.write_text(json.dumps(record) + "\n", encoding="utf-8")
        return Item(system, collection, folder, record, times)
    return None


def publish_item(
    results: Path,
    system: str,
    collection: str,
    identity: str,
    answered: Answered,
    scores: Scores,
    took: Mapping[str, Any],
) -> Item:
    """Write an item and put it in its place by one rename; `took` is put with its times."""
    folder = item_folder(results, collection, system)
    index = dict(answered.index or {})
    if parts := index.pop("parts", None):
        index["bytes"] = sum(size for part, size in parts.items() if part not in _VARYING)
        index["bytes_per_document"] = index["bytes"] / index["documents"]
    record = {
        "identity": identity,
        "environment": {"lsr": __version__, **describe_machine()},
        "label": answered.label,
        "documents": answered.documents,
        "model": answered.variant,
        "index": index or None,
        "notes": list(answered.notes),
        "queries": scores.query_ids,
        "scores": _lists(scores),
    }
    times = {
        **took,
        "latency": {part: asdict(each) for part, each in (answered.latency or {}).items()},
        "search": answered.search and answered.search._asdict(),
    }
    with atomic_folder(folder, force=True) as temporary:
        write_run(temporary / RUN, answered.run, tag=file_name(system))
        for name, value in ((ITEM, record), (TIMES, times)):
            (temporary / name).write_text(json.dumps(value) + "\n", encoding="utf-8")
    return Item(system, collection, folder, json.loads(json.dumps(record)), times)


def _lists(scores: Scores) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in scores.values.items()}
