"""What was exported, read back by the engines' own packages where there are any, and searched."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from lsr.exchange.source import VECTOR, TermWeights
from lsr.index import Index

Vectors = dict[str, TermWeights]
Search = Callable[[npt.NDArray[Any], npt.NDArray[Any], int], list[str]]
Read = Callable[[Path, Index], tuple[Vectors, Search]]

# Of the names of fields in OpenSearch's mapping, and its default.
_CEILING_SEARCH = 16.0
_FOLDED = 32768


def of_mapping(vector: dict[Any, Any]) -> TermWeights:
    """Terms and weights of an object, in the order of the terms."""
    terms = np.array([int(term) for term in vector], np.uint32)
    order = np.argsort(terms)
    return terms[order], np.array(list(vector.values()), np.float32)[order]


def of_points(points: Any) -> Iterator[tuple[str, TermWeights]]:
    """Ids, terms and weights of Qdrant's points."""
    for point in points:
        vector = point.vector[VECTOR]
        terms, weights = np.array(vector.indices, np.uint32), np.array(vector.values, np.float32)
        order = np.argsort(terms)
        yield point.payload["id"], (terms[order], weights[order])


class Matrix:
    """Inner products of vectors that were read back, in float64; ties by id, as here."""

    def __init__(self, vectors: Vectors, dim: int) -> None:
        self.ids = sorted(vectors, key=str.encode)
        rows = [vectors[id] for id in self.ids]
        indptr = np.cumsum([0, *(len(terms) for terms, _ in rows)])
        terms = np.concatenate([terms for terms, _ in rows]).astype(np.int64)
        weights = np.concatenate([weights for _, weights in rows]).astype(np.float64)
        self.rows = sparse.csr_matrix((weights, terms, indptr), (len(rows), dim))

    def search(self, terms: npt.NDArray[Any], weights: npt.NDArray[Any], k: int) -> list[str]:
        """The ids of the k best."""
        query = np.zeros(self.rows.shape[1])
        query[terms.astype(np.int64)] = weights
        scores = self.rows @ query
        best = np.argsort(-scores, kind="stable")[:k]
        return [self.ids[row] for row in best if scores[row] > 0]


def read_qdrant(place: Path, index: Index) -> tuple[Vectors, Search]:
    """By the client's local mode."""
    from qdrant_client import QdrantClient, models

    client = QdrantClient(path=str(place))
    vectors: Vectors = {}
    offset = None
    while True:
        points, offset = client.scroll("docs", limit=1000, offset=offset, with_vectors=True)
        vectors |= dict(of_points(points))
        if offset is None:
            break

    def search(terms: npt.NDArray[Any], weights: npt.NDArray[Any], k: int) -> list[str]:
        query = models.SparseVector(indices=terms.tolist(), values=weights.tolist())
        found = client.query_points("docs", query=query, using=VECTOR, limit=k).points
        return [point.payload["id"] for point in found]

    return vectors, search


def read_qdrant_edge(place: Path, index: Index) -> tuple[Vectors, Search]:
    """The points of the collection in a shard of qdrant-edge, which is the server's own segment."""
    import qdrant_edge as edge
    from qdrant_client import QdrantClient

    folder = Path(tempfile.mkdtemp(prefix="edge-", dir=place.parent))
    config = edge.EdgeConfig(sparse_vectors={VECTOR: edge.EdgeSparseVectorParams()})
    shard = edge.EdgeShard.create(str(folder), config)
    client = QdrantClient(path=str(place))
    vectors: Vectors = {}
    offset = None
    while True:
        points, offset = client.scroll("docs", limit=1000, offset=offset, with_vectors=True)
        vectors |= dict(of_points(points))
        moved = [
            edge.Point(
                each.id,
                {VECTOR: edge.SparseVector(each.vector[VECTOR].indices, each.vector[VECTOR].values)},
                {"id": each.payload["id"]},
            )
            for each in points
        ]
        shard.update(edge.UpdateOperation.upsert_points(moved))
        if offset is None:
            break
    client.close()
    shard.optimize()
    shutil.rmtree(folder, ignore_errors=True)

    def search(terms: npt.NDArray[Any], weights: npt.NDArray[Any], k: int) -> list[str]:
        query = edge.Query.Nearest(edge.SparseVector(terms.tolist(), weights.tolist()), VECTOR)
        found = shard.search(edge.SearchRequest(query, k, with_payload=True))
        return [point.payload["id"] for point in found]

    return vectors, search


