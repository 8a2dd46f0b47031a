"""Kernels that decode and encode the two large parts of a CIFF file: postings lists and document records.

The wire format is that of protocol buffers: a message is its length as a varint and then its fields, a field is a tag
(field number times 8, plus a wire type) and then its value. Fields with unknown numbers are skipped. A file is a uint8
array here, offsets into it are int64, and -1 is the offset returned for what cannot be decoded.
"""

import numpy as np

from lsr.core.jit import kernel

OK, CUT_SHORT, MALFORMED, WRONG_FIELD, NOT_ASCENDING, OUT_OF_RANGE, BAD_TF, WRONG_DF, TWICE = range(9)

# The largest posting: tag and size, then docid and tf, each a tag and at most five bytes.
POSTING_BYTES = 14

_LARGEST = 2**31 - 1
_LARGEST_INT64 = 2**63 - 1
_VARINT, _LENGTH = 0, 2
# PostingsList
_TERM, _DF, _CF, _POSTING = 1 << 3 | _LENGTH, 2 << 3 | _VARINT, 3 << 3 | _VARINT, 4 << 3 | _LENGTH
_LIST_FIELDS = 4
# Posting
_GAP, _TF = 1 << 3 | _VARINT, 2 << 3 | _VARINT
# DocRecord
_DOCID, _COLLECTION_DOCID, _DOCLENGTH = 1 << 3 | _VARINT, 2 << 3 | _LENGTH, 3 << 3 | _VARINT
_DOCUMENT_FIELDS = 3


# -- decoding ----------------------------------------------------------------------------------------------------------


@kernel
def read_varint(buffer, at, end):
    """(value as int64, offset after it); the offset is -1 if the varint is longer than 10 bytes or than the buffer."""
    if at < end:
        byte = buffer[np.uint64(at)]
        if byte < 128:
            return np.int64(byte), at + 1
    value = np.uint64(0)
    for i in range(min(end - at, 10)):
        byte = buffer[np.uint64(at + i)]
        value |= np.uint64(byte & 127) << np.uint64(7 * i)
        if byte < 128:
            return np.int64(value), at + i + 1
    return np.int64(0), np.int64(-1)


@kernel
def skip_field(buffer, at, end, tag):
    """The offset after a field's value, or -1."""
    wire_type = tag & 7
    size = np.int64(0)
    if wire_type == 0:
        _, at = read_varint(buffer, at, end)
    elif wire_type == 1:
        size = np.int64(8)
    elif wire_type == 2:
        size, at = read_varint(buffer, at, end)
    elif wire_type == 5:
        size = np.int64(4)
    else:
        return np.int64(-1)
    if at < 0 or not 0 <= size <= end - at:
        return np.int64(-1)
    return at + size


@kernel
def read_posting(buffer, at, end):
    """(gap to the previous docid, tf, offset after the posting) of the posting whose length is at `at`."""
    size, at = read_varint(buffer, at, end)
    gap = np.int64(0)
    tf = np.int64(0)
    if at < 0 or not 0 <= size <= end - at:
        return gap, tf, np.int64(-1)
    end = at + size
    while at < end:
        tag, at = read_varint(buffer, at, end)
        if at < 0:
            break
        if tag == _GAP:
            gap, at = read_varint(buffer, at, end)
        elif tag == _TF:
            tf, at = read_varint(buffer, at, end)
        else:
            at = skip_field(buffer, at, end, tag)
        if at < 0:
            break
    return gap, tf, at


