"""Writing CIFF: from rows to postings lists, in bounded memory."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lsr.core.errors import InputError
from lsr.core.files import atomic_file
from lsr.core.unique_ids import UniqueIds
from lsr.core.vocabulary import Vocabulary
from lsr.text.compression import WRITTEN_COMPRESSIONS
from lsr.vectors.ciff import codec
from lsr.vectors.ciff.messages import Header, delimited, describe_scale, length_field, varint_field
from lsr.vectors.sparse import SparseVectors

# The tf of the heaviest weight, unless a scale is given.
DEFAULT_LARGEST_TF = 255

# Postings inverted at once: 16 bytes each in memory, plus the batch that exceeds the limit.
_RUN_POSTINGS = 1 << 24
_DOCUMENTS_AT_A_TIME = 1 << 14
_LARGEST = 2**31 - 1

Progress = Callable[[int], None]


def write_ciff(
    path: Path,
    batches: Iterable[SparseVectors],
    vocabulary: Vocabulary,
    *,
    scale: float | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> int:
    """Write the vectors, compressed if the name ends in .gz or .zst; returns the number of rows.

    A weight becomes the integer tf = weight times `scale`, rounded, at least 1. By default the heaviest weight becomes
    255, since BMP and others that keep one byte per posting read 1 to 255. The header's description records the scale,
    with which `CiffReader` restores the weights to within half of 1 / scale, or to within 1 / scale where less than 1
    was rounded up.

    Lists are in the order of their terms' bytes, documents in the order of the rows. A document's length is the sum of
    its tf. Postings go through temporary files beside `path`, 8 bytes each; memory holds 16 bytes for each of
    _RUN_POSTINGS postings, about 30 per document, and one encoded list. Half of the rows are reported to `progress`
    as they are read, the others as the lists are written.

    InputError: batches with another vocabulary, a duplicate id, text that UTF-8 cannot encode, or a scale that makes
    a tf, or a document's sum of them, larger than 2³¹ - 1.
    """
    with atomic_file(path, force=force) as temporary, _Collector(path, vocabulary) as collected:
        reported = 0

        def report(reached: int) -> None:
            nonlocal reported
            if progress is not None and reached > reported:
                progress(reached - reported)
                reported = reached

        for batch in batches:
            collected.add(batch)
            report(collected.documents // 2)
        compression = WRITTEN_COMPRESSIONS.get(path.suffix.lower())
        with pa.output_stream(str(temporary), compression=compression) as file:
            for message in collected.messages(scale, report):
                file.write(message)
        report(collected.documents)
    return collected.documents


class _Collector:
    """Collects rows and turns them into lists: sorted by term in runs, which are spilled, then merged while encoding.

    A context manager; leaving it removes the temporary files.
    """

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        self.documents = 0
        self._source = str(path)
        self._vocabulary = vocabulary
        self._order, self._terms = self._sorted_terms()
        self._heaviest = 0.0
        self._seen = UniqueIds()
        self._pending: list[SparseVectors] = []
        self._pending_pairs = self._run_row = 0
        with ExitStack() as stack:
            self._rows, self._weights, self._offsets, self._id_bytes, self._id_lengths = (
                stack.enter_context(_Spill(path.parent, dtype))
                for dtype in (np.uint32, np.float32, np.int64, np.uint8, np.uint32)
            )
            self._resources = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._resources.close()

    def add(self, batch: SparseVectors) -> None:
        """Add the next rows."""
        if batch.dim != len(self._vocabulary):
            message = f"vectors of {batch.dim:,} terms need a vocabulary of that size, not of {len(self._vocabulary):,}"
            raise InputError(message, source=self._source)
        if self.documents + len(batch) > _LARGEST:
            raise InputError("a CIFF file can contain at most 2³¹ - 1 documents", source=self._source)
        ids = [self._encoded_id(row, id) for row, id in enumerate(batch.ids, start=self.documents)]
        self._id_bytes.append(np.frombuffer(b"".join(ids), np.uint8))
        self._id_lengths.append(np.fromiter(map(len, ids), np.uint32, len(ids)))
        self._heaviest = max(self._heaviest, float(batch.weights.max(initial=0)))
        self.documents += len(batch)
        self._pending.append(batch)
        self._pending_pairs += batch.nnz
        if self._pending_pairs >= _RUN_POSTINGS:
            self._spill_run()

    def messages(self, scale: float | None, report: Progress) -> Iterator[bytes]:
        """The messages of the file, in order; `report` is given the number of documents reached."""
        self._spill_run()
        if scale is None:
            scale = DEFAULT_LARGEST_TF / self._heaviest if self._heaviest else 1.0
        if self._heaviest * scale > _LARGEST:
            raise InputError(f"weight {self._heaviest:g} times {scale:g} exceeds 2³¹ - 1: choose a smaller scale")
        rows, weights = self._rows.map(), self._weights.map()
        offsets = self._offsets.map().reshape(-1, len(self._vocabulary) + 1)
        doclengths = np.zeros(self.documents, np.int64)
        df = (offsets[:, 1:] - offsets[:, :-1]).sum(axis=0)
        yield self._header(int(np.count_nonzero(df)), codec.total_tf(weights, scale), scale)

        half, done = self.documents // 2, 0
        out = np.empty(codec.POSTING_BYTES * int(df.max(initial=0)), np.uint8)
        for id in self._order:
            if not df[id]:
                continue
            starts, ends = offsets[:, id].copy(), offsets[:, id + 1].copy()
            size, cf = codec.encode_postings(rows, weights, starts, ends, scale, doclengths, out)
            fields = length_field(1, self._terms[id]) + varint_field(2, int(df[id])) + varint_field(3, cf)
            yield delimited(fields, out[:size].tobytes())
            done += int(df[id])
            report(half + (self.documents - half) * done // len(rows))
        yield from self._document_records(doclengths)

    def _header(self, lists: int, total_tf: int, scale: float) -> bytes:
        header = Header(
            lists=lists,
            documents=self.documents,
            total_lists=lists,
            total_documents=self.documents,
            total_tf=total_tf,
            average_doclength=total_tf / self.documents if self.documents else 0.0,
            description=describe_scale(scale),
        )
        return delimited(header.encode())

    def _document_records(self, doclengths: npt.NDArray[np.int64]) -> Iterator[bytes]:
        if self.documents and (longest := int(doclengths.max())) > _LARGEST:
            raise InputError(f"the tf of a document add up to {longest:,}, more than 2³¹ - 1: choose a smaller scale")
        id_bytes, id_lengths = self._id_bytes.map(), self._id_lengths.map()
        at = 0
        for first in range(0, self.documents, _DOCUMENTS_AT_A_TIME):
            part = slice(first, first + _DOCUMENTS_AT_A_TIME)
            lengths = id_lengths[part].tolist()
            ids = id_bytes[at : at + sum(lengths)].tobytes()
            at += len(ids)
            records, start = [], 0
            for docid, (length, doclength) in enumerate(zip(lengths, doclengths[part].tolist(), strict=True), first):
                id = length_field(2, ids[start : start + length])
                records.append(delimited(varint_field(1, docid), id, varint_field(3, doclength)))
                start += length
            yield b"".join(records)

    def _sorted_terms(self) -> tuple[list[int], list[bytes]]:
        """Term ids in the order of the terms' bytes, and the terms in UTF-8, by id."""
        terms = []
        for id, term in enumerate(self._vocabulary):
            try:
                terms.append(term.encode())
            except UnicodeEncodeError as error:
                message = f"term {id}, {term!r}, cannot be written in UTF-8: {error.reason}"
                raise InputError(message, source=self._source) from None
        return sorted(range(len(terms)), key=terms.__getitem__), terms

    def _encoded_id(self, row: int, id: str) -> bytes:
        if not self._seen.add(id):
            raise InputError(f"row {row}: duplicate id {id!r}; ids must be unique", source=self._source)
        try:
            return id.encode()
        except UnicodeEncodeError as error:
            message = f"row {row}: the id {id!r} cannot be written in UTF-8: {error.reason}"
            raise InputError(message, source=self._source) from None

    def _spill_run(self) -> None:
        """Sort the pending rows by term, and write them and each term's position to the temporary files."""
        if not self._pending_pairs:
            self._run_row += sum(map(len, self._pending))
            self._pending = []
            return
        counts = np.zeros(len(self._vocabulary), np.int64)
        for batch in self._pending:
            codec.count_terms(batch.indices, counts)
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        rows = np.empty(self._pending_pairs, np.uint32)
        weights = np.empty(self._pending_pairs, np.float32)
        free = indptr[:-1].copy()
        while self._pending:
            batch = self._pending.pop(0)
            codec.invert_rows(batch.indptr, batch.indices, batch.weights, self._run_row, free, rows, weights)
            self._run_row += len(batch)
        self._offsets.append(indptr + self._rows.length)
        self._rows.append(rows)
        self._weights.append(weights)
        self._pending_pairs = 0


class _Spill:
    """A growing array in a temporary file without a name, which therefore never outlives the process."""

    def __init__(self, folder: Path, dtype: npt.DTypeLike) -> None:
        self.length = 0
        self._dtype = np.dtype(dtype)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def append(self, values: npt.NDArray[Any]) -> None:
        self._file.write(np.ascontiguousarray(values, self._dtype).data)
        self.length += len(values)

    def map(self) -> npt.NDArray[Any]:
        """All values, memory-mapped."""
        self._file.flush()
        if not self.length:
            return np.frombuffer(b"", self._dtype)
        return np.frombuffer(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ), self._dtype)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
