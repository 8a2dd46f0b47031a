"""A segment: the immutable files of an index, memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.errors import IndexFormatError
from lsr.index.arrays import open_array
from lsr.index.documents import DocumentStore
from lsr.index.ids import IdTable
from lsr.index.manifest import Manifest

VOCABULARY_NAME = "vocabulary.jsonl"
DOCUMENTS_NAME = "documents.arrow"


def term_dtype(dim: int) -> np.dtype[Any]:
    """uint16 where the vocabulary fits, uint32 where it does not."""
    return np.dtype(np.uint16 if dim <= 1 << 16 else np.uint32)


@dataclass(frozen=True, slots=True)
class Postings:
    """Rows of (number, weight) pairs in CSR form.

    Attributes:
        indptr: int64 [rows + 1].
        indices: term ids (uint16 or uint32) of a document in the forward index, document rows (uint32) of a term in
            the inverted lists; ascending within a row.
        weights: uint8, 1 to 255, in units of the manifest's weight_scale.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]
    weights: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Segment:
    """The parts of an index on disk."""

    forward: Postings
    inverted: Postings
    ids: IdTable
    documents: DocumentStore

    @classmethod
    def open(cls, folder: Path, manifest: Manifest) -> Segment:
        """Map the files; IndexFormatError names one that is missing, shortened or of another shape."""
        check_files(folder, manifest)
        documents, dim, postings = manifest.documents, manifest.dim, manifest.postings
        return cls(
            forward=open_postings(folder, "forward", documents, postings, term_dtype(dim)),
            inverted=open_postings(folder, "inverted", dim, postings, np.uint32),
            ids=IdTable(folder, documents),
            documents=DocumentStore(folder / DOCUMENTS_NAME),
        )


def open_postings(folder: Path, name: str, rows: int, nnz: int, dtype: npt.DTypeLike) -> Postings:
    """Map NAME_indptr, NAME_terms (forward) or NAME_rows (inverted), and NAME_weights."""
    what = "terms" if name == "forward" else "rows"
    return Postings(
        open_array(folder / f"{name}_indptr.npy", np.int64, rows + 1),
        open_array(folder / f"{name}_{what}.npy", dtype, nnz),
        open_array(folder / f"{name}_weights.npy", np.uint8, nnz),
    )


def check_files(folder: Path, manifest: Manifest) -> None:
    """IndexFormatError names the first file that is missing or not of the recorded size."""
    for problem in file_problems(folder, manifest):
        raise IndexFormatError(f"{problem}: build the index again or restore it from a copy")


def file_problems(folder: Path, manifest: Manifest) -> list[str]:
    """Every file that is missing or not of the recorded size."""
    problems = []
    for name, record in manifest.files.items():
        path = folder / name
        try:
            size = path.stat().st_size
        except OSError:
            problems.append(f"{path}: missing")
            continue
        if size != record.bytes:
            problems.append(f"{path}: expected {record.bytes:,} bytes, found {size:,}")
    return problems
