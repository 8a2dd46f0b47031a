"""A body of many documents in pieces: its lines, or the elements of its array, as they arrive."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from fastapi import HTTPException

from lsr.service.http.errors import MalformedBodyError

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
ARRAY = "application/json"

_SPACE = re.compile(r"[ \t\n\r]*")
_BOM = b"\xef\xbb\xbf"


class Piece(NamedTuple):
    """The JSON text of one document.

    Attributes:
        line: its line, or its place in the array, from 1.
        text: as it was sent.
        problem: why it cannot be read; "" if it may be.
    """

    line: int
    text: str
    problem: str = ""


class Splitter(Protocol):
    """Takes the bytes of a body as they come, and gives the pieces that are whole."""

    def feed(self, data: bytes) -> Iterator[Piece]: ...

    def close(self) -> Iterator[Piece]:
        """The pieces that only the end makes whole. MalformedBodyError if it does not."""
        ...


def splitter_for(content_type: str, longest: int) -> Splitter:
    """What splits a body of this type, of which no piece has more than `longest` bytes; 415 for other types."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in LINES:
        return LineSplitter(longest)
    if kind == ARRAY:
        return ElementSplitter(longest)
    raise HTTPException(
        415,
        f"send one document a line with the header Content-Type: {LINES[0]}, or an array of documents with "
        f"Content-Type: {ARRAY}",
    )


class LineSplitter:
    """One document a line. A line that cannot be read is told by itself; empty ones are passed over."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._number = 0
        self._skips = False

    def feed(self, data: bytes) -> Iterator[Piece]:
        """See `Splitter`."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            if not line and not self._rest and not self._skips:
                self._number += 1
            else:
                yield from self._line(line)
        self._keep(rest)

    def close(self) -> Iterator[Piece]:
        """See `Splitter`."""
        if self._rest or self._skips:
            yield from self._line(b"")

    def _keep(self, data: bytes) -> None:
        if self._skips or len(self._rest) + len(data) > self._longest:
            self._rest.clear()
            self._skips = True
        else:
            self._rest += data

    def _line(self, end: bytes) -> Iterator[Piece]:
        self._keep(end)
        line, skipped = bytes(self._rest), self._skips
        self._rest.clear()
        self._skips = False
        self._number += 1
        if self._number == 1:
            line = line.removeprefix(_BOM)
        if skipped:
            yield Piece(self._number, "", f"longer than {self._longest:,} bytes, the limit of this server")
        elif line.strip():
            try:
                yield Piece(self._number, line.decode().strip())
            except UnicodeDecodeError as error:
                yield Piece(self._number, "", f"not UTF-8, from byte {error.start}")


class ElementSplitter:
    """The elements of an array, or one object. What is not JSON ends it, for nobody knows where the next begins."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._scan = json.JSONDecoder().raw_decode
        self._text = ""
        self._number = 0
        # An element that is not whole is looked at again when there is twice as much of it: not byte by byte.
        self._enough = 0
        # What may come next: the body, an element or the end of the array, its comma or end, an element, nothing.
        self._expects = "body"

    def feed(self, data: bytes) -> Iterator[Piece]:
        """See `Splitter`."""
        yield from self._pieces(data, last=False)

    def close(self) -> Iterator[Piece]:
        """See `Splitter`."""
        yield from self._pieces(b"", last=True)
        if self._expects != "nothing":
            raise MalformedBodyError("the body ends within a document, or before the end of its array")

    def _pieces(self, data: bytes, *, last: bool) -> Iterator[Piece]:
        try:
            self._text += self._decoder.decode(data, last)
        except UnicodeDecodeError as error:
            raise MalformedBodyError(f"the body is not UTF-8: {error.reason}") from None
        if len(self._text) < self._enough and not last:
            return
        self._enough = at = 0
        while (at := _SPACE.match(self._text, at).end()) < len(self._text):  # type: ignore[union-attr]
            sign = self._text[at]
            if self._expects == "body" and sign == "[":
                self._expects = "first"
                at += 1
            elif self._expects == "comma" and sign in ",]":
                self._expects = "element" if sign == "," else "nothing"
                at += 1
            elif self._expects == "first" and sign == "]":
                self._expects = "nothing"
                at += 1
            elif self._expects in ("first", "element") or (self._expects == "body" and sign == "{"):
                end = self._end_of(at, last=last)
                if end is None:
                    self._enough = min(2 * (len(self._text) - at), self._longest + 1)
                    break
                self._number += 1
                self._expects = "nothing" if self._expects == "body" else "comma"
                yield Piece(self._number, self._text[at:end])
                at = end
            else:
                raise self._malformed(f"{sign!r} where {_EXPECTED[self._expects]} belongs")
        self._text = self._text[at:]

    def _end_of(self, at: int, *, last: bool) -> int | None:
        """Where the element that begins here ends; None if that is not here yet."""
        try:
            end = self._scan(self._text, at)[1]
        except json.JSONDecodeError as error:
            if last or len(self._text) - at > self._longest:
                raise self._malformed(f"{error.msg}, or longer than {self._longest:,} bytes") from None
            return None
        except (RecursionError, ValueError):
            raise self._malformed("nested too deeply, or a number of too many digits") from None
        # Of a number there may be more.
        if end == len(self._text) and not last and self._text[at] not in '{["':
            return None
        if end - at > self._longest:
            raise self._malformed(f"longer than {self._longest:,} bytes, the limit of this server")
        return end

    def _malformed(self, why: str) -> MalformedBodyError:
        return MalformedBodyError(f"the body is not valid JSON: element {self._number + 1}: {why}")


_EXPECTED = {
    "body": "an array of documents",
    "first": "a document or the end of the array",
    "element": "a document",
    "comma": "a comma or the end of the array",
    "nothing": "the end of the body",
}