def read_milvus(place: Path, index: Index) -> tuple[Vectors, Search]:
    """By Milvus Lite."""
    from pymilvus import MilvusClient

    client = MilvusClient(str(place / "milvus.db"))
    client.load_collection("docs")
    iterator = client.query_iterator("docs", batch_size=1000, output_fields=["id", VECTOR])
    vectors: Vectors = {}
    while batch := iterator.next():
        vectors |= {each["id"]: of_mapping(each[VECTOR]) for each in batch}

    def search(terms: npt.NDArray[Any], weights: npt.NDArray[Any], k: int) -> list[str]:
        query = dict(zip(terms.tolist(), weights.tolist(), strict=True))
        return [hit["id"] for hit in client.search("docs", data=[query], anns_field=VECTOR, limit=k)[0]]

    return vectors, search


def read_lance(place: Path, index: Index) -> tuple[Vectors, Search]:
    """By pylance; scored here."""
    import lance

    vectors: Vectors = {}
    for batch in lance.dataset(str(place)).to_batches(columns=["id", "indices", "values"]):
        for row in batch.to_pylist():
            vectors[row["id"]] = np.array(row["indices"], np.uint32), np.array(row["values"], np.float32)
    return vectors, Matrix(vectors, index.dim).search


def bulk(place: Path) -> Vectors:
    """The documents of bulk requests."""
    vectors: Vectors = {}
    for path in sorted((place / "bulk").glob("*.ndjson")):
        with path.open(encoding="utf-8") as file:
            for action in file:
                vectors[json.loads(action)["index"]["_id"]] = of_mapping(json.loads(next(file)).get(VECTOR, {}))
    return vectors


def read_features(place: Path, index: Index) -> tuple[Vectors, Search]:
    """As Lucene's FeatureField keeps weights: the first 16 bits of a float32 beyond its sign, the others cut off."""
    vectors = bulk(place)
    kept = {id: (terms, cut(weights)) for id, (terms, weights) in vectors.items()}
    return vectors, Matrix(kept, index.dim).search


def cut(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Weights as FeatureField keeps them."""
    return (weights.view(np.uint32) >> 15 << 15).view(np.float32)


def read_seismic(place: Path, index: Index) -> tuple[Vectors, Search]:
    """As `sparse_vector` of OpenSearch keeps weights: terms folded to 15 bits, weights in bytes, queries' too."""
    vectors = bulk(place)
    method = json.loads((place / "index.json").read_text())["mappings"]["properties"][VECTOR]["method"]
    ceiling = method["parameters"]["quantization_ceiling_ingest"]
    kept = {id: folded(*of, ceiling) for id, of in vectors.items()}
    matrix = Matrix(kept, _FOLDED)

    def search(terms: npt.NDArray[Any], weights: npt.NDArray[Any], k: int) -> list[str]:
        return matrix.search(*folded(terms, weights, _CEILING_SEARCH), k)

    return vectors, search


def folded(terms: npt.NDArray[Any], weights: npt.NDArray[Any], ceiling: float) -> TermWeights:
    """Terms modulo 2^15, each with its heaviest weight, in units of a 255th of the ceiling."""
    heaviest: dict[int, float] = {}
    for term, weight in zip(terms.tolist(), weights.tolist(), strict=True):
        whole = float(np.floor(min(weight, ceiling) * 255 / ceiling + 0.5))
        heaviest[term % _FOLDED] = max(whole, heaviest.get(term % _FOLDED, 0.0))
    return of_mapping(heaviest)


def read_vespa(place: Path, index: Index) -> tuple[Vectors, Search]:
    """By `wand` over whole weights, the best of which are scored by the tensors."""
    vectors: Vectors = {}
    whole: Vectors = {}
    with (place / "documents.jsonl").open(encoding="utf-8") as file:
        for line in file:
            fields = json.loads(line)["fields"]
            vectors[fields["id"]] = of_mapping(fields.get(VECTOR, {}))
            whole[fields["id"]] = of_mapping(fields.get("terms", {}))
    first, exact = Matrix(whole, index.dim), Matrix(vectors, index.dim)

    def search(terms: npt.NDArray[Any], weights: npt.NDArray[Any], k: int) -> list[str]:
        rounded = np.maximum(np.rint(weights.astype(np.float64) * 1000), 1)
        found = set(first.search(terms, rounded, max(10 * k, 100)))
        return [id for id in exact.search(terms, weights, len(exact.ids)) if id in found][:k]

    return vectors, search


READERS: dict[str, dict[str, Read]] = {
    "opensearch": {
        "OpenSearch, rank_features (scored here)": read_features,
        "OpenSearch, sparse_vector (scored here)": read_seismic,
    },
    "elasticsearch": {"Elasticsearch (scored here)": read_features},
    "qdrant": {"Qdrant, local mode": read_qdrant, "Qdrant, qdrant-edge": read_qdrant_edge},
    "milvus": {"Milvus Lite": read_milvus},
    "vespa": {"Vespa (scored here)": read_vespa},
    "lance": {"Lance (scored here)": read_lance},
}
"""By target: each way to read and search it."""
