"""`milvus-lite server` and pymilvus: documents put in, and searches at once, from a process of its own.

    python benchmarks/loads/milvus_client.py PORT fill DOCS.parquet DIM
    python benchmarks/loads/milvus_client.py PORT load QUERIES.parquet DIM K N CONNECTIONS SECONDS

A connection is a thread with a client of its own, which asks again when it has its answer. As with the other servers,
the first fifth of the time is not counted, and answers have neither vector nor text. Prints JSON.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from pathlib import Path
from time import perf_counter
from typing import Any

from generator import Clients

from lsr.vectors.files import iter_vectors, read_vectors

_NAME = "documents"
_BATCH = 1000


def _client(port: int) -> Any:
    from pymilvus import MilvusClient

    return MilvusClient(f"http://127.0.0.1:{port}")


def fill(port: int, documents: Path, dim: int) -> dict[str, Any]:
    """Put all documents in, and load them with an inverted index, as Milvus would have it; how many they are."""
    from pymilvus import DataType

    client = _client(port)
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("terms", DataType.SPARSE_FLOAT_VECTOR)
    index = client.prepare_index_params()
    index.add_index("terms", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    client.create_collection(_NAME, schema=schema, index_params=index)
    rows = 0
    for vectors in iter_vectors(documents, dim=dim, batch_rows=_BATCH):
        client.insert(_NAME, [{"id": rows + row, "terms": terms} for row, terms in enumerate(_rows(vectors))])
        rows += len(vectors)
    client.flush(_NAME)
    client.load_collection(_NAME)
    return {"rows": rows}


def load(port: int, queries: Path, dim: int, k: int, count: int, connections: int, seconds: float) -> dict[str, Any]:
    """Ask for so many seconds; the figures of `Clients`, and the rows found of each query that was answered."""
    asked = {number: terms for number, terms in enumerate(_rows(read_vectors(queries, dim=dim)[:count])) if terms}
    numbers = itertools.cycle(asked)
    clients, lock = Clients([]), threading.Lock()
    found: dict[int, list[int]] = {}
    _client(port).load_collection(_NAME)  # of a server that was started anew

    def ask() -> None:
        client = _client(port)
        while clients.going:
            with lock:
                number = next(numbers)
            began = perf_counter()
            try:
                (hits,) = client.search(_NAME, [asked[number]], anns_field="terms", limit=k, output_fields=["id"])
            except Exception:
                with lock:
                    clients.broken += 1
                continue
            with lock:
                clients.answered(200, perf_counter() - began)
                found[number] = [hit["id"] for hit in hits]

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    time.sleep(seconds * 0.2)
    with lock:
        clients.count_from_now()
    time.sleep(seconds * 0.8)
    with lock:
        clients.going = False
        return clients.record() | {"found": found}


def _rows(vectors: Any) -> list[dict[int, float]]:
    return [dict(zip(terms.tolist(), weights.tolist(), strict=True)) for _, terms, weights in vectors]


def main(port: str, what: str, file: str, *numbers: str) -> None:
    if what == "fill":
        print(json.dumps(fill(int(port), Path(file), int(numbers[0]))))
    else:
        dim, k, count, connections, seconds = numbers
        figures = load(int(port), Path(file), int(dim), int(k), int(count), int(connections), float(seconds))
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
