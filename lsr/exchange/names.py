"""The engines that an index is exported to: the registry. None is loaded by it."""

from __future__ import annotations

from typing import NamedTuple


class TargetEntry(NamedTuple):
    """An engine that is not loaded yet.

    `module` has a `Target` as TARGET. `output` is what it is written to; `servers` says whether it may be a URL.
    """

    module: str
    title: str
    output: str
    servers: bool = False


TARGETS = {
    "opensearch": TargetEntry("lsr.exchange.opensearch", "OpenSearch", "a folder of requests"),
    "elasticsearch": TargetEntry("lsr.exchange.elasticsearch", "Elasticsearch", "a folder of requests"),
    "qdrant": TargetEntry("lsr.exchange.qdrant", "Qdrant", "a folder for its client, or a server's URL", servers=True),
    "milvus": TargetEntry("lsr.exchange.milvus", "Milvus", "a folder for Milvus Lite, or a server's URL", servers=True),
    "vespa": TargetEntry("lsr.exchange.vespa", "Vespa", "a folder with an application and its feed"),
    "lance": TargetEntry("lsr.exchange.lance", "Lance", "a dataset, NAME.lance"),
}
"""By the name that they are asked for."""
