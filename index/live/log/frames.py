"""What lies in a file of the log: a header, and frames, each of which one fsync made durable.

    log-0000000001:
        header: magic [8 bytes], format version u32, number of the file u64, identity of the collection [16 bytes],
            sequence number of its first record u64, checksum of the frame before u32 (the last one of the file before
            this; 0 if there is none), CRC-32 of all of that u32
        frame:  length of the body u32, checksum u32, sequence number of its first record u64, checksum of the frame
            before u32 (of the header, for the first), body
        body:   records, each as its length u32 and its bytes

All numbers are little-endian. A frame's checksum is the CRC-32 of its sequence number, the checksum before, the length
and the body. A frame holds all records of a group of writers that waited for the same fsync, and is written only when
the one before is on the disk: so a frame that is not whole was not acknowledged, if no whole one follows it, whatever
order the disk kept its sectors in. That each names the one before it tells a reader that what it had read was cut off
and written anew, and makes it certain that none is missing.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lsr.core.errors import IndexFormatError
from lsr.core.limits import LONGEST_RECORD, in_mebibytes
from lsr.index.format.files import RESTORE

MAGIC = b"lsr-log\n"
VERSION = 1
IDENTITY_BYTES = 16
MOST_PAYLOAD = 2 * LONGEST_RECORD
"""Bytes of a record at most."""

_NAME = re.compile(r"log-([0-9]{10})")
_HEADER = struct.Struct("<8sIQ16sQI")
_FRAME = struct.Struct("<IIQI")
_SUMMED = struct.Struct("<QII")
_LENGTH = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + 4
FRAME_BYTES = _FRAME.size
# A record has at least one byte.
LEAST_BODY, MOST_BODY = _LENGTH.size + 1, MOST_PAYLOAD + _LENGTH.size
_BUFFER = 1 << 20


class Header(NamedTuple):
    """What the beginning of a file says.

    Attributes:
        number: of the file; identity: of the collection.
        first: sequence number of the file's first record.
        previous: checksum of the last frame of the file before; crc: of this header.
    """

    number: int
    identity: bytes
    first: int
    previous: int
    crc: int


class Frame(NamedTuple):
    """A whole frame: it begins at byte `start` of its file, and ends before `end`; `first`: its first number."""

    start: int
    end: int
    first: int
    previous: int
    crc: int
    payloads: list[bytes]

    @property
    def last(self) -> int:
        """Sequence number of its last record."""
        return self.first + len(self.payloads) - 1


class Broken(NamedTuple):
    """Where no whole frame begins, and why."""

    start: int
    reason: str


def log_path(folder: Path, number: int) -> Path:
    """The path of a file of the log."""
    return folder / f"log-{number:010}"


def log_numbers(folder: Path) -> list[int]:
    """The numbers of the files of the log in a folder, ascending."""
    return sorted(int(found[1]) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name)))


def encode_header(number: int, identity: bytes, first: int, previous: int) -> bytes:
    """The bytes of a header."""
    data = _HEADER.pack(MAGIC, VERSION, number, identity, first, previous)
    return data + _LENGTH.pack(zlib.crc32(data))


def encode_frame(payloads: Sequence[bytes], first: int, previous: int) -> tuple[bytes, int]:
    """The bytes of a frame, and its checksum."""
    body = b"".join(part for payload in payloads for part in (_LENGTH.pack(len(payload)), payload))
    crc = zlib.crc32(body, zlib.crc32(_SUMMED.pack(first, previous, len(body))))
    return _FRAME.pack(len(body), crc, first, previous) + body, crc


def open_log(path: Path) -> BinaryIO:
    """A file of the log, to be read. IndexFormatError if it is missing or not a regular file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise IndexFormatError(f"{path}: missing", remedies=[RESTORE]) from None
    except OSError as error:
        link = error.errno == errno.ELOOP
        said = "a symbolic link, which is not followed" if link else f"not readable ({error.strerror})"
        raise IndexFormatError(f"{path}: {said}", remedies=[RESTORE]) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IndexFormatError(f"{path}: not a regular file", remedies=[RESTORE])
    return os.fdopen(descriptor, "rb", _BUFFER)


def read_header(file: BinaryIO, path: Path, number: int, identity: bytes) -> Header:
    """The header of a file, which has to be this one, of this collection. IndexFormatError if it is not.

    A file gets its name when its header is on the disk: one that is torn is damage.
    """
    file.seek(0)
    data = file.read(HEADER_BYTES)
    if len(data) < HEADER_BYTES:
        raise IndexFormatError(f"{path}: its header is cut off after {len(data)} bytes", remedies=[RESTORE])
    magic, version, found, whose, first, previous = _HEADER.unpack_from(data)
    (crc,) = _LENGTH.unpack_from(data, _HEADER.size)
    if magic != MAGIC:
        raise IndexFormatError(f"{path}: not a log of lsr", remedies=[RESTORE])
    if crc != zlib.crc32(data[: _HEADER.size]):
        raise IndexFormatError(f"{path}: its header is damaged", remedies=[RESTORE])
    if version != VERSION:
        raise IndexFormatError(
            f"{path}: a log of format version {version}, and this lsr reads version {VERSION}",
            remedies=["use the version that wrote it"],
        )
    if whose != identity:
        raise IndexFormatError(f"{path}: the log of another collection", remedies=[RESTORE])
    if found != number:
        raise IndexFormatError(f"{path}: holds file {found} of the log, not {number}", remedies=[RESTORE])
    return Header(number, whose, first, previous, crc)


def read_frame(file: BinaryIO, start: int, size: int) -> Frame | Broken | None:
    """The frame that begins at a byte of a file of `size` bytes; None at its end.

    No memory is taken for a body that is longer than what the file holds, or than a frame may be.
    """
    if start >= size:
        return None
    file.seek(start)
    head = file.read(FRAME_BYTES)
    if len(head) < FRAME_BYTES:
        return Broken(start, f"{len(head)} bytes are no record")
    length, crc, first, previous = _FRAME.unpack(head)
    if not LEAST_BODY <= length <= MOST_BODY:
        return Broken(start, f"a length of {length:,} bytes, of at most {in_mebibytes(MOST_BODY)}")
    if start + FRAME_BYTES + length > size:
        return Broken(start, f"{length:,} bytes are announced, and {size - start - FRAME_BYTES:,} follow")
    body = file.read(length)
    if len(body) < length:
        return Broken(start, f"{length:,} bytes are announced, and {len(body):,} follow")
    if crc != zlib.crc32(body, zlib.crc32(_SUMMED.pack(first, previous, length))):
        return Broken(start, "its checksum does not fit")
    payloads = _payloads(body)
    if payloads is None or first < 1:
        return Broken(start, "its checksum fits, but not what it holds")
    return Frame(start, start + FRAME_BYTES + length, first, previous, crc, payloads)


def _payloads(body: bytes) -> list[bytes] | None:
    """The records of a body; None if their lengths do not add up to its own."""
    payloads, at = [], 0
    while at < len(body):
        if at + _LENGTH.size > len(body):
            return None
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        if not 0 < length <= len(body) - at:
            return None
        payloads.append(body[at : at + length])
        at += length
    return payloads


def frame_length_and_crc(head: bytes) -> tuple[int, int, int]:
    """(length of the body, checksum, the checksum as far as the head goes) of what may be the head of a frame."""
    length, crc, first, previous = _FRAME.unpack(head)
    return length, crc, zlib.crc32(_SUMMED.pack(first, previous, length))
