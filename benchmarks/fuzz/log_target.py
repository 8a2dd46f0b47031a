"""Files of the log, and records whose checksums fit, replayed into the segment in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuzz.damage import damage_bytes
from fuzz.frame import Target
from lsr.core.documents import Document
from lsr.index.live.log.calls import FileCalls
from lsr.index.live.log.frames import FRAME_BYTES, encode_frame, log_path, open_log, read_frame
from lsr.index.live.log.reader import LogReader
from lsr.index.live.log.records import decode, encode
from lsr.index.live.log.writer import LogWriter
from lsr.index.live.memory.segment import MemorySegment
from lsr.index.live.memory.tables import MemorySettings
from lsr.index.live.writes import Delete, Put, Write
from lsr.index.parts.dense.record import DenseRecord


class _Unsynced(FileCalls):
    """Thousands of cases wait for no disk."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_folder(self, path: Path) -> None:
        pass


_IDENTITY = bytes(range(16))
_TERMS, _TOKENS, _NUMBERS = 60, 40, 4


@dataclass(frozen=True, slots=True)
class _State:
    """A log of two files: their bytes, and the payloads of each."""

    folder: Path
    files: tuple[bytes, bytes]
    payloads: tuple[bytes, ...]


def _writes(random: np.random.Generator, first: int) -> list[Write]:
    made: list[Write] = []
    for number in range(first, first + 4):
        terms = np.sort(random.choice(_TERMS, 6, replace=False)).astype(np.uint32)
        made.append(
            Put(
                Document(f"d{number}", f"text {number} é", f"title {number}", {"n": number, "of": ["a", {"b": None}]}),
                terms,
                random.gamma(2, 0.5, 6).astype(np.float32) + np.float32(0.1),
                ("alpha", f"word{number}"),
                np.array([0.5, 0.7], np.float32),
                np.sort(random.choice(_TOKENS, 5, replace=False)).astype(np.uint32),
                number,
                random.standard_normal(_NUMBERS).astype(np.float32) if number % 2 else None,
            )
        )
    return [*made, Delete(f"d{first}")]


def _prepare(folder: Path) -> _State:
    random = np.random.default_rng(0)
    payloads = tuple(encode(_writes(random, 3 * number)) for number in range(6))
    with LogWriter.create(folder, _IDENTITY, calls=_Unsynced()) as writer:
        for payload in payloads[:3]:
            writer.append([payload])
        writer.rotate()
        for payload in payloads[3:]:
            writer.append([payload])
    files = log_path(folder, 1).read_bytes(), log_path(folder, 2).read_bytes()
    state = _State(folder, files, payloads)
    _replay(folder)
    return state


def _replay(folder: Path) -> None:
    dense = DenseRecord(dim=_NUMBERS, full_dim=_NUMBERS, similarity="cosine", kind="flat", encoder=None)
    memory = MemorySegment(MemorySettings(_TERMS, 0.01, 16, _TOKENS, dense))
    reader = LogReader(folder, _IDENTITY)
    for record in reader:
        memory.apply(decode(record.payload, f"{record.path}: record {record.sequence}"))
    state = memory.state
    query = state.prepare(
        np.arange(_TERMS, dtype=np.uint32), np.ones(_TERMS, np.float32), ["alpha"], np.ones(1, np.float32)
    )
    rows, scores = state.search(query, 5)
    assert state.scores(query, rows).tolist() == scores.tolist()
    for row in state.live_rows().tolist():
        state.put(row)
    state.search_dense(state.prepare_dense(np.ones(_NUMBERS)), 3)
    assert reader.place is not None
    # Whatever was read, a writer goes on from there, and its record is the last one.
    with LogWriter.resume(folder, _IDENTITY, reader.place, calls=_Unsynced()) as writer:
        writer.append([b"x"])
    assert list(LogReader(folder, _IDENTITY))[-1].payload == b"x"


def _case(state: _State, random: np.random.Generator) -> None:
    files = list(state.files)
    which = int(random.integers(2))
    match int(random.integers(3)):
        case 0:
            files[which] = damage_bytes(files[which], random)
        case 1:
            # A record, whose checksum fits.
            files[which] = _with_record(state, which, int(random.integers(3)), random)
        case _:
            # The last file ends anywhere, and perhaps with bytes that it has elsewhere.
            end, start = (int(random.integers(52, len(files[1]) + 1)) for _ in range(2))
            files[1] = files[1][:end] + files[1][start : start + int(random.integers(2)) * 400]
    try:
        for number, data in enumerate(files, start=1):
            log_path(state.folder, number).write_bytes(data)
        _replay(state.folder)
    finally:
        for number, data in enumerate(state.files, start=1):
            log_path(state.folder, number).write_bytes(data)


def _with_record(state: _State, which: int, place: int, random: np.random.Generator) -> bytes:
    """A file in which one record's bytes are damaged, and all checksums fit."""
    path = log_path(state.folder, which + 1)
    made = bytearray(state.files[which][:52])
    crc = int.from_bytes(made[-4:], "little")
    at = len(made)
    with open_log(path) as file:
        for number in range(3):
            frame = read_frame(file, at, len(state.files[which]))
            assert hasattr(frame, "end")
            payload = state.payloads[3 * which + number]
            if number == place:
                payload = damage_bytes(payload, random) or b"x"
            data, crc = encode_frame([payload], 3 * which + number + 1, crc)
            if number == place and not random.integers(4):
                data = _damaged_lengths(data, random)
            made += data
            at = frame.end
    return bytes(made)


def _damaged_lengths(data: bytes, random: np.random.Generator) -> bytes:
    """A frame with another length of its record, or of its body."""
    at = int(random.choice([0, FRAME_BYTES]))
    return data[:at] + random.bytes(4) + data[at + 4 :]


TARGET = Target("the log of a collection: files, records whose checksums fit, torn tails", _prepare, _case)
