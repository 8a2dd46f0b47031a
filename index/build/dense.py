"""Giving an index a dense part."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.index.format.arrays import ArrayWriter, open_array
from lsr.index.live.snapshot import Index
from lsr.index.parts.adding import PartWriter
from lsr.index.parts.dense.ann import import_faiss, write_ann
from lsr.index.parts.dense.record import ANN_NAME, NAME, VECTORS_NAME, DenseRecord
from lsr.index.parts.dense.settings import DenseSettings
from lsr.index.parts.dense.vectors import prepare_vectors


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
    """Write the dense vectors of an index's documents and publish them with it; return the index, opened anew.

    Args:
        batches: [n, dim], together one vector for each document, in the order of the rows. A vector of zeros is kept,
            and scores 0.
        encoder: what the encoder says of itself, recorded.
        similarity: "cosine" or "dot".
        settings: see `DenseSettings`.
        seed: of the clusters and codes that faiss learns. With more than one of `threads` (default: all CPUs), the
            links of HNSW also depend on which came first.
        force: replace a dense part that is there; it stays until the new one is published.
        progress: called with the number of vectors just finished; each counts twice, written and built.

    Memory holds one batch and, while faiss builds, its structure. InputError for vectors of another number, length or
    with numbers that are not finite.
    """
    import_faiss()  # before hours of encoding
    settings = settings or DenseSettings()
    report = progress or (lambda count: None)
    with PartWriter(index.path, index.manifest.segment, NAME, force=force) as part:
        record, rows = None, 0
        with ArrayWriter(part.folder / VECTORS_NAME, np.float32) as writer:
            for batch in batches:
                if record is None:
                    record = _record(batch, len(index), encoder, similarity, settings)
                writer.append(_checked(batch, rows, record).ravel())
                rows += len(batch)
                report(len(batch))
        if record is None or rows != len(index):
            raise InputError(f"the index has {len(index):,} documents, and there are {rows:,} dense vectors")
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
        raise InputError(f"dense vectors come as a table [documents, dim], not of shape {batch.shape}")
    full = batch.shape[1]
    if settings.truncate is not None and settings.truncate > full:
        raise InputError(f"vectors of {full} numbers cannot be truncated to {settings.truncate}")
    dim = settings.truncate or full
    return DenseRecord(dim, full, similarity, settings.choose_kind(documents), encoder)


def _checked(batch: npt.NDArray[np.floating], first: int, record: DenseRecord) -> npt.NDArray[np.float32]:
    if batch.ndim != 2 or batch.shape[1] != record.full_dim:
        raise InputError(f"row {first}: vectors of {record.full_dim} numbers go on with shape {batch.shape}")
    vectors, bad = prepare_vectors(np.asarray(batch, np.float32), record)
    if bad >= 0:
        raise InputError(f"row {first + bad}: the dense vector holds a number that is not finite")
    return vectors
