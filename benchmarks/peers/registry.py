"""The engines, by the names that the command line takes."""

from __future__ import annotations

from collections.abc import Mapping

from peers.engine import PeerEngine
from peers.lance import LanceDb
from peers.milvus import MilvusLite
from peers.ours import OurVectors, OurWords
from peers.qdrant import QdrantEdge, QdrantEdgeUnflushed
from peers.tantivy_index import Tantivy

ENGINES: Mapping[str, type[PeerEngine]] = {
    "lsr": OurVectors,
    "qdrant-edge-flushed": QdrantEdge,
    "qdrant-edge": QdrantEdgeUnflushed,
    "milvus-lite": MilvusLite,
    "lsr-bm25": OurWords,
    "tantivy": Tantivy,
    "lancedb": LanceDb,
}
