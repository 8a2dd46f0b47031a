"""The documents' token vectors, memory-mapped, and MaxSim over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.annotated import as_annotated
from lsr.core.arguments import count
from lsr.core.arrays import numbers, row_numbers
from lsr.core.errors import IndexFormatError, InputError, NotFoundError
from lsr.index.format.arrays import open_array, open_offsets
from lsr.index.parts.late.kernel import match_vectors, score_rows
from lsr.index.parts.late.quantisation import dequantise, quantise_query
from lsr.index.parts.late.record import CODES_NAME, INDPTR_NAME, SCALES_NAME, LateRecord

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LateVectors:
    """Quantised token vectors by row. Open with `open`; safe to use from several threads.

    A query is quantised too, to 16 bits, so that sums are of whole numbers: scores are the same to the bit on every
        processor, and agree to about five digits with the exact scores of the quantised documents.

    Attributes:
        record: what the manifest says of them.
        indptr: int64 [documents + 1]: where each row's vectors are.
        codes: uint8 [vectors * bytes of a vector], laid out as in `lsr.index.parts.late.kernel`.
        scales: float32 [vectors].
    """

    record: LateRecord
    indptr: npt.NDArray[np.int64]
    codes: npt.NDArray[np.uint8]
    scales: Floats

    @classmethod
    @as_annotated
    def open(cls, folder: Path, record: LateRecord) -> LateVectors:
        """Map the files; IndexFormatError names one that is missing, damaged or of another shape than recorded."""
        indptr = open_offsets(folder / INDPTR_NAME, record.documents + 1, record.vectors)
        return cls(
            record,
            indptr,
            open_array(folder / CODES_NAME, np.uint8, record.vectors * record.vector_bytes),
            open_array(folder / SCALES_NAME, np.float32, record.vectors),
        )

    def __len__(self) -> int:
        """The number of documents."""
        return self.record.documents

    @property
    def bytes(self) -> int:
        """Their size on disk, and in memory once all is read."""
        return self.indptr.nbytes + self.codes.nbytes + self.scales.nbytes

    def scores(self, query: Floats, rows: npt.NDArray[np.integer]) -> Floats:
        """MaxSim of the query's token vectors and each of these documents: float32 [rows], on one thread.

        The sum over the query's vectors of the largest inner product with a vector of the document (Khattab and Zaharia
        2020, arXiv:2004.12832, section 3.3); 0 for a document without vectors.

        query: float32 [m, dim]. InputError if it has another dim or a value that is not finite; NotFoundError for a
            row that does not exist.
        """
        chosen = self._check_rows(rows)
        scores = np.empty(len(chosen), np.float32)
        codes, scales = self._quantise(query)
        score_rows(self.indptr, self.codes, self.scales, self.record.bits, chosen, codes, scales, scores)
        if not np.isfinite(scores).all():
            raise IndexFormatError(
                f"{SCALES_NAME}: a scale is not finite, or too large", remedies=["add the token vectors again"]
            )
        return scores

    def explain(self, query: Floats, row: int) -> tuple[npt.NDArray[np.int64], Floats]:
        """The document's best vector for each of the query's vectors, and their inner products.

        int64 [m] and float32 [m], whose sum is the document's score; -1 and 0 if the document has no vector. The first
        are places among the document's vectors, whose tokens `TokenEncoder.document_tokens` names. Errors as for
        `scores`.
        """
        (row,) = self._check_rows([count(row, "a row", least=-(2**63))]).tolist()
        codes, scales = self._quantise(query)
        places, products = np.full(len(codes), -1, np.int64), np.zeros(len(codes), np.float32)
        first, last = int(self.indptr[row]), int(self.indptr[row + 1])
        if first < last:
            vector = np.empty(codes.shape[1], np.int16)
            match_vectors(
                codes=self.codes,
                scales=self.scales,
                bits=self.record.bits,
                first=first,
                last=last,
                queries=codes,
                vector=vector,
                products=products,
                places=places,
            )
        return places, products * scales

    def vectors(self, row: int) -> Floats:
        """The document's vectors as stored: float32 [tokens, dim]. NotFoundError for a row that does not exist."""
        (row,) = self._check_rows([count(row, "a row", least=-(2**63))]).tolist()
        part = slice(int(self.indptr[row]), int(self.indptr[row + 1]))
        record = self.record
        codes = self.codes.reshape(record.vectors, record.vector_bytes)[part]
        return dequantise(codes, self.scales[part], record.dim, record.bits)

    def problems(self) -> Iterator[str]:
        """What a search trusts and does not hold, each problem naming its file. Reads the offsets and the scales."""
        if not (np.isfinite(self.scales) & (self.scales >= 0)).all():
            yield f"{SCALES_NAME}: a scale is not finite, or below zero"

    def _check_rows(self, rows: npt.ArrayLike) -> npt.NDArray[np.int64]:
        # A writable copy: kernels would be compiled again for read-only arrays.
        chosen = row_numbers(rows).copy()
        if chosen.size and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise NotFoundError(f"a row is out of range: there are {len(self):,} documents with token vectors")
        return chosen

    def _quantise(self, query: Floats) -> tuple[npt.NDArray[np.int16], Floats]:
        query = numbers(query, "the query's token vectors")
        if query.ndim != 2 or query.shape[1] != self.record.dim:
            raise InputError(
                f"the query's token vectors are of shape {query.shape}; the documents' have {self.record.dim} numbers: "
                "encode both with one model"
            )
        if not np.isfinite(query).all():
            raise InputError("a token vector of the query has a value that is not finite")
        return quantise_query(query, self.record.bits)


def open_late(folder: Path, record: dict[str, Any], documents: int) -> LateVectors:
    """IndexFormatError if the record or a file is not as it should be."""
    try:
        read = LateRecord.from_record(record)
    except InputError as error:
        raise IndexFormatError(f"{folder}: the record of the token vectors is not readable ({error})") from error
    if read.documents != documents:
        raise IndexFormatError(f"{folder}: token vectors of {read.documents:,} documents, and not of {documents:,}")
    return LateVectors.open(folder, read)
