"""What a record means: a round trip, and bytes of strangers."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError
from lsr.index.live.log import records
from lsr.index.live.log.records import decode, encode, encode_all
from lsr.index.live.writes import Delete, Put, Write, check_write

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
WEIGHTS = st.floats(2**-40, 2**100, width=32)
IDS = st.sets(st.integers(0, 2**32 - 1), max_size=6).map(lambda ids: np.array(sorted(ids), np.uint32))


def floats(draw: st.DrawFn, length: int, values: st.SearchStrategy[float] = WEIGHTS) -> np.ndarray:
    return np.array(draw(st.lists(values, min_size=length, max_size=length)), np.float32)


@st.composite
def puts(draw: st.DrawFn) -> Put:
    terms, words = draw(IDS), tuple(draw(st.sets(TEXTS.filter(bool), max_size=4)))
    dense = draw(st.none() | st.integers(1, 5))
    return Put(
        Document(draw(TEXTS), draw(TEXTS), draw(TEXTS), draw(st.dictionaries(TEXTS, VALUES, max_size=3))),
        terms,
        floats(draw, len(terms)),
        words,
        floats(draw, len(words)),
        draw(IDS),
        draw(st.integers(0, 2**40)),
        None if dense is None else floats(draw, dense, st.floats(allow_nan=False, allow_infinity=False, width=32)),
        draw(IDS),
    )


WRITES = st.lists(puts() | st.builds(Delete, TEXTS, IDS), min_size=1, max_size=5)


def values(write: Write) -> Any:
    """All of a write, to be compared to the bit."""
    if isinstance(write, Delete):
        return write.id, write.gone.dtype, write.gone.tobytes()
    document = write.document
    arrays = [write.terms, write.weights, write.word_weights, write.tokens, write.gone]
    return (
        (document.id, document.text, document.title, document.fields),
        [(array.dtype, array.tobytes()) for array in arrays],
        (write.words, write.length, None if write.dense is None else (write.dense.dtype, write.dense.tobytes())),
    )


@given(WRITES)
def test_writes_come_back_as_they_were(writes: list[Write]) -> None:
    for write in writes:
        check_write(write)
    found = decode(encode(writes))
    assert list(map(values, found)) == list(map(values, writes))
    for write in found:
        check_write(write)


@given(WRITES, st.integers(1, 200))
def test_many_writes_become_records_of_a_bounded_size(writes: list[Write], usual: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(records, "_USUAL", usual)
        made = [decode(payload) for payload in encode_all(writes)]
    assert list(map(values, [write for each in made for write in each])) == list(map(values, writes))
    for each, following in pairwise(made):
        assert sum(write.size for write in each) + following[0].size > usual
        assert len(each) == 1 or sum(write.size for write in each) <= usual
    assert list(encode_all([])) == []


@given(WRITES, st.data())
def test_damaged_records_are_refused_or_are_writes(writes: list[Write], data: st.DataObject) -> None:
    payload = bytearray(encode(writes))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at] = data.draw(st.integers(0, 255))
    del payload[data.draw(st.integers(0, len(payload))) :]
    try:
        found = decode(bytes(payload), "log-1: record 7")
    except IndexFormatError as error:
        assert str(error).startswith("log-1: record 7: ")
    else:
        for write in found:
            check_write(write)


def with_header(header: Any, arrays: bytes = b"") -> bytes:
    """A record of this header."""
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    data += b" " * (-len(data) % 4)
    return struct.pack("<B3xI", 1, len(data)) + data + arrays


HUGE = 2**32 - 1


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "not readable"),
        (b"\2" + with_header([{"id": "a"}])[1:], "a record of version 2, and this lsr reads version 1"),
        (struct.pack("<B3xI", 1, HUGE) + b"[]", "a header of 4,294,967,295 bytes, in a record of 10"),
        (
            with_header([{"id": "a", "terms": HUGE, "dense": HUGE}]),
            "arrays of 51,539,607,540 bytes are announced, and 0",
        ),
        (with_header([{"id": "a", "terms": -1}]), "terms must be a number, not -1"),
        (with_header([{"id": "a", "tokens": True}]), "tokens must be a number, not True"),
        (with_header([{"id": "a", "length": 1 << 60}]), "length must be a number"),
        (with_header([{"id": "a"}], b"\0" * 4), "arrays of 0 bytes are announced, and 4 follow"),
        (with_header([]), "not a list of writes"),
        (with_header({}), "not a list of writes"),
        (with_header([3]), "must be an object, not 3"),
        (with_header([{"text": "a"}]), "its values are not those that this lsr knows"),
        (with_header([{"id": "a", "late": 3}]), "its values are not those that this lsr knows"),
        (with_header([{"id": 3}]), "id must be a text, not 3"),
        (with_header([{"delete": 3}]), "must be an id"),
        (with_header([{"delete": "a", "id": "a"}]), "must be an id"),
        (with_header([{"id": "a", "fields": []}]), "fields must be an object"),
        (with_header([{"id": "a", "words": "ab"}]), "words must be texts"),
        (with_header([{"id": "a", "words": ["b", "b"]}], b"\0\0\x80?" * 2), "a word is there twice"),
        (with_header([{"id": "a", "words": [""]}]), "words must be texts"),
        (with_header(b'[{"id":"\\ud800"}]'), "not valid Unicode"),
        (with_header(b'[{"id":"a","words":["\\ud800"]}]', b"\0\0\x80?"), "not readable"),
        (with_header(b'[{"id":"a","fields":{"x":NaN}}]'), "NaN is not a JSON number"),
        (with_header(b'[{"id":"a","fields":{"x":1e999}}]'), "a number must be finite"),
        (with_header(b"[" * 4000), "nested too deeply"),
        (with_header(b'[{"id":"a","fields":' + b'{"x":' * 200 + b"1" + b"}" * 201 + b"]"), "nested too deeply"),
        (with_header(b"\xff\xff"), "not readable"),
        (with_header([{"id": "a", "terms": 2}], struct.pack("<IIff", 2, 2, 1, 1)), "ids do not ascend"),
        (with_header([{"id": "a", "terms": 1}], struct.pack("<If", 2, -1)), "not finite and positive"),
        (with_header([{"id": "a", "terms": 1}], struct.pack("<If", 2, float("nan"))), "not finite and positive"),
        (with_header([{"id": "a", "dense": 1}], struct.pack("<f", float("inf"))), "of a vector is not finite"),
    ],
)
def test_what_is_no_record_is_refused_before_memory_is_taken(payload: bytes, says: str) -> None:
    with pytest.raises(IndexFormatError, match=says):
        decode(payload)


ONE = np.array([1], np.uint32)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (Put(Document(3, "")), "expected text, not int"),  # type: ignore[arg-type]
        (Put(Document("a", "\ud800")), "field 'text': document 'a': not valid Unicode"),
        (Put(Document("a", "", "", {"x": float("nan")})), "field 'fields.x'"),
        (Put(Document("a", ""), np.array([2, 1], np.uint32), np.ones(2, np.float32)), "ids must ascend"),
        (Put(Document("a", ""), tokens=np.array([1, 1], np.uint32)), "field 'tokens': .* ids must ascend"),
        (Put(Document("a", ""), np.array([1]), np.ones(1, np.float32)), "array of uint32"),
        (Put(Document("a", ""), ONE, np.ones(2, np.float32)), "2 weights for 1"),
        (Put(Document("a", ""), ONE, np.zeros(1, np.float32)), "finite and positive"),
        (Put(Document("a", ""), words=("a",)), "0 weights for 1"),
        (Put(Document("a", ""), words=("a", "a"), word_weights=np.ones(2, np.float32)), "every word once"),
        (Put(Document("a", ""), words=(3,), word_weights=np.ones(1, np.float32)), "3 is no word"),  # type: ignore[arg-type]
        (Put(Document("a", ""), length=-1), "a number of words, not -1"),
        (Put(Document("a", ""), dense=np.array([np.inf], np.float32)), "must hold finite numbers"),
        (Put(Document("a", ""), dense=np.zeros(0, np.float32)), "must hold finite numbers"),
        (Delete(3), "expected text, not int"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_stored_is_refused_by_its_id(write: Write, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_write(write)


def test_what_is_more_than_a_record_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LONGEST_RECORD", 1000)
    with pytest.raises(InputError, match=r"document 'a': .* of texts"):
        encode([Put(Document("a", "x" * 1000))])
    with pytest.raises(InputError, match="2 writes: "):
        encode([Put(Document("a", "x" * 500)), Put(Document("b", "x" * 500))])
    with pytest.raises(InputError, match="no writes"):
        encode([])
