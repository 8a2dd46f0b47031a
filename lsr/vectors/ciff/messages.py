"""CIFF's small messages, in plain Python, and its header.

The format: https://github.com/osirrc/ciff, and Lin et al., Supporting Interoperability Between Open-Source Search
Engines with the Common Index File Format, SIGIR 2020.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import lsr

VERSION = 1

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_SCALE = re.compile(r"lsr-engine \S+: tf = weight \* (\d+(?:\.\d+)?(?:e[+-]\d+)?)")


@dataclass(frozen=True, slots=True)
class Header:
    """A file's description of itself: the number of its other messages, and what they are a part of."""

    lists: int
    documents: int
    version: int = VERSION
    total_lists: int = 0
    total_documents: int = 0
    total_tf: int = 0
    average_doclength: float = 0.0
    description: str = ""

    @classmethod
    def parse(cls, message: bytes) -> Header:
        """Decode a header. ValueError if this is not one."""
        values: dict[str, int | float | str] = {"lists": 0, "documents": 0, "version": 0}
        for number, value in _fields(message):
            if number not in _HEADER_FIELDS:
                continue
            name, kind = _HEADER_FIELDS[number]
            if kind is str and isinstance(value, bytes):
                values[name] = value.decode()
            elif kind is float and isinstance(value, bytes) and len(value) == 8:
                values[name] = struct.unpack("<d", value)[0]
            elif kind is int and isinstance(value, int):
                values[name] = value
            else:
                raise ValueError(f"field {number} ({name}) of the header has the wrong type")
        return cls(**values)  # type: ignore[arg-type]

    def encode(self) -> bytes:
        """Encode the message, without its length."""
        parts = []
        for number, (name, kind) in _HEADER_FIELDS.items():
            value = getattr(self, name)
            if not value:
                continue
            if kind is float:
                parts.append(_tag(number, _FIXED64) + struct.pack("<d", value))
            elif kind is str:
                parts.append(length_field(number, value.encode()))
            else:
                parts.append(varint_field(number, value))
        return b"".join(parts)

    @property
    def scale(self) -> float | None:
        """The scale that `describe_scale` recorded, or None for a file made by another program."""
        found = _SCALE.fullmatch(self.description)
        return float(found[1]) if found else None


_HEADER_FIELDS: dict[int, tuple[str, type]] = {
    1: ("version", int),
    2: ("lists", int),
    3: ("documents", int),
    4: ("total_lists", int),
    5: ("total_documents", int),
    6: ("total_tf", int),
    7: ("average_doclength", float),
    8: ("description", str),
}


def describe_scale(scale: float) -> str:
    """The description of a file whose tf are weights times `scale`."""
    return f"lsr-engine {lsr.__version__}: tf = weight * {scale!r}"


def varint(value: int) -> bytes:
    """A number of at least 0 as a varint."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(buffer: bytes, at: int) -> tuple[int, int]:
    """(value as int64, offset after it); ValueError if the varint is incomplete."""
    value = 0
    for i, byte in enumerate(buffer[at : at + 10]):
        value |= (byte & 127) << 7 * i
        if byte < 128:
            value &= 2**64 - 1
            return value - (value >> 63 << 64), at + i + 1
    raise ValueError("a number is truncated")


def varint_field(number: int, value: int) -> bytes:
    """A field with a number of at least 0; empty for 0, which is what readers assume for a missing field."""
    return _tag(number, _VARINT) + varint(value) if value else b""


def length_field(number: int, value: bytes) -> bytes:
    """A field with bytes."""
    return _tag(number, _LENGTH) + varint(len(value)) + value


def delimited(*parts: bytes) -> bytes:
    """A message preceded by its length."""
    return varint(sum(map(len, parts))) + b"".join(parts)


def _tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The numbers and values of a message's fields."""
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, at = read_varint(message, at)
            yield number, value
            continue
        if wire_type == _LENGTH:
            size, at = read_varint(message, at)
        elif wire_type in (_FIXED64, _FIXED32):
            size = 8 if wire_type == _FIXED64 else 4
        else:
            raise ValueError(f"a field has the unknown wire type {wire_type}")
        if not 0 <= size <= len(message) - at or number < 1:
            raise ValueError(f"field {number} is truncated")
        yield number, message[at : at + size]
        at += size