@kernel
def find_lists(buffer, at, starts, ends, term_starts, term_ends):
    """Find where each PostingsList and its term begin and end; the postings are not looked at.

    at: where the first message begins. The four arrays, int64 [lists], are filled; a term that is left out is empty.
    Returns (how many lists were found, where the next message begins, code).
    """
    for i in range(starts.size):
        size, start = read_varint(buffer, at, buffer.size)
        if start < 0 or not 0 <= size <= buffer.size - start:
            return i, at, CUT_SHORT
        end = start + size
        starts[i] = start
        ends[i] = end
        term_starts[i] = term_ends[i] = start
        field = start
        while field < end:
            tag, value = read_varint(buffer, field, end)
            if value < 0:
                return i, at, MALFORMED
            if tag == _TERM:
                size, value = read_varint(buffer, value, end)
                if value < 0 or not 0 <= size <= end - value:
                    return i, at, MALFORMED
                term_starts[i] = value
                term_ends[i] = value + size
                break
            if _is_other(tag, _DF, _CF, _POSTING, _LIST_FIELDS):
                return i, at, WRONG_FIELD
            field = skip_field(buffer, value, end, tag)
            if field < 0:
                return i, at, MALFORMED
        at = end
    return starts.size, at, OK


@kernel
def check_lists(buffer, starts, ends, counts):
    """Decode every posting of some lists and check it; the kernels below trust the lists that passed.

    counts: int32 [documents], to which a document's postings are added.
    Returns (number of valid lists, code, number of valid postings of the next list, the wrong value).
    """
    documents = counts.size
    for i in range(starts.size):
        at = starts[i]
        end = ends[i]
        docid = np.int64(0)
        df = np.int64(0)
        postings = np.int64(0)
        while at < end:
            tag, at = read_varint(buffer, at, end)
            if at < 0:
                return i, MALFORMED, postings, np.int64(0)
            if tag == _POSTING:
                gap, tf, at = read_posting(buffer, at, end)
                if at < 0:
                    return i, MALFORMED, postings, np.int64(0)
                if (postings and gap == 0) or gap < 0:
                    return i, NOT_ASCENDING, postings, gap
                # Compared before it is added: a gap of up to 2⁶³ - 1 would wrap around to a docid in range.
                if gap >= documents - docid:
                    return i, OUT_OF_RANGE, postings, docid + min(gap, _LARGEST_INT64 - docid)
                docid += gap
                if not 0 < tf <= _LARGEST:
                    return i, BAD_TF, postings, tf
                counts[np.uint64(docid)] += 1
                postings += 1
            elif tag == _DF:
                df, at = read_varint(buffer, at, end)
            elif _is_other(tag, _TERM, _CF, _POSTING, _LIST_FIELDS):
                return i, WRONG_FIELD, postings, tag
            else:
                at = skip_field(buffer, at, end, tag)
            if at < 0:
                return i, MALFORMED, postings, np.int64(0)
        if postings != df:
            return i, WRONG_DF, postings, df
    return starts.size, OK, np.int64(0), np.int64(0)


@kernel
def find_documents(buffer, at, records, starts, ends):
    """Find where each document's collection_docid begins and ends.

    at: where the first DocRecord begins. records: how many there are. starts, ends: int64 [documents], by docid;
    `starts` is -1 where no record has been found yet.
    Returns (number of valid records, where the next message begins, code, docid).
    """
    for i in range(records):
        size, field = read_varint(buffer, at, buffer.size)
        if field < 0 or not 0 <= size <= buffer.size - field:
            return i, at, CUT_SHORT, np.int64(0)
        end = field + size
        docid = np.int64(0)
        id_start = id_end = field
        while field < end:
            tag, field = read_varint(buffer, field, end)
            if field < 0:
                return i, at, MALFORMED, docid
            if tag == _DOCID:
                docid, field = read_varint(buffer, field, end)
            elif _is_other(tag, _COLLECTION_DOCID, _DOCLENGTH, _DOCID, _DOCUMENT_FIELDS):
                return i, at, WRONG_FIELD, tag
            else:
                value = field
                field = skip_field(buffer, field, end, tag)
                if tag == _COLLECTION_DOCID and field >= 0:
                    size, id_start = read_varint(buffer, value, end)
                    id_end = field
            if field < 0:
                return i, at, MALFORMED, docid
        if not 0 <= docid < starts.size:
            return i, at, OUT_OF_RANGE, docid
        if starts[docid] >= 0:
            return i, at, TWICE, docid
        starts[docid] = id_start
        ends[docid] = id_end
        at = end
    return records, at, OK, np.int64(0)


