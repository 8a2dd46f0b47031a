"""Looking for whole frames behind a place where there is none: what tells damage from a torn tail."""

from __future__ import annotations

import zlib
from typing import BinaryIO

import numpy as np

from lsr.index.live.log.frames import FRAME_BYTES, LEAST_BODY, MOST_BODY, frame_length_and_crc

_CHUNK = 1 << 18
# Bytes summed up in all, in units of those looked at: bytes that were made to look like frames may be many.
_PATIENCE = 16
_FEW = 1 << 24


def find_whole_frame(file: BinaryIO, start: int, size: int, after: int) -> int | None:
    """Where the first whole frame of records after number `after` begins, at byte `start` or later; None if nowhere.

    Every byte may be its beginning. Where more bytes look like frames than chance can make, the first that does is
    taken for one: who asks must not take for nothing what may be something. Reads the file in chunks.
    """
    # A record takes some bytes, so numbers cannot be higher than those that there is room for.
    most = after + 1 + (size - start) // LEAST_BODY
    patience = _PATIENCE * (size - start) + _FEW
    for chunk_start in range(start, size - FRAME_BYTES - LEAST_BODY + 1, _CHUNK):
        file.seek(chunk_start)
        data = file.read(_CHUNK + FRAME_BYTES)
        for at in _candidates(data, chunk_start, size, after, most):
            length, crc, found = frame_length_and_crc(data[at : at + FRAME_BYTES])
            patience -= length
            if patience < 0 or crc == _crc_of(file, chunk_start + at + FRAME_BYTES, length, found):
                return chunk_start + at
    return None


def _candidates(data: bytes, offset: int, size: int, after: int, most: int) -> list[int]:
    """Places in `data`, which lies at `offset`, of a length and a sequence number such as a frame there could have."""
    places = len(data) - FRAME_BYTES + 1
    if places < 1:
        return []
    raw = np.frombuffer(data, np.uint8)
    numbers = np.zeros(places, np.uint64)
    lengths = np.zeros(places, np.int64)
    for byte in range(8):
        numbers |= raw[8 + byte : 8 + byte + places].astype(np.uint64) << np.uint64(8 * byte)
    for byte in range(4):
        lengths |= raw[byte : byte + places].astype(np.int64) << (8 * byte)
    room = np.minimum(size - offset - FRAME_BYTES - np.arange(places), MOST_BODY)
    fits = (numbers > after) & (numbers <= most) & (lengths >= LEAST_BODY) & (lengths <= room)
    return np.flatnonzero(fits).tolist()


def _crc_of(file: BinaryIO, start: int, length: int, value: int) -> int:
    file.seek(start)
    while length > 0:
        data = file.read(min(length, _CHUNK))
        if not data:
            return -1
        value = zlib.crc32(data, value)
        length -= len(data)
    return value
