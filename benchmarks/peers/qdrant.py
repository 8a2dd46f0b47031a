"""Qdrant's shard in this process, with sparse vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers.engine import PeerDocument, PeerEngine, Sizes, Vector


class QdrantEdge(PeerEngine):
    """`EdgeShard`, flushed after every write."""

    title, package, module = "qdrant-edge, flushed", "qdrant-edge-py", "qdrant_edge"
    promise = "in the log and in the segments, and `flush` has forced both to the disk: stays if the power goes"
    flushes = True

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        import qdrant_edge

        self._qdrant = qdrant_edge
        if folder.exists():
            self._shard = qdrant_edge.EdgeShard.load(str(folder))
        else:
            folder.mkdir()
            config = qdrant_edge.EdgeConfig(sparse_vectors={"terms": qdrant_edge.EdgeSparseVectorParams()})
            self._shard = qdrant_edge.EdgeShard.create(str(folder), config)

    def prepared(self, documents: Sequence[PeerDocument]) -> Any:
        return self._qdrant.UpdateOperation.upsert_points(
            [
                self._qdrant.Point(each.id, {"terms": self._sparse(each.vector)}, {"version": each.version})
                for each in documents
            ]
        )

    def add(self, prepared: Any) -> None:
        self._shard.update(prepared)
        if self.flushes:
            self._shard.flush()

    replace = add

    def delete(self, ids: Sequence[int]) -> None:
        self.add(self._qdrant.UpdateOperation.delete_points(list(ids)))

    def search(self, query: Vector, k: int = 10) -> list[int]:
        nearest = self._qdrant.Query.Nearest(self._sparse(query), "terms")
        return [point.id for point in self._shard.search(self._qdrant.SearchRequest(nearest, k))]

    def _sparse(self, vector: Vector) -> Any:
        return self._qdrant.SparseVector(vector.terms, vector.weights)

    def compact(self) -> None:
        self._shard.optimize()
        self._shard.flush()

    def holds(self) -> dict[int, int]:
        found: dict[int, int] = {}
        place = None
        while True:
            request = self._qdrant.ScrollRequest(offset=place, limit=1000, with_payload=True)
            points, place = self._shard.scroll(request)
            found.update((point.id, point.payload["version"]) for point in points)
            if place is None:
                return found

    def close(self) -> None:
        self._shard.close()


class QdrantEdgeUnflushed(QdrantEdge):
    """The same without `flush`."""

    title = "qdrant-edge"
    promise = "in the log, which is in the system's memory: stays if the process is killed, not if the power goes"
    flushes = False
