"""Elasticsearch: requests that make an index, fill it, and ask it.

A folder of JSON: `index.json`, the body of `PUT /NAME`, with a field `sparse_vector` (8.11 or later); `bulk/*.ndjson`,
the bodies of `POST /NAME/_bulk`; `query.json`, that of `POST /NAME/_search` (8.15 or later).

Terms are named by their numbers: names of a model's vocabulary may have dots, which the field refuses. Weights are kept
with 9 significant bits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lsr.core.files import atomic_folder
from lsr.exchange.bulk import mapping, write_json, write_requests
from lsr.exchange.source import VECTOR, Source, TermWeights, pairs
from lsr.exchange.targets import Target, Written


class Elasticsearch:
    """See `Target`."""

    def write(self, source: Source, place: str, *, force: bool, query: TermWeights | None, k: int) -> Written:
        """See `Target.write`."""
        with atomic_folder(place, force=force) as folder:
            write_json(folder / "index.json", {"mappings": mapping(source, {"type": "sparse_vector"})})
            if query is not None:
                write_json(folder / "query.json", self.body(query, k, source.name))
            documents = write_requests(Path(folder), source)
        return Written(documents, source.notes)

    def body(self, query: TermWeights, k: int, name: str) -> dict[str, Any]:
        """None of the query's terms is left out, as versions from 9.1 on would by themselves."""
        return {
            "size": k,
            "query": {"sparse_vector": {"field": VECTOR, "query_vector": pairs(*query), "prune": False}},
        }


TARGET: Target = Elasticsearch()
