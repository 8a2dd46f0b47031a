"""How the bytes of a text are to be read: byte order marks, guesses, and what bytes are that are no text."""

from __future__ import annotations

import codecs
import io
from typing import IO, Any

from lsr.core.errors import InputError

# The marks of UTF-32 begin with those of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC = (
    (b"\x1f\x8b", "compressed with gzip: name the file .gz, or unpack it with gzip -dc"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: name the file .zst, or unpack it with zstd -dc"),
    (b"BZh", "compressed with bzip2: name the file .bz2, or unpack it with bzip2 -dc"),
    (b"\xfd7zXZ\x00", "compressed with xz: name the file .xz, or unpack it with xz -dc"),
    (b"PAR1", "a Parquet file: name it .parquet"),
    (b"PK\x03\x04", "a ZIP archive, as Office files are too: unpack it, or give it the ending that it had"),
    (b"%PDF", "a PDF file: name it .pdf"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"ARROW1", "an Arrow file: write Parquet in its place"),
    (b"\x93NUMPY", "a NumPy array"),
)
# Those in which texts are still found, the most common first; the rarer ones would be found where they are not.
_GUESSED = (
    "cp1252", "cp1251", "gb18030", "cp932", "euc_jp", "big5", "cp949", "cp1250", "koi8_r", "cp1253", "cp1254", "cp1255",
    "cp1256",
)  # fmt: skip
_TELLING = 0.3
_SAMPLE = 1 << 16
_CHUNK = 1 << 18


def byte_order(head: bytes) -> tuple[str, int]:
    """The encoding that the first bytes of a text say, and the length of the mark that says it.

    UTF-16 is known without a mark too, by the zeros beside letters; all else is taken for UTF-8.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    if len(head) >= 4:
        zeros = [byte == 0 for byte in head[:4]]
        if zeros == [False, True, False, True]:
            return "utf-16-le", 0
        if zeros == [True, False, True, False]:
            return "utf-16-be", 0
    return "utf-8", 0


def kind_of(data: bytes) -> str | None:
    """What bytes are that are not text, as far as their beginning says, and what to do; None if it says nothing."""
    return next((what for magic, what in _MAGIC if data.startswith(magic)), None)


def decode(raw: bytes) -> tuple[str, str | None]:
    """A whole text, and the encoding if that had to be guessed. ValueError if it is not text, or in no known encoding.

    UTF-8, or what a byte order mark says, or else the guess of charset-normalizer.
    """
    encoding, mark = byte_order(raw[:4])
    try:
        text = raw[mark:].decode(encoding)
    except UnicodeDecodeError as error:
        guess = _guess(raw) if encoding == "utf-8" and not mark else None
        if guess is not None:
            return raw.decode(guess), guess
        what = kind_of(raw)
        at = mark + error.start
        line = raw.count(b"\n", 0, at) + 1
        reason = f"byte 0x{raw[at]:02x} at offset {at:,}, line {line}"
        raise ValueError(f"is {what}" if what else f"is not valid {encoding.upper()}: {reason}") from None
    if "\0" in text:
        raise ValueError("is not text: it holds zero bytes")
    return text, None


def _guess(raw: bytes) -> str | None:
    from charset_normalizer import from_bytes

    if b"\0" in raw or kind_of(raw) is not None:
        return None
    matches = from_bytes(raw[:_SAMPLE], cp_isolation=list(_GUESSED))
    # Few bytes fit many encodings equally well: then it is the one that is most common.
    ranked = sorted(
        matches, key=lambda match: (match.chaos, -round(match.coherence, 1), _GUESSED.index(match.encoding))
    )
    for match in ranked:
        try:
            raw.decode(match.encoding)
        except UnicodeDecodeError:
            continue
        return str(match.encoding)
    return None


def _rank(match: Any) -> tuple[float, float, int]:
    """The least mess first, then what reads most like a language, then what is most common."""
    language = round(match.coherence, 1) if match.coherence > _TELLING else 0.0
    return match.chaos, -language, _GUESSED.index(match.encoding)


class Joined(io.RawIOBase):
    """Bytes that were read ahead, and then the rest of a stream; in UTF-8, whatever encoding they are in."""

    def __init__(self, head: bytes, file: IO[bytes], encoding: str, source: str) -> None:
        self._ready, self._file, self._source = head, file, source
        self._encoding = encoding
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("strict")
        if self._decoder is not None:
            self._ready = self._recode(head)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._ready:
            if self._decoder is None:
                data = self._file.read(len(buffer))
                buffer[: len(data)] = data
                return len(data)
            while not self._ready:
                data = self._file.read(_CHUNK)
                self._ready = self._recode(data)
                if not data:
                    break
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)

    def _recode(self, data: bytes) -> bytes:
        assert self._decoder is not None
        try:
            return self._decoder.decode(data, final=not data).encode()
        except UnicodeDecodeError as error:
            raise InputError(f"is not valid {self._encoding.upper()}: {error.reason}", source=self._source) from None
