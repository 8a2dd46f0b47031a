"""Bodies that unpack to far more, sent to a real server: refused, in little memory, and the next request is served."""

from __future__ import annotations

import http.client
import json
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zstandard
from patience import PATIENCE
from server_process import ServerProcess, serving

pytestmark = [
    pytest.mark.process,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read as Linux tells it"),
]

MIB = 1 << 20
DOCUMENTS = "/v1/collections/words/documents"
FIRST = json.dumps({"_id": "first", "text": "a document like others"}).encode() + b"\n"
LINE = b'{"_id": "bomb", "text": "'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("bombs")
    (folder / "root").mkdir()
    with serving(folder / "root", folder / "log") as server:
        assert server.call("POST", "/v1/collections", {"name": "words", "model": "bm25"}).status == 201
        assert server.call("POST", DOCUMENTS, FIRST).value["created"] == 1
        yield server


def packed(coding: str, *pieces: tuple[bytes, int]) -> bytes:
    """Each piece so many times, in one member or frame."""
    packing: Any = zlib.compressobj(9, wbits=31) if coding == "gzip" else zstandard.ZstdCompressor().compressobj()
    return b"".join(packing.compress(piece) for piece, times in pieces for _ in range(times)) + packing.flush()


def sent(server: ServerProcess, path: str, body: bytes, coding: str, kind: str) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": kind, "Content-Encoding": coding}
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as client:
        client.request("POST", path, body, headers)
        answer = client.getresponse()
        return answer.status, json.loads(answer.read())


def most_memory(server: ServerProcess) -> int:
    """Bytes that the process ever had."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_bombs_are_refused_and_others_are_served(server: ServerProcess, coding: str) -> None:
    mib = b"a" * MIB
    line, blank, empty = packed(coding, (LINE, 1), (mib, 256)), packed(coding, (b" " * MIB, 256)), packed(coding)
    lines = packed(coding, (FIRST * 10_000, 400))
    bodies = [
        ("/v1/collections/words/search", packed(coding, (b'{"text": "', 1), (mib, 256)), "application/json", 413),
        (DOCUMENTS, line, "application/x-ndjson", 413),
        (DOCUMENTS, blank, "application/x-ndjson", 413),
        (DOCUMENTS, packed(coding, (b"\n" * MIB, 256)), "application/x-ndjson", 413),
        (DOCUMENTS, packed(coding, (b"[", 1), (b" " * MIB, 256)), "application/json", 413),
        (DOCUMENTS, lines, "application/x-ndjson", 413),
        (DOCUMENTS, empty * 1000 + line, "application/x-ndjson", 400),
        (DOCUMENTS, packed(coding, (FIRST, 1)) + line, "application/x-ndjson", 400),
    ]
    before = most_memory(server)
    for path, body, kind, expected in bodies:
        assert len(body) < 4 * MIB
        status, told = sent(server, path, body, coding, kind)
        assert status == expected and told["status"] == expected, told
    assert most_memory(server) - before < 80 * MIB
    # What was whole before one is written, and nothing else.
    assert server.call("POST", "/v1/collections/words/count", {}).value["count"] == 1
    assert sent(server, DOCUMENTS, packed(coding, (FIRST, 1)), coding, "application/x-ndjson")[1]["replaced"] == 1
