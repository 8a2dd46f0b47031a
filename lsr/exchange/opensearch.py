"""OpenSearch: requests that make an index, fill it, and ask it.

A folder of JSON: `index.json`, the body of `PUT /NAME`, with a field `sparse_vector`, which is searched by SEISMIC from
OpenSearch 3.3 on; `bulk/*.ndjson`, the bodies of `POST /NAME/_bulk`; `query.json`, that of `POST /NAME/_search`.
`rank_features/` has another `index.json` and `query.json` for the same requests: exact search, from 2.11 on.

Terms are named by their numbers, as `sparse_vector` demands. It folds them to 15 bits and keeps the heavier of two
weights that fall together, so vocabularies of more than 32,768 terms are better off with `rank_features`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lsr.core.files import atomic_folder
from lsr.exchange.bulk import mapping, write_json, write_requests
from lsr.exchange.source import VECTOR, Source, TermWeights, pairs
from lsr.exchange.targets import Target, Written

EXACT = "rank_features"
"""The folder of the requests for an index that is searched exactly."""

# `sparse_vector` keeps a term in a signed short.
_FOLDED = 32768


class OpenSearch:
    """See `Target`."""

    def write(self, source: Source, place: str, *, force: bool, query: TermWeights | None, k: int) -> Written:
        """See `Target.write`."""
        approximate = {
            "type": "sparse_vector",
            "method": {"name": "seismic", "parameters": {"quantization_ceiling_ingest": round(source.heaviest, 6)}},
        }
        with atomic_folder(place, force=force) as folder:
            body = {"settings": {"index": {"sparse": True}}, "mappings": mapping(source, approximate)}
            write_json(folder / "index.json", body)
            write_json(folder / EXACT / "index.json", {"mappings": mapping(source, {"type": "rank_features"})})
            if query is not None:
                write_json(folder / "query.json", self.body(query, k, source.name))
                write_json(folder / EXACT / "query.json", exact_body(query, k))
            documents = write_requests(Path(folder), source)
        notes = source.notes
        if source.index.dim > _FOLDED:
            folded = f"sparse_vector folds {source.index.dim:,} terms to {_FOLDED:,}: use the requests in {EXACT}"
            notes = (*notes, folded)
        return Written(documents, notes)

    def body(self, query: TermWeights, k: int, name: str) -> dict[str, Any]:
        """For a field `sparse_vector`; all of the query's terms are looked up."""
        body = exact_body(query, k)
        terms = max(1, len(query[0]))
        body["query"]["neural_sparse"][VECTOR]["method_parameters"] = {"k": k, "top_n": terms, "heap_factor": 1.0}
        return body


def exact_body(query: TermWeights, k: int) -> dict[str, Any]:
    """The body of a search in an index with `rank_features`."""
    return {"size": k, "query": {"neural_sparse": {VECTOR: {"query_tokens": pairs(*query)}}}}


TARGET: Target = OpenSearch()
