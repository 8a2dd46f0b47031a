"""Reading CIFF: from postings lists to rows, in bounded memory."""

from __future__ import annotations

import errno
import mmap
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, NoReturn

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.mapping import map_file
from lsr.core.unique_ids import UniqueIds
from lsr.core.vocabulary import Vocabulary
from lsr.text.compression import COMPRESSIONS
from lsr.text.lines import open_bytes
from lsr.vectors.ciff import codec
from lsr.vectors.ciff.messages import VERSION, Header, read_varint
from lsr.vectors.sparse import SparseVectors

# Postings decoded at once: 8 bytes each in memory, twice that while the consumer still has the previous ones.
_PART_POSTINGS = 1 << 24
_CHECKED_LISTS = 1024
# Bytes of a message, at least: its length, and a term or id of one character as a tag, a length and a byte. One list
# may be of a term without a character.
_LEAST_MESSAGE = 4
# What a compressed file may become, and how many times its size beyond that: more than any index shrinks by.
_SMALL, _MOST_EXPANDED = 1 << 30, 200

_HOW_TO_MEND = "download or export the file again"


class CiffReader:
    """A memory-mapped CIFF file; a compressed one is first decompressed into an unnamed temporary file.

    Opening finds the postings lists. `batches` decodes everything twice, first to check and count: a list is sorted by
    document, so the lists can then be read in parallel, each continuing where the previous documents left it.

    Attributes:
        path: the file.
        header: its first message.
        terms: the lists' terms, in the order of the lists.

    InputError if it is not a CIFF file, is truncated, or has a term twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._buffer = _map(path)
        self.header, at = self._read_header()
        self._find_lists(at)
        self.terms = self._read_terms()

    def vocabulary(self) -> Vocabulary:
        """The terms, sorted."""
        return Vocabulary(sorted(self.terms))

    def batches(self, vocabulary: Vocabulary, batch_rows: int, scale: float | None) -> Iterator[SparseVectors]:
        """Batches of at most `batch_rows` rows, in the order of the docids, with `vocabulary`'s term ids.

        A weight is tf over `scale`, by default the scale that `write_ciff` recorded or, for a file made by another
        program, 1. A file without documents gives one empty batch.

        InputError, before the first batch, names the message that has a term outside the vocabulary or breaks a rule of
        the format; a duplicate id is only found later.
        """
        scale = scale or self.header.scale or 1.0
        terms = self._term_ids(vocabulary)
        lengths = self._check_lists()
        id_starts, id_ends = self._find_documents()
        ids = self._ids(id_starts, id_ends)
        order = np.argsort(terms)
        terms, cursors, ends = terms[order], self._starts[order], self._ends[order]
        docids = np.zeros(len(order), np.int64)
        indptr = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        first, documents = 0, self.header.documents
        while first < documents:
            last = int(np.searchsorted(indptr, indptr[first] + _PART_POSTINGS, side="right")) - 1
            last = max(last, first + 1)
            part_indptr = indptr[first : last + 1] - indptr[first]
            indices = np.empty(part_indptr[-1], np.uint32)
            weights = np.empty(part_indptr[-1], np.float32)
            free = part_indptr[:-1].copy()
            codec.decode_rows(
                buffer=self._buffer,
                cursors=cursors,
                docids=docids,
                ends=ends,
                terms=terms,
                first_row=first,
                free=free,
                scale=scale,
                indices=indices,
                weights=weights,
            )
            for row in range(0, last - first, batch_rows):
                stop = min(row + batch_rows, last - first)
                pairs = slice(part_indptr[row], part_indptr[stop])
                yield SparseVectors(
                    part_indptr[row : stop + 1] - part_indptr[row],
                    indices[pairs],
                    weights[pairs],
                    list(islice(ids, stop - row)),
                    len(vocabulary),
                    source=str(self.path),
                    first_row=first + row,
                )
            first = last
        if not documents:
            yield SparseVectors.empty(len(vocabulary))

    # -- the parts of the file ---------------------------------------------------------------------------------------

    def _read_header(self) -> tuple[Header, int]:
        head = self._buffer[:10].tobytes()
        try:
            size, start = read_varint(head, 0)
            if not 0 <= size <= len(self._buffer) - start:
                raise ValueError("its first message is longer than the file")
            header = Header.parse(self._buffer[start : start + size].tobytes())
            if header.lists < 0 or header.documents < 0:
                raise ValueError(f"its header announces {header.lists} lists and {header.documents} documents")
        except ValueError as error:
            message = f"not a CIFF file, or damaged: {error} (compressed files are named .ciff.gz or .ciff.zst)"
            raise InputError(message, source=str(self.path)) from None
        if header.version > VERSION:
            self._fail(f"CIFF version {header.version} is not supported: export the file in version {VERSION}")
        # No memory is allocated for the counts of a damaged header.
        left = len(self._buffer) - start - size
        if _LEAST_MESSAGE * (header.lists + header.documents - 1) > left:
            self._fail(
                f"the header announces {header.lists:,} postings lists and {header.documents:,} documents, but only "
                f"{left:,} bytes follow: {_HOW_TO_MEND}"
            )
        return header, start + size

    def _find_lists(self, at: int) -> None:
        count = self.header.lists
        self._starts, self._ends, self._term_starts, self._term_ends = (np.empty(count, np.int64) for _ in range(4))
        found, self._lists_end, code = codec.find_lists(
            self._buffer, at, self._starts, self._ends, self._term_starts, self._term_ends
        )
        if code == codec.CUT_SHORT:
            self._cut_short(1 + found, self._lists_end)
        if code == codec.WRONG_FIELD:
            self._not_a("PostingsList", 1 + found)
        if code == codec.MALFORMED:
            self._malformed(1 + found)

    def _read_terms(self) -> list[str]:
        terms: dict[str, int] = {}
        starts, ends = self._term_starts.tolist(), self._term_ends.tolist()
        for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
            try:
                term = self._buffer[start:end].tobytes().decode()
            except UnicodeDecodeError as error:
                self._fail(f"{_message(1 + i)}: the term is not UTF-8 ({error.reason}): {_HOW_TO_MEND}")
            if terms.setdefault(term, i) != i:
                self._fail(
                    f"{_message(1 + i)}: the term {term!r} already has a list, {_message(1 + terms[term])}: each "
                    "term needs one list, so merge the parts of the index before exporting it"
                )
        return list(terms)

    def _term_ids(self, vocabulary: Vocabulary) -> npt.NDArray[np.uint32]:
        terms = np.empty(len(self.terms), np.uint32)
        for i, term in enumerate(self.terms):
            id = vocabulary.id(term)
            if id is None:
                self._fail(
                    f"{_message(1 + i)}: the term {term!r} is not one of the {len(vocabulary):,} terms of the "
                    "vocabulary: give the vocabulary that the vectors were made with, or none"
                )
            terms[i] = id
        return terms

    def _check_lists(self) -> npt.NDArray[np.int32]:
        """int32 [documents]: the number of terms of each document."""
        lengths = np.zeros(self.header.documents, np.int32)
        for first in range(0, len(self.terms), _CHECKED_LISTS):
            part = slice(first, first + _CHECKED_LISTS)
            good, code, postings, value = codec.check_lists(self._buffer, self._starts[part], self._ends[part], lengths)
            if code != codec.OK:
                self._bad_list(first + good, code, postings, value)
        return lengths

    def _find_documents(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """int64 [documents] each: where each document's id begins and ends."""
        count = self.header.documents
        starts, ends = np.full(count, -1, np.int64), np.empty(count, np.int64)
        found, at, code, docid = codec.find_documents(self._buffer, self._lists_end, count, starts, ends)
        message = 1 + self.header.lists + found
        if code == codec.CUT_SHORT:
            self._cut_short(message, at)
        if code == codec.WRONG_FIELD:
            self._not_a("DocRecord", message)
        if code == codec.MALFORMED:
            self._malformed(message)
        if code == codec.OUT_OF_RANGE:
            self._fail(
                f"{_message(message)}: docid {docid} is outside the file's {count:,} documents, which are numbered "
                f"from 0: {_HOW_TO_MEND}"
            )
        if code == codec.TWICE:
            self._fail(f"{_message(message)}: docid {docid} already has a record: {_HOW_TO_MEND}")
        if at < len(self._buffer):
            self._fail(
                f"{len(self._buffer) - at:,} bytes follow {_message(message - 1)}, which should be the last by "
                f"the header's {self.header.lists:,} postings lists and {count:,} documents: {_HOW_TO_MEND}"
            )
        return starts, ends

    def _ids(self, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> Iterator[str]:
        seen = UniqueIds()
        for docid in range(len(starts)):
            encoded = self._buffer[starts[docid] : ends[docid]].tobytes()
            try:
                id = encoded.decode()
            except UnicodeDecodeError as error:
                self._fail(f"the collection_docid of docid {docid} is not UTF-8 ({error.reason}): {_HOW_TO_MEND}")
            if not id:
                self._fail(f"docid {docid} has no collection_docid, and an id is needed: {_HOW_TO_MEND}")
            if not seen.add(id):
                self._fail(f"docid {docid}: duplicate id {id!r}; ids must be unique")
            yield id

    # -- errors ------------------------------------------------------------------------------------------------------

    def _bad_list(self, list: int, code: int, postings: int, value: int) -> NoReturn:
        if code == codec.WRONG_FIELD:
            self._not_a("PostingsList", 1 + list)
        if code == codec.MALFORMED:
            self._malformed(1 + list)
        where = f"{_message(1 + list)}, term {self.terms[list]!r}"
        if code == codec.WRONG_DF:
            self._fail(f"{where}: its df is {value:,}, but it has {postings:,} postings: {_HOW_TO_MEND}")
        where += f", posting {postings + 1:,}"
        if code == codec.BAD_TF:
            self._fail(
                f"{where}: tf is {value}, but must be at least 1: leave out what rounds to 0 when exporting, or use a "
                "larger scale"
            )
        if code == codec.NOT_ASCENDING:
            self._fail(f"{where}: a gap of {value} to the previous docid, so docids do not ascend: {_HOW_TO_MEND}")
        self._fail(
            f"{where}: the gaps add up to docid {value}, outside the header's {self.header.documents:,} documents, "
            f"which are numbered from 0: {_HOW_TO_MEND}"
        )

    def _cut_short(self, message: int, at: int) -> NoReturn:
        total = 1 + self.header.lists + self.header.documents
        self._fail(
            f"truncated: of the {total:,} messages that the header announces, {_message(message)} begins at byte "
            f"{at:,} and does not end within the file's {len(self._buffer):,}: {_HOW_TO_MEND}"
        )

    def _not_a(self, kind: str, message: int) -> NoReturn:
        self._fail(
            f"{_message(message)} is not a {kind}, though the header announces {self.header.lists:,} postings lists "
            f"and then {self.header.documents:,} documents: its counts are wrong or the file is damaged; {_HOW_TO_MEND}"
        )

    def _malformed(self, message: int) -> NoReturn:
        self._fail(f"{_message(message)} is damaged: a field reaches beyond its end: {_HOW_TO_MEND}")

    def _fail(self, reason: str) -> NoReturn:
        raise InputError(reason, source=str(self.path)) from None


def _message(index: int) -> str:
    """The name of a message in errors; the header is the first."""
    return f"message {1 + index:,}"


def _map(path: Path) -> npt.NDArray[np.uint8]:
    """The bytes of the file, decompressed if necessary; read-only."""
    if path.suffix.lower() not in COMPRESSIONS:
        try:
            return map_file(path, follow=True)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise InputError("not a regular file, and CIFF is not read from a pipe", source=str(path)) from error
    # Unbuffered, or closing it would try once more to write what a full disk refused.
    with open_bytes(path) as source, tempfile.TemporaryFile(buffering=0) as spool:
        most, written = max(_SMALL, _MOST_EXPANDED * path.stat().st_size), 0
        while chunk := source.read(1 << 20):
            written += len(chunk)
            if written > most:
                raise InputError(
                    f"becomes more than {most:,} bytes, {_MOST_EXPANDED} times its own size: decompress it yourself if "
                    "it is what it should be",
                    source=str(path),
                )
            _write(spool, chunk, path)
        return _map_file(spool.fileno())


def _write(spool: IO[bytes], chunk: bytes, path: Path) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[spool.write(rest) :]
    except OSError as error:
        message = f"cannot be decompressed into {tempfile.gettempdir()} ({error.strerror}): set TMPDIR to a larger disk"
        raise InputError(message, source=str(path)) from error


def _map_file(descriptor: int) -> npt.NDArray[np.uint8]:
    try:
        return np.frombuffer(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ), np.uint8)
    except ValueError:  # an empty file cannot be mapped
        return np.frombuffer(b"", np.uint8)