@kernel
def decode_rows(buffer, cursors, docids, ends, terms, first_row, free, scale, indices, weights):
    """Turn the postings of consecutive documents into rows of term ids and weights.

    cursors: int64 [lists], where to continue each list; docids: int64 [lists], the previous docid; both are advanced
    for the next documents. ends: int64 [lists]. terms: uint32 [lists], the lists' term ids, ascending.
    first_row: the first of the documents. free: int64 [documents], where each row begins in `indices` (uint32) and
    `weights` (float32, tf over scale); left at the rows' ends.
    """
    last_row = first_row + free.size
    for i in range(cursors.size):
        at = cursors[i]
        docid = docids[i]
        end = ends[i]
        while at < end:
            tag, value = read_varint(buffer, at, end)
            if tag != _POSTING:
                at = skip_field(buffer, value, end, tag)
                continue
            gap, tf, behind = read_posting(buffer, value, end)
            if docid + gap >= last_row:
                break
            docid += gap
            at = behind
            slot = free[np.uint64(docid - first_row)]
            indices[np.uint64(slot)] = terms[i]
            weights[np.uint64(slot)] = tf / scale
            free[np.uint64(docid - first_row)] = slot + 1
        cursors[i] = at
        docids[i] = docid


@kernel
def _is_other(tag, known, also, third, fields):
    """Whether this is a field of the message, but with the wrong wire type."""
    return 1 <= tag >> 3 <= fields and tag not in (known, also, third)


# -- encoding ----------------------------------------------------------------------------------------------------------


@kernel
def count_terms(indices, counts):
    """Add to counts (int64 [dim]) the number of times that each term occurs in indices (uint32 [nnz])."""
    for p in range(indices.size):
        counts[indices[p]] += 1


@kernel
def invert_rows(indptr, indices, weights, first_row, free, rows, row_weights):
    """Scatter rows of (term id, weight) pairs into postings by term.

    indptr: int64 [n + 1]; indices: uint32 [nnz]; weights: float32 [nnz]: the rows from first_row on.
    free: int64 [dim], where each term's next posting goes in rows (uint32) and row_weights (float32); advanced.
    """
    for row in range(indptr.size - 1):
        for p in range(indptr[row], indptr[row + 1]):
            slot = free[indices[p]]
            rows[slot] = first_row + row
            row_weights[slot] = weights[p]
            free[indices[p]] = slot + 1


@kernel
def to_tf(weight, scale):
    """The integer for a weight: at least 1, or the posting would be lost."""
    return max(np.int64(np.rint(np.float64(weight) * scale)), np.int64(1))


@kernel
def total_tf(weights, scale):
    """The sum of all tf."""
    total = np.int64(0)
    for p in range(weights.size):
        total += to_tf(weights[p], scale)
    return total


@kernel
def encode_postings(rows, weights, starts, ends, scale, doclengths, out):
    """Encode the postings of one term.

    rows: uint32, weights: float32: all postings. starts, ends: int64 [runs], where those of this term are, rows
    ascending from run to run. doclengths: int64 [documents], to which tf is added.
    out: uint8, at least POSTING_BYTES for each posting. Returns (bytes written, cf).
    """
    at = 0
    cf = np.int64(0)
    previous = np.int64(0)
    for run in range(starts.size):
        for p in range(np.uint64(starts[run]), np.uint64(ends[run])):
            row = np.int64(rows[p])
            tf = to_tf(weights[p], scale)
            body = at + 2
            behind = body
            if row > previous:  # as in every protocol buffer, a value of 0 is left out
                behind = _put(out, behind, _GAP, row - previous)
            behind = _put(out, behind, _TF, tf)
            out[at] = _POSTING
            out[at + 1] = behind - body
            at = behind
            previous = row
            cf += tf
            doclengths[np.uint64(row)] += tf
    return at, cf


@kernel
def _put(out, at, tag, value):
    """Write a tag of one byte and a varint; return the offset after it."""
    out[at] = tag
    at += 1
    while value > 127:
        out[at] = value & 127 | 128
        value >>= 7
        at += 1
    out[at] = value
    return at + 1
