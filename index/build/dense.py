"""Adding dense vectors to an index."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.annotated import as_annotated
from lsr.core.arrays import numbers
from lsr.core.counted import counted, verb
from lsr.core.errors import InputError
from lsr.index.format.arrays import ArrayWriter, open_array
from lsr.index.live.snapshot import Index
from lsr.index.parts.adding import PartWriter
from lsr.index.parts.dense.ann import import_faiss, write_ann
from lsr.index.parts.dense.record import ANN_NAME, NAME, VECTORS_NAME, DenseRecord
from lsr.index.parts.dense.settings import DenseSettings
from lsr.index.parts.dense.vectors import prepare_vectors


@as_annotated
def add_dense(
    index: Index,
    batches: Iterable[npt.NDArray[np.floating]],
    *,
    encoder: dict[str, Any] | None = None,
    similarity: str = "cosine",
    settings: DenseSettings | None = None,
    seed: int = 0,
    threads: int | None = None,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Index:
    """Add dense vectors of the documents to an index; return the index, opened again.

    Args:
        batches: [n, dim], together one vector for each document, in the order of the rows. A vector of zeros is kept
            and scores 0.
        encoder: the encoder's own description, recorded in the manifest.
        similarity: "cosine" or "dot".
        settings: see `DenseSettings`.
        seed: for the clusters and codes that faiss learns. With more than one of `threads` (default: all CPUs), the
            links of HNSW also depend on timing.
        force: replace existing dense vectors; they stay until the new ones are published.
        progress: called with the number of vectors just finished; each counts twice, written and built.

    Memory holds one batch and, while faiss builds, its structure. InputError for a wrong number or length of vectors,
    or for values that are not finite.
    """
    import_faiss()  # before hours of encoding
    index.sparse.whole_segment()  # or InputError
    settings = DenseSettings() if settings is None else settings
    report = progress or (lambda count: None)
    with PartWriter(index.path, index.segments[0].record.name, NAME, force=force) as part:
        record, rows = None, 0
        with ArrayWriter(part.folder / VECTORS_NAME, np.float32) as writer:
            for batch in batches:
                batch = numbers(batch, "dense vectors")
                if record is None:
                    record = _record(batch, len(index), encoder, similarity, settings)
                writer.append(_checked(batch, rows, record).ravel())
                rows += len(batch)
                report(len(batch))
        if record is None or rows != len(index):
            raise InputError(
                f"the index has {counted(len(index), 'documents')}, but there {verb(rows)} "
                f"{counted(rows, 'dense vectors')}"
            )
        if record.kind != "flat":
            vectors = open_array(part.folder / VECTORS_NAME, np.float32, rows * record.dim).reshape(rows, record.dim)
            count = threads or os.cpu_count() or 1
            write_ann(part.folder / ANN_NAME, vectors, record.kind, seed=seed, threads=count, progress=report)
        else:
            report(rows)
        part.publish(record.to_record())
    return Index.open(index.path)


def _record(
    batch: npt.NDArray[np.floating],
    documents: int,
    encoder: dict[str, Any] | None,
    similarity: str,
    settings: DenseSettings,
) -> DenseRecord:
    if batch.ndim != 2 or not batch.shape[1]:
        raise InputError(f"dense vectors must have shape [documents, dim], not {batch.shape}")
    full = batch.shape[1]
    if settings.truncate is not None and settings.truncate > full:
        raise InputError(f"vectors of length {full} cannot be truncated to {settings.truncate}")
    dim = settings.truncate or full
    return DenseRecord(dim, full, similarity, settings.choose_kind(documents), encoder)


def _checked(batch: npt.NDArray[np.floating], first: int, record: DenseRecord) -> npt.NDArray[np.float32]:
    if batch.ndim != 2 or batch.shape[1] != record.full_dim:
        raise InputError(f"row {first}: expected vectors of length {record.full_dim}, found shape {batch.shape}")
    vectors, bad = prepare_vectors(np.asarray(batch, np.float32), record)
    if bad >= 0:
        raise InputError(f"row {first + bad}: the dense vector has a value that is not finite")
    return vectors
