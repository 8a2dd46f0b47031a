"""A segment: the immutable files of an index, memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError
from lsr.index.format.arrays import open_array
from lsr.index.format.manifest import Manifest
from lsr.index.kernels.scoring import ForwardArguments
from lsr.index.parts.bmp.blocks import BmpBlocks
from lsr.index.parts.documents import DocumentStore
from lsr.index.parts.forward import Postings, open_postings, term_dtype
from lsr.index.parts.ids import IdTable
from lsr.index.parts.seismic.blocks import SeismicBlocks
from lsr.index.parts.settings import IndexSettings
from lsr.index.parts.summaries.blocks import Summaries
from lsr.index.parts.vocabulary import StoredVocabulary
from lsr.index.parts.windows import WindowRows

VOCABULARY_NAME = "vocabulary.jsonl"
DOCUMENTS_NAME = "documents.arrow"
# Made from the rest, and kept because a search by filter, and reading a document's vector, need it.
POSITIONS_NAME = "order_positions.npy"
ROWS_NAME = "order_rows.npy"
DEFICITS_NAME = "forward_deficits.npy"
TOKENS_NAME = "term_tokens.npy"


@dataclass(frozen=True)
class Segment:
    """The parts of an index on disk.

    A document's row is its number in the order in which it was added; its position is its place in the index, where
    alike documents stand beside each other. `forward` goes by position.

    Attributes:
        forward: the documents' terms and weights (uint8, in units of the manifest's weight_scale).
        forward_deficits: uint8 [nnz]: 256ths of a unit by which the weights in `forward` are too large, or None in an
            index of 8 bits a weight.
        document_rows: uint32 [documents]: the row at each position.
        row_positions: uint32 [documents]: the position of each row.
        term_documents: int64 [dim]: the number of documents that each term stands in.
        term_tokens: int64 [dim]: the number of documents in whose text each term is a token, or None if not counted.
        summaries: of the blocks of documents.
        seismic: the blocks of Seismic, or None in an index built without.
        bmp: the blocks of Block-Max Pruning, or None in an index built without.
        windows: which document each row is a window of, or None in an index of whole documents.
        vocabulary: None in an index built without.
    """

    forward: Postings
    forward_deficits: npt.NDArray[np.uint8] | None
    document_rows: npt.NDArray[np.uint32]
    row_positions: npt.NDArray[np.uint32]
    term_documents: npt.NDArray[np.int64]
    term_tokens: npt.NDArray[np.int64] | None
    summaries: Summaries
    seismic: SeismicBlocks | None
    bmp: BmpBlocks | None
    ids: IdTable
    documents: DocumentStore
    vocabulary: StoredVocabulary | None
    windows: WindowRows | None

    def part(self, name: str) -> Any:
        """The part of this name; None in an index built without it."""
        return getattr(self, name)

    @cached_property
    def forward_arrays(self) -> ForwardArguments:
        """What kernels take of the forward index."""
        return ForwardArguments(
            forward_indptr=self.forward.indptr,
            forward_terms=self.forward.indices,
            forward_weights=self.forward.weights,
            forward_deficits=self.forward_deficits,
        )

    @classmethod
    def open(cls, folder: Path, manifest: Manifest) -> Segment:
        """Map the files; IndexFormatError names one that is missing, shortened or of another shape."""
        check_files(folder, manifest)
        documents, dim, postings = manifest.documents, manifest.dim, manifest.postings
        settings = IndexSettings.from_record(manifest.settings)
        fine = settings.weight_bits == 16
        return cls(
            forward=open_postings(folder, documents, postings, term_dtype(dim)),
            forward_deficits=open_array(folder / DEFICITS_NAME, np.uint8, postings) if fine else None,
            document_rows=open_array(folder / ROWS_NAME, np.uint32, documents),
            row_positions=open_array(folder / POSITIONS_NAME, np.uint32, documents),
            term_documents=open_array(folder / "term_documents.npy", np.int64, dim),
            term_tokens=open_array(folder / TOKENS_NAME, np.int64, dim) if TOKENS_NAME in manifest.files else None,
            summaries=Summaries.open(folder, documents, dim, settings.choose_block_size(documents)),
            seismic=SeismicBlocks.open(folder, dim) if settings.seismic is not None else None,
            bmp=BmpBlocks.open(folder, documents, dim, settings.bmp.block_size) if settings.bmp is not None else None,
            ids=IdTable(folder, documents),
            documents=DocumentStore(folder / DOCUMENTS_NAME),
            vocabulary=StoredVocabulary(folder / VOCABULARY_NAME) if VOCABULARY_NAME in manifest.files else None,
            windows=None if manifest.windows is None else WindowRows.open(folder, manifest.windows, documents),
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
