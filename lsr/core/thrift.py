"""Values of Thrift's compact protocol, in which Parquet writes what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator

from lsr.core.limits import DEEPEST

BOOLS, BYTE, INTEGERS, DOUBLE, BINARY, LISTS, MAP, STRUCT, UUID = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 11, 12, 13
_MOST_BITS = 63  # of a number before its last byte of seven


class EndOfData(ValueError):
    """The data ends within a value."""


class CompactReader:
    """Reads values one after another; what is not needed is skipped without being kept.

    Every method raises ValueError where the data is not of this protocol, and EndOfData where it ends too soon.
    """

    def __init__(self, data: bytes, position: int = 0) -> None:
        self._data = data
        self.position = position

    def fields(self) -> Iterator[tuple[int, int]]:
        """(number, type) of each field of a struct; the value must be read or skipped before the next."""
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self.integer()
            yield number, head & 15

    def integer(self, kind: int = INTEGERS[0]) -> int:
        """A signed number."""
        if kind not in INTEGERS:
            raise ValueError("a value of another type in place of a number")
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def binary(self, kind: int = BINARY) -> bytes:
        """Bytes."""
        if kind != BINARY:
            raise ValueError("a value of another type in place of text")
        size = self._varint()
        start = self.position
        self._advance(size)
        return self._data[start : self.position]

    def items(self, kind: int, of: int) -> Iterator[int]:
        """The number of each value of a list whose values are of one type; each must be read before the next."""
        if kind not in LISTS:
            raise ValueError("a value of another type in place of a list")
        size, found = self._list()
        if size and found != of:
            raise ValueError("a list of values of another type")
        yield from range(size)

    def skip(self, kind: int, depth: int = 0) -> None:
        """Pass over a value."""
        if depth > DEEPEST:
            raise ValueError(f"values more than {DEEPEST} levels deep")
        if kind in BOOLS:
            return
        if kind in INTEGERS:
            self._varint()
        elif kind == BINARY:
            self._advance(self._varint())
        elif kind in LISTS:
            size, of = self._list()
            for _ in range(size):
                self._skip_item(of, depth)
        elif kind == MAP:
            size = self._varint()
            types = self._byte() if size else 0
            for _ in range(size):
                self._skip_item(types >> 4, depth)
                self._skip_item(types & 15, depth)
        elif kind == STRUCT:
            for _, of in self.fields():
                self.skip(of, depth + 1)
        elif kind in (BYTE, DOUBLE, UUID):
            self._advance({BYTE: 1, DOUBLE: 8, UUID: 16}[kind])
        else:
            raise ValueError(f"a value of an unknown type {kind}")

    def _skip_item(self, kind: int, depth: int) -> None:
        # Unlike a field's, whose type says it, a bool in a list is a byte.
        self.skip(BYTE if kind in BOOLS else kind, depth + 1)

    def _list(self) -> tuple[int, int]:
        head = self._byte()
        size = head >> 4
        return (self._varint() if size == 15 else size), head & 15

    def _byte(self) -> int:
        try:
            byte = self._data[self.position]
        except IndexError:
            raise EndOfData("it ends too soon") from None
        self.position += 1
        return byte

    def _varint(self) -> int:
        value = bits = 0
        while (byte := self._byte()) > 127:
            value |= (byte & 127) << bits
            bits += 7
            if bits > _MOST_BITS:
                raise ValueError("a number of more than 64 bits")
        return value | byte << bits

    def _advance(self, size: int) -> None:
        if size > len(self._data) - self.position:
            raise EndOfData("it ends too soon")
        self.position += size
