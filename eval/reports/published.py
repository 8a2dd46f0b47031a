"""Published effectiveness of other systems, beside ours, with its source and whether it is like for like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lsr.core.structured import read_settings
from lsr.eval.measures.metrics import metric_names

_FILE = Path(__file__).with_name("published.yaml")
_IRDS = "irds:"


class Measured(NamedTuple):
    """A collection as it is measured here.

    Attributes:
        label: its name in tables.
        source: a folder, or irds:NAME.
        queries: how many are judged.
        drop_self: whether a query never finds itself.
        measures: as ranx spells them.
    """

    label: str
    source: str
    queries: int
    drop_self: bool
    measures: Sequence[str]


def published_beside(collections: Sequence[Measured]) -> list[dict[str, Any]]:
    """What others have published on these collections, by these measures, as JSON values.

    A collection is known by its name in ir_datasets, or else by its label. Each row has `system`, `collection` (our
    label), `measure`, `value`, `source`, `about`, and `unlike`: why it is not like for like, which is empty if it is.
    """
    known = _known()
    made = []
    for system in known["systems"]:
        for collection in collections:
            key = _key(collection, known["collections"])
            for measure, values in system["values"].items():
                (name,) = metric_names([measure])
                if key is not None and key in values and name in collection.measures:
                    made.append(
                        {
                            "system": system["name"],
                            "collection": collection.label,
                            "measure": name,
                            "value": values[key],
                            "source": "{title} ({where})".format(**known["sources"][system["source"]]),
                            "about": system.get("about", ""),
                            "unlike": list(_unlike(collection, known["collections"][key], key, system)),
                        }
                    )
    return made


def _unlike(here: Measured, there: Mapping[str, Any], key: str, system: Mapping[str, Any]) -> Iterator[str]:
    """What tells the published value from ours."""
    if here.queries != there["queries"]:
        yield f"of {there['queries']:,} queries, where {here.queries:,} are judged here"
    if there.get("drop_self", False) and not here.drop_self:
        yield "there no query finds itself"
    if key in system.get("trained_on", ()):
        yield "trained on the training set of this collection"


def _key(collection: Measured, known: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The collection's name among the published; None for one that is not there."""
    if collection.source.startswith(_IRDS):
        name = collection.source.removeprefix(_IRDS)
        return next((key for key, there in known.items() if there["irds"] == name), None)
    label = collection.label.lower()
    return label if label in known else None


@cache
def _known() -> dict[str, Any]:
    return dict(read_settings(_FILE, yaml=True))
