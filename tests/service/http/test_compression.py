"""Compressed answers."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr.service import create_app
from lsr.service.http.compression import Compressed, coding_for


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None), ("gzip", "gzip"), ("zstd", "zstd"), ("gzip, zstd", "zstd"), ("gzip, deflate, br", "gzip"),
        ("zstd;q=0.5, gzip;q=0.8", "gzip"), ("zstd;q=0, gzip", "gzip"), ("*", "zstd"), ("*;q=0", None),
        ("GZIP", "gzip"),
        ("identity", None), ("br", None), ("gzip;q=no", None), ("zstd;q=0, *", "gzip"), (";;,,q=", None),
    ],
)  # fmt: skip
def test_the_coding_is_the_best_that_a_client_takes(accepted: str, coding: str | None) -> None:
    assert coding_for(accepted) == coding


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = create_app(FakeSearcher())
    with TestClient(app) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def unpacked(content: bytes, coding: str) -> bytes:
    if coding == "gzip":
        return gzip.decompress(content)
    return zstandard.ZstdDecompressor().decompressobj().decompress(content)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_large_answers_are_compressed_and_small_ones_are_not(client: TestClient, coding: str) -> None:
    plain = client.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.headers["vary"] == "Accept-Encoding"
    with client.stream("GET", "/openapi.json", headers={"Accept-Encoding": coding}) as packed:
        raw = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == coding and packed.headers["vary"] == "Accept-Encoding"
    assert len(raw) < len(plain.content) / 4 and unpacked(raw, coding) == plain.content
    small = client.get("/healthz", headers={"Accept-Encoding": coding})
    assert small.headers["vary"] == "Accept-Encoding" and "content-encoding" not in small.headers
    assert small.json() == {"status": "ok"}


def answered(messages: list[dict[str, Any]], accepted: str) -> list[Any]:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"accept-encoding", accepted.encode())]}
    asyncio.run(Compressed(app)(scope, None, send))  # type: ignore[arg-type]
    return sent


def start(*headers: tuple[str, str], status: int = 200) -> dict[str, Any]:
    listed = [(name.encode(), value.encode()) for name, value in headers]
    return {"type": "http.response.start", "status": status, "headers": listed}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_stream_is_compressed_part_by_part(coding: str) -> None:
    lines = [json.dumps({"line": number}).encode() + b"\n" for number in range(3)]
    parts = [body(line, more=True) for line in lines]
    sent = answered([start(("content-type", "application/x-ndjson")), *parts, body(b"")], coding)
    unpacking: Any = zlib.decompressobj(wbits=31) if coding == "gzip" else zstandard.ZstdDecompressor().decompressobj()
    assert dict(sent[0]["headers"])[b"content-encoding"] == coding.encode()
    # Each line can be read as soon as it is there.
    assert [unpacking.decompress(message["body"]) for message in sent[1:4]] == lines
    assert unpacking.decompress(sent[4]["body"]) == b"" and unpacking.eof


@pytest.mark.parametrize(
    "begun",
    [
        start(("content-type", "application/json"), ("etag", '"1"')),
        start(("content-type", "application/json"), ("content-encoding", "br")),
        start(("content-type", "image/png")),
        start(("content-type", "application/json"), status=304),
    ],
)
def test_what_is_not_to_be_changed_is_left_as_it_is(begun: dict[str, Any]) -> None:
    sent = answered([begun, body(b"x" * 5000)], "gzip")
    assert sent == [begun, body(b"x" * 5000)] and b"vary" not in dict(begun["headers"])
