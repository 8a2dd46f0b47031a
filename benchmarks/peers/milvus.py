"""milvus-lite 3, a server in threads of this process, by pymilvus, with sparse vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers.engine import PeerDocument, PeerEngine, Sizes, Vector

_NAME = "documents"


class MilvusLite(PeerEngine):
    """A collection, flushed after every write: until then, searches scan what is in memory."""

    title, package, module = "milvus-lite", "milvus-lite", "milvus_lite"
    promise = (
        "`flush` has made a Parquet file of it, and forced the manifest that names the file to the disk, but not the "
        "file: stays if the process is killed"
    )

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        from pymilvus import DataType, MilvusClient

        made = folder.exists()
        folder.mkdir(exist_ok=True)
        self._client = MilvusClient(str(folder / "collection.db"))
        if not made:
            schema = self._client.create_schema(auto_id=False)
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("version", DataType.INT64)
            schema.add_field("terms", DataType.SPARSE_FLOAT_VECTOR)
            index = self._client.prepare_index_params()
            index.add_index("terms", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
            self._client.create_collection(_NAME, schema=schema, index_params=index)
        self._client.load_collection(_NAME)

    def prepared(self, documents: Sequence[PeerDocument]) -> list[dict[str, Any]]:
        return [{"id": each.id, "version": each.version, "terms": _sparse(each.vector)} for each in documents]

    def add(self, prepared: list[dict[str, Any]]) -> None:
        self._client.insert(_NAME, prepared)
        self._flush()

    def replace(self, prepared: list[dict[str, Any]]) -> None:
        self._client.upsert(_NAME, prepared)
        self._flush()

    def delete(self, ids: Sequence[int]) -> None:
        self._client.delete(_NAME, ids=list(ids))
        self._flush()

    def _flush(self) -> None:
        self._client.flush(_NAME)

    def search(self, query: Vector, k: int = 10) -> list[int]:
        (hits,) = self._client.search(_NAME, [_sparse(query)], anns_field="terms", limit=k)
        return [hit["id"] for hit in hits]

    def compact(self) -> None:
        self._flush()
        self._client.compact(_NAME)

    def holds(self) -> dict[int, int]:
        rows = self._client.query_iterator(_NAME, batch_size=1000, filter="id >= 0", output_fields=["id", "version"])
        found: dict[int, int] = {}
        while batch := rows.next():
            found.update((row["id"], row["version"]) for row in batch)
        rows.close()
        return found

    def close(self) -> None:
        self._client.close()


def _sparse(vector: Vector) -> dict[int, float]:
    return dict(zip(vector.terms, vector.weights, strict=True))
