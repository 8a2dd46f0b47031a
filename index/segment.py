"""A segment: the immutable files of an index, memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsr.errors import IndexFormatError
from lsr.index.blocks import Blocks
from lsr.index.documents import DocumentStore
from lsr.index.ids import IdTable
from lsr.index.manifest import Manifest
from lsr.index.postings import Postings, open_postings, term_dtype
from lsr.index.vocabulary import StoredVocabulary

VOCABULARY_NAME = "vocabulary.jsonl"
DOCUMENTS_NAME = "documents.arrow"
# Stands in an index that has blocks.
BLOCKS_NAME = "block_indptr.npy"


@dataclass(frozen=True, slots=True)
class Segment:
    """The parts of an index on disk; `blocks` and `vocabulary` are None in an index built without."""

    forward: Postings
    inverted: Postings
    blocks: Blocks | None
    ids: IdTable
    documents: DocumentStore
    vocabulary: StoredVocabulary | None

    @classmethod
    def open(cls, folder: Path, manifest: Manifest) -> Segment:
        """Map the files; IndexFormatError names one that is missing, shortened or of another shape."""
        check_files(folder, manifest)
        documents, dim, postings = manifest.documents, manifest.dim, manifest.postings
        return cls(
            forward=open_postings(folder, "forward", documents, postings, term_dtype(dim)),
            inverted=open_postings(folder, "inverted", dim, postings, np.uint32),
            blocks=Blocks.open(folder, dim) if BLOCKS_NAME in manifest.files else None,
            ids=IdTable(folder, documents),
            documents=DocumentStore(folder / DOCUMENTS_NAME),
            vocabulary=StoredVocabulary(folder / VOCABULARY_NAME) if VOCABULARY_NAME in manifest.files else None,
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
