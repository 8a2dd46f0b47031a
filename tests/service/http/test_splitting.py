"""Bodies of documents taken apart: the pieces do not depend on how the bytes come, nor does the work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lsr.service.http.errors import MalformedBodyError
from lsr.service.http.splitting import ElementSplitter, LineSplitter, Piece, Splitter

VALUES = [{"a": 1}, [], "é", 12, None, {"b": ["x", {"c": "}]"}]}, -1.5, True]
LONGEST = 100


def pieces_of(splitter: Splitter, body: bytes, step: int) -> list[Piece]:
    found = [piece for at in range(0, len(body), step) for piece in splitter.feed(body[at : at + step])]
    return [*found, *splitter.close()]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("indent", [None, 2])
def test_elements_are_the_same_however_they_come(step: int, indent: int | None) -> None:
    body = json.dumps(VALUES, indent=indent, ensure_ascii=False).encode()
    found = pieces_of(ElementSplitter(LONGEST), body, step)
    assert [json.loads(piece.text) for piece in found] == VALUES
    assert [piece.line for piece in found] == list(range(1, len(VALUES) + 1))


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_lines_are_the_same_however_they_come(step: int) -> None:
    body = b"\xef\xbb\xbf" + b'{"a":1}\r\n\n  \n"\xc3\xa9"\n\xff\n' + b"x" * (LONGEST + 1) + b"\n\nlast"
    found = pieces_of(LineSplitter(LONGEST), body, step)
    assert [(piece.line, piece.text) for piece in found] == [(1, '{"a":1}'), (4, '"é"'), (5, ""), (6, ""), (8, "last")]
    assert [piece.line for piece in found if piece.problem] == [5, 6]


def test_a_million_empty_lines_are_counted() -> None:
    found = pieces_of(LineSplitter(LONGEST), b"\n" * 1_000_000 + b"last", 1 << 16)
    assert found == [Piece(1_000_001, "last")]


@pytest.mark.parametrize("closed", [b'"}]', b""])
def test_a_large_element_that_comes_byte_by_byte_is_not_read_for_each_byte(closed: bytes) -> None:
    splitter = ElementSplitter(10_000)
    scan, scans = splitter._scan, 0

    def counted(text: str, at: int) -> Any:
        nonlocal scans
        scans += 1
        return scan(text, at)

    splitter._scan = counted  # type: ignore[method-assign, assignment]
    body = b'[{"a": "' + b"x" * 9_000 + closed
    if closed:
        [piece] = pieces_of(splitter, body, 1)
        assert len(json.loads(piece.text)["a"]) == 9_000
    else:
        with pytest.raises(MalformedBodyError):
            pieces_of(splitter, body, 1)
    assert scans < 20


def test_an_element_of_the_largest_size_is_taken_and_no_larger_one() -> None:
    def of(size: int) -> bytes:
        return b'[{"a":"' + b"x" * (size - 8) + b'"}]'

    for step in (1, 9, 1000):
        [piece] = pieces_of(ElementSplitter(LONGEST), of(LONGEST), step)
        assert len(piece.text) == LONGEST
        with pytest.raises(MalformedBodyError, match="longer than 100 bytes"):
            pieces_of(ElementSplitter(LONGEST), of(LONGEST + 1), step)
