"""Compressed files, told by their names, and read as streams whose memory does not grow with what they hold."""

from __future__ import annotations

import bz2
import io
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}
"""What is read, by the end of a file's name."""

WRITTEN_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
"""What is written: the two that pyarrow's streams have."""

_BUFFER = 1 << 20
# The largest dictionary that xz's own presets use is 64 MiB; a header can ask for 4 GiB.
_MOST_XZ_MEMORY = 1 << 28


def open_compressed(path: Path, compression: str) -> IO[bytes]:
    """The decompressed bytes. Reading raises OSError, EOFError or LZMAError where they are damaged or cut short."""
    if compression == "bzip2":
        return bz2.open(path, "rb")
    if compression == "xz":
        file = path.open("rb")
        return _owned(_Decompressed(file, lambda: lzma.LZMADecompressor(memlimit=_MOST_XZ_MEMORY)))
    import pyarrow as pa

    # pyarrow's stream, unlike zstandard's, tells a file that was cut short from one that ends.
    return io.BufferedReader(pa.input_stream(str(path), compression=compression), _BUFFER)


def _owned(raw: io.RawIOBase) -> IO[bytes]:
    return io.BufferedReader(raw, _BUFFER)


class _Decompressed(io.RawIOBase):
    """Streams of one compression, one after another in a file. Python's own `LZMAFile` takes no bound on memory."""

    def __init__(self, file: IO[bytes], start: Callable[[], Any]) -> None:
        self._file, self._start = file, start
        self._stream = start()
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer)
        while True:
            if self._stream.eof:
                # What follows a stream is the next one, or zeros that fill up a block.
                rest = (self._stream.unused_data or self._file.read(_BUFFER)).lstrip(b"\0")
                while not rest and (more := self._file.read(_BUFFER)):
                    rest = more.lstrip(b"\0")
                if not rest:
                    return 0
                self._stream, self._left = self._start(), rest
            if self._stream.needs_input and not self._left:
                self._left = self._file.read(_BUFFER)
                if not self._left:
                    raise EOFError("the file ends within the compressed data")
            data, self._left = self._stream.decompress(self._left, size), b""
            if data:
                buffer[: len(data)] = data
                return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
