"""pyseismic-lsr behind the thinnest route there is: terms and weights in, rows and scores out, as FastAPI serves them.

    python benchmarks/loads/seismic_server.py INDEX DIM PORT WORKERS QUERY_CUT HEAP_FACTOR

The route is a plain function, which FastAPI calls in one of its threads. An answer has no document and no text.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

_GIVEN = "LSR_BENCHMARK_SEISMIC"


class Query(BaseModel):
    terms: list[int]
    weights: list[float]
    k: int


def app() -> FastAPI:
    """The application; called in each of uvicorn's processes."""
    from lsr.eval.bench.engines.seismic import index_class

    path, dim, cut, factor = os.environ[_GIVEN].split("\n")
    index = index_class(int(dim)).load(path)
    made = FastAPI()

    @made.post("/search")
    def search(query: Query) -> Any:
        terms, weights = np.array(query.terms, np.int32), np.array(query.weights, np.float32)
        found = index.search(terms, weights, query.k, int(cut), float(factor), 0, True)
        return {"hits": [{"row": row, "score": score} for score, row in found]}

    @made.get("/readyz")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    return made


def main(path: str, dim: str, port: str, workers: str, cut: str, factor: str) -> None:
    import uvicorn

    os.environ[_GIVEN] = "\n".join((path, dim, cut, factor))
    uvicorn.run(
        "seismic_server:app",
        factory=True,
        port=int(port),
        workers=int(workers),
        access_log=False,
        log_level="warning",
        app_dir=os.path.dirname(__file__),  # noqa: PTH120
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
