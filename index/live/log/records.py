"""What a record of the log means: some writes, applied together or not at all.

version u8, three zeros, length of the header u32
header: JSON in UTF-8, padded by spaces to a multiple of four bytes: a list with an object for each write,
    {"id", "title", "text", "fields", "terms": how many, "words": [names], "tokens": how many, "length",
    "dense": how many, "gone": how many} or {"delete": id, "gone"}; what is empty is left out
arrays: of all documents, one after another, little-endian: terms u32, weights f32, weights of words f32, tokens
    u32, dense vectors f32, tokens that are gone u32
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError
from lsr.core.limits import LONGEST_RECORD, in_mebibytes
from lsr.core.options import shortened
from lsr.core.structured import parse_json
from lsr.index.format.checks import ascend_within_rows
from lsr.index.live.log.frames import MOST_PAYLOAD
from lsr.index.live.writes import Delete, Put, Write
from lsr.index.parts.document_writer import check_storable

VERSION = 1
_HEAD = struct.Struct("<B3xI")
# What a record takes of several writes.
_USUAL = 1 << 22
_PUT_KEYS = {"id", "title", "text", "fields", "terms", "words", "tokens", "length", "dense", "gone"}
_MOST = 1 << 32


def encode_all(writes: Iterable[Write], begins: Callable[[Write], bool] = lambda write: True) -> Iterator[bytes]:
    """Records of a few MiB of these writes, in their order. Raises as `encode`.

    `begins`: whether a record may begin with a write. One that is torn off the log takes its own writes alone, so what
    belongs together must stand in one.
    """
    held: list[Write] = []
    size = 0
    for write in writes:
        if held and size + write.size > _USUAL and begins(write):
            yield encode(held)
            held, size = [], 0
        held.append(write)
        size += write.size
    if held:
        yield encode(held)


def encode(writes: Sequence[Write]) -> bytes:
    """One record of these writes, which `check_write` has passed. InputError if they are more than one can hold."""
    if not writes:
        raise InputError("a record of no writes")
    header = json.dumps([_described(write) for write in writes], ensure_ascii=False, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 4)
    puts = [write for write in writes if isinstance(write, Put)]
    arrays = [
        *(_bytes_of(put.terms, "<u4") for put in puts),
        *(_bytes_of(put.weights, "<f4") for put in puts),
        *(_bytes_of(put.word_weights, "<f4") for put in puts),
        *(_bytes_of(put.tokens, "<u4") for put in puts),
        *(_bytes_of(put.dense, "<f4") for put in puts if put.dense is not None),
        *(_bytes_of(write.gone, "<u4") for write in writes),
    ]
    payload = b"".join([_HEAD.pack(VERSION, len(header)), header, *arrays])
    if len(header) > LONGEST_RECORD or len(payload) > MOST_PAYLOAD:
        what = f"document {writes[0].id!r}" if len(writes) == 1 else f"{len(writes):,} writes"
        raise InputError(
            f"{what}: {in_mebibytes(len(header))} of texts, {in_mebibytes(len(payload))} in all, and a record of the "
            f"log holds {in_mebibytes(LONGEST_RECORD)} and {in_mebibytes(MOST_PAYLOAD)}"
        )
    return payload


def decode(payload: bytes, where: str = "record") -> list[Write]:
    """The writes of a record, whose arrays are views of its bytes. IndexFormatError, which begins with `where`.

    Whoever wrote the bytes: the writes are as `check_write` would have them.
    """
    try:
        return _decode(payload)
    except InputError as error:
        # The line of a header that is one line says nothing.
        raise IndexFormatError(f"{where}: {error.problem if error.line is None else error.reason}") from error
    except (ValueError, struct.error, OverflowError) as error:
        raise IndexFormatError(f"{where}: not readable ({error})") from error


def _described(write: Write) -> dict[str, Any]:
    if isinstance(write, Delete):
        return {"delete": write.id, **({"gone": len(write.gone)} if len(write.gone) else {})}
    document = write.document
    found = {
        "title": document.title,
        "text": document.text,
        "fields": document.fields,
        "terms": len(write.terms),
        "words": write.words,
        "tokens": len(write.tokens),
        "length": write.length,
        "dense": None if write.dense is None else len(write.dense),
        "gone": len(write.gone),
    }
    return {"id": document.id, **{name: value for name, value in found.items() if value}}


def _bytes_of(values: npt.NDArray[Any], dtype: str) -> bytes:
    return values.astype(dtype, copy=False).tobytes()


def _decode(payload: bytes) -> list[Write]:
    version, length = _HEAD.unpack_from(payload)
    if version != VERSION:
        raise InputError(f"a record of version {version}, and this lsr reads version {VERSION}")
    if length % 4 or length > min(LONGEST_RECORD, len(payload) - _HEAD.size):
        raise InputError(f"a header of {length:,} bytes, in a record of {len(payload):,}")
    start = _HEAD.size + length
    described = parse_json(payload[_HEAD.size : start].decode())
    if not isinstance(described, list) or not described:
        raise InputError("the header is not a list of writes")
    for each in described:
        _check_described(each)
    puts = [each for each in described if "delete" not in each]
    terms = _indptr(puts, "terms")
    words = _indptr(puts, "words")
    tokens = _indptr(puts, "tokens")
    dense = _indptr(puts, "dense")
    gone = _indptr(described, "gone")
    counts = [terms[-1], terms[-1], words[-1], tokens[-1], dense[-1], gone[-1]]
    if start + 4 * sum(counts) != len(payload):
        raise InputError(f"arrays of {4 * sum(counts):,} bytes are announced, and {len(payload) - start:,} follow")
    arrays = []
    for count, dtype in zip(counts, ("<u4", "<f4", "<f4", "<u4", "<f4", "<u4"), strict=True):
        arrays.append(np.frombuffer(payload, dtype, count, start))
        start += 4 * count
    for ids, indptr in ((arrays[0], terms), (arrays[3], tokens)):
        if not ascend_within_rows(np.array(indptr, np.int64), ids):
            raise InputError("ids do not ascend")
    for values in arrays[1:3]:
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise InputError("a weight is not finite and positive")
    if not np.isfinite(arrays[4]).all():
        raise InputError("a number of a vector is not finite")
    made: list[Write] = []
    at = 0
    for place, each in enumerate(described):
        gone_here = arrays[5][gone[place] : gone[place + 1]]
        if "delete" in each:
            made.append(Delete(each["delete"], gone_here))
            continue
        vector = arrays[4][dense[at] : dense[at + 1]]
        put = Put(
            Document(each["id"], each.get("text", ""), each.get("title", ""), each.get("fields", {})),
            arrays[0][terms[at] : terms[at + 1]],
            arrays[1][terms[at] : terms[at + 1]],
            tuple(each.get("words", ())),
            arrays[2][words[at] : words[at + 1]],
            arrays[3][tokens[at] : tokens[at + 1]],
            each.get("length", 0),
            vector if len(vector) else None,
            gone_here,
        )
        made.append(put)
        at += 1
    for write in made:
        check_storable(write.document if isinstance(write, Put) else Document(write.id, ""))
    return made


def _indptr(puts: list[dict[str, Any]], name: str) -> list[int]:
    """Where the values of each document begin, and where the last ones end."""
    ends = [0]
    for each in puts:
        found = each.get(name, 0)
        ends.append(ends[-1] + (len(found) if isinstance(found, list) else found))
    return ends


def _check_described(each: Any) -> None:
    if not isinstance(each, dict):
        raise InputError(f"a write must be an object, not {shortened(each)}")
    if "delete" in each:
        _check_numbers(each, "gone")
        if not each.keys() <= {"delete", "gone"} or not isinstance(each["delete"], str):
            raise InputError(f"what to delete must be an id, not {shortened(each)}")
        return
    if "id" not in each or not each.keys() <= _PUT_KEYS:
        raise InputError(f"a write of {shortened(sorted(each))}: its values are not those that this lsr knows")
    for name in ("id", "title", "text"):
        if not isinstance(each.get(name, ""), str):
            raise InputError(f"{name} must be a text, not {shortened(each[name])}")
    _check_numbers(each, "terms", "tokens", "length", "dense", "gone")
    if not isinstance(each.get("fields", {}), dict):
        raise InputError(f"fields must be an object, not {shortened(each['fields'])}")
    words = each.get("words", [])
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise InputError(f"words must be texts, not {shortened(words)}")
    "".join(words).encode()
    if len(set(words)) != len(words):
        raise InputError("a word is there twice")


def _check_numbers(each: dict[str, Any], *names: str) -> None:
    for name in names:
        value = each.get(name, 0)
        if type(value) is not int or not 0 <= value < (1 << 48 if name == "length" else _MOST):
            raise InputError(f"{name} must be a number, not {shortened(value)}")
