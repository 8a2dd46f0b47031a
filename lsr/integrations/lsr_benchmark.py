"""lsr-benchmark: a retrieval engine of its tracks, over the vectors of others.

    python -m lsr.integrations.lsr_benchmark --dataset DATASET --embedding EMBEDDING --output FOLDER

as lsr-benchmark calls the engines in its images; folders may stand for the names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from lsr.core.errors import InputError, OutputExistsError
from lsr.core.extras import needed
from lsr.core.files import atomic_file
from lsr.index import IndexBuilder, IndexSettings
from lsr.vectors.sparse import SparseVectors

with needed("lsr-benchmark", "lsr_benchmark", "lsr-benchmark"):
    import lsr_benchmark
    from lsr_benchmark.click import retrieve_command
    from tirex_tracker import ExportFormat, register_metadata, tracking

_TAG = "lsr"
_ROWS = 8192


def retrieve(dataset: str, embedding: str, output: str | Path, k: int = 1000) -> Path:
    """Index a data set's vectors, search for its queries, and write `run.txt` and what tirex-tracker measured of both.

    Search is exact, of weights in 24 bits; equal scores go by the order of the documents.

    Args:
        dataset: a name of lsr-benchmark, or a folder with its queries.
        embedding: whose vectors, or their folder.
        output: the folder to write into.
        k: how many documents for a query, at most.

    Returns:
        The path of the run. OutputExistsError if it is there.
    """
    folder = Path(output)
    run = folder / "run.txt"
    if run.exists():
        raise OutputExistsError(f"{run} already exists")
    folder.mkdir(parents=True, exist_ok=True)
    given = lsr_benchmark.load(dataset)
    register_metadata({"actor": {"team": "reneuir-baselines"}, "tag": _TAG})
    numbers: dict[str, int] = {}
    documents = [*_vectors(given.doc_embeddings(model_name=embedding), numbers, grow=True)]
    queries = [*_vectors(given.query_embeddings(model_name=embedding), numbers, grow=False)]
    if not documents or not queries:
        raise InputError("there are no vectors of documents, or none of queries", field="embedding")
    dim = len(numbers)
    with TemporaryDirectory(prefix="lsr-benchmark-") as work:
        with (
            _tracked(folder / "index-metadata.yml"),
            IndexBuilder(Path(work) / "index", dim=dim, settings=IndexSettings(weight_bits=24)) as builder,
        ):
            for start in range(0, len(documents), _ROWS):
                ids, rows = zip(*documents[start : start + _ROWS], strict=True)
                builder.add(SparseVectors.from_rows(list(rows), list(ids), dim))
            index = builder.finish()
        ids, rows = zip(*queries, strict=True)
        asked = SparseVectors.from_rows(list(rows), list(ids), dim)
        with _tracked(folder / "retrieval-metadata.yml"):
            found = index.search_batch(asked, min(k, len(index)), mode="exact")
    with atomic_file(run) as temporary, temporary.open("w", encoding="utf-8") as file:
        for query, hits in zip(ids, found, strict=True):
            for rank, (id, score) in enumerate(zip(hits.ids, hits.scores, strict=True), start=1):
                file.write(f"{query} Q0 {id} {rank} {float(score)} {_TAG}\n")
    return run


def _tracked(path: Path) -> Any:
    return tracking(export_file_path=path, export_format=ExportFormat.IR_METADATA)


def _vectors(
    embeddings: Iterable[tuple[str, Any, Any]], numbers: dict[str, int], *, grow: bool
) -> Iterator[tuple[str, tuple[list[int], list[float]]]]:
    """Ids and rows; `grow`: number terms that are new, which else no document has, and are left out."""
    for id, tokens, weights in embeddings:
        row: dict[int, float] = {}
        for token, weight in zip(tokens.tolist(), np.asarray(weights, np.float32).tolist(), strict=True):
            number = numbers.setdefault(token, len(numbers)) if grow else numbers.get(token)
            if number is not None and weight > 0:
                row[number] = weight
        terms = sorted(row)
        yield str(id), (terms, [row[term] for term in terms])


@retrieve_command()
def main(dataset: str, output: Path, embedding: str, k: int) -> None:
    """Index and retrieve, as lsr-benchmark's engines do."""
    retrieve(dataset, embedding, output, k)


if __name__ == "__main__":
    main()
