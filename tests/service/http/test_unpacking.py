"""Compressed bodies: what they were before reaches the application, and bombs do not."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zstandard
from fake_searcher import FakeSearcher
from fastapi import HTTPException
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE
from starlette.types import Message, Receive, Scope, Send

from lsr.service import ServiceSettings, create_app
from lsr.service.http.unpacking import CODINGS, Unpacked, _Body

MOST = 1 << 20


def zstd(data: bytes, **options: Any) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)


def zstd_stream(data: bytes) -> bytes:
    """As from one who does not know how much there will be: without its size in the head."""
    packing = zstandard.ZstdCompressor(level=19).compressobj()
    return packing.compress(data) + packing.flush()


PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "x-gzip": gzip.compress, "zstd": zstd}
SEARCH = json.dumps({"text": "date from " + "string " * 200}).encode()


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = create_app(FakeSearcher(), ServiceSettings(max_body_bytes=MOST))
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client


def post(client: TestClient, content: Any, coding: str) -> Any:
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    return client.post("/v1/search", content=content, headers=headers)


@pytest.mark.parametrize("coding", PACK)
def test_a_compressed_body_is_read(client: TestClient, coding: str) -> None:
    assert post(client, PACK[coding](SEARCH), coding).json()["hits"][0]["id"] == "datetime/strptime"
    assert post(client, PACK[coding](SEARCH), coding.upper()).status_code == 200
    # In chunks of a byte, without its length.
    assert post(client, (bytes((byte,)) for byte in PACK[coding](SEARCH)), coding).status_code == 200
    assert post(client, zstd_stream(SEARCH), "zstd").status_code == 200


def test_other_codings_are_refused(client: TestClient) -> None:
    assert post(client, SEARCH, "identity").status_code == 200
    for coding in ("br", "deflate", "gzip, gzip", "gzip, zstd", "gzip;q=1", "é"):
        answer = post(client, SEARCH, coding.encode())  # type: ignore[arg-type]
        assert answer.status_code == 415 and answer.headers["accept-encoding"] == "gzip, zstd"
    headers = [("Content-Encoding", "gzip"), ("Content-Encoding", "gzip"), ("Content-Type", "application/json")]
    assert client.post("/v1/search", content=gzip.compress(gzip.compress(SEARCH)), headers=headers).status_code == 415


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_what_is_damaged_or_followed_by_something_is_refused(client: TestClient, coding: str) -> None:
    packed = PACK[coding](SEARCH)
    middle = len(packed) // 2
    for content, told in (
        (SEARCH, "damaged"),
        (packed[:-1], "too early"),
        (packed[:middle], "too early"),
        (packed[:3], "too early"),
        (packed + b"x", "follows"),
        (packed + packed, "follows"),
        (packed + b"\0" * 10_000, "follows"),
    ):
        answer = post(client, content, coding)
        assert answer.status_code == 400 and told in answer.json()["detail"], content[:20]
        assert answer.headers["connection"] == "close"
    if coding == "gzip":
        assert post(client, packed[:-6] + bytes((packed[-6] ^ 1,)) + packed[-5:], coding).status_code == 400
    assert post(client, b"", coding).status_code == 422  # no body at all: its fields are missing


def test_what_unpacks_to_too_much_is_refused(client: TestClient) -> None:
    long = json.dumps({"text": "date", "filter": " " * MOST}).encode()
    for coding in ("gzip", "zstd"):
        answer = post(client, PACK[coding](long), coding)
        assert answer.status_code == 413, answer.text
    assert post(client, gzip.compress(b" " * (MOST + 1), 0), "gzip").status_code == 413


def bombs() -> Iterator[tuple[str, bytes]]:
    """A gibibyte of zeros in each coding, in little."""
    packing, zeros = zlib.compressobj(9, wbits=31), bytes(1 << 20)
    yield "gzip", b"".join(packing.compress(zeros) for _ in range(1024)) + packing.flush()
    large = zstandard.ZstdCompressor(level=3).compressobj()
    yield "zstd", b"".join(large.compress(zeros) for _ in range(1024)) + large.flush()


@pytest.mark.parametrize(("coding", "bomb"), list(bombs()), ids=["gzip", "zstd"])
@pytest.mark.parametrize("most", [MOST, 1 << 40])
def test_a_bomb_takes_little_memory(coding: str, bomb: bytes, most: int) -> None:
    """Also where a route takes very large bodies: the ratio ends it."""
    assert len(bomb) < 1 << 21
    body = _Body(CODINGS[coding], coding, most)
    tracemalloc.start()
    made = 0
    with pytest.raises(HTTPException) as refused:
        for part in body.parts(bomb):
            made += len(part)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.status_code == 413
    assert made <= max(MOST, 200 * len(bomb)) and peak < 40 << 20


def noise_and_zeros(coding: str) -> bytes:
    """A bomb after so much that does not shrink that its ratio is one of text: 12 MiB, and then 256 MiB of zeros."""
    packing: Any = zlib.compressobj(9, wbits=31) if coding == "gzip" else zstandard.ZstdCompressor().compressobj()
    noise = packing.compress(random.Random(1).randbytes(12 << 20))
    return noise + b"".join(packing.compress(bytes(1 << 20)) for _ in range(256)) + packing.flush()


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_part_that_unpacks_to_very_much_is_handed_on_in_pieces(coding: str) -> None:
    """All of it is allowed where documents may have so many bytes, and none of it may be held together."""
    bomb = noise_and_zeros(coding)
    parts = [bomb[at : at + 65536] for at in range(0, len(bomb), 65536)]
    given, got = iter(parts), []

    async def receive() -> Message:
        part = next(given, None)
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            got.append(len(message["body"]))
            if not message["more_body"]:
                return

    async def send(message: Message) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "headers": [(b"content-encoding", coding.encode())], "state": {"most_bytes": 1 << 40}}
    tracemalloc.start()
    asyncio.run(Unpacked(application)(scope, receive, send))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(got) == 268 << 20 and max(got) < 8 << 20 and peak < 24 << 20


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_bomb_in_another_member_or_frame_is_refused(client: TestClient, coding: str) -> None:
    small, bomb = PACK[coding](SEARCH), PACK[coding](bytes(64 << 20))
    for content, status in (
        (small + bomb, 400),
        (small + small * 2000, 400),
        (bomb + small, 413),
        (PACK[coding](b"") * 5000 + bomb, 400),
    ):
        tracemalloc.start()
        answer = post(client, content, coding)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answer.status_code == status and peak < 40 << 20, answer.text
    if coding == "zstd":  # a frame that is to be skipped, of four gigabytes
        skipped = (0x184D2A50).to_bytes(4, "little") + (0xFFFFFFFF).to_bytes(4, "little")
        assert post(client, small + skipped, coding).status_code == 400
        assert post(client, skipped + small, coding).status_code == 400


def test_a_window_of_gigabytes_is_not_given() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    packing = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packing.compress(SEARCH) + packing.flush()
    with pytest.raises(HTTPException, match="memory"):
        list(_Body(CODINGS["zstd"], "zstd", MOST).parts(packed))


def test_text_that_shrinks_well_is_taken() -> None:
    text = "\n".join(
        json.dumps({"id": str(number), "text": "a line as others are"}) for number in range(20_000)
    ).encode()
    for coding in ("gzip", "zstd"):
        body = _Body(CODINGS[coding], coding, 1 << 30)
        assert b"".join(body.parts(PACK[coding](text))) == text
        body.finish()


@given(
    st.sampled_from(sorted(PACK)),
    st.binary(max_size=300),
    st.integers(0, 400),
    st.binary(max_size=8),
    st.integers(1, 64),
)
def test_any_damage_is_refused_or_harmless(coding: str, data: bytes, at: int, other: bytes, step: int) -> None:
    """Whatever bytes are put in the place of others, and however they arrive: what is read is whole, or refused."""
    packed = PACK[coding](data)
    damaged = packed[:at] + other + packed[at + len(other) :]
    body = _Body(CODINGS[coding], coding, MOST)
    try:
        made = b"".join(
            part for start in range(0, len(damaged), step) for part in body.parts(damaged[start : start + step])
        )
        body.finish()
    except HTTPException as refused:
        assert refused.status_code in (400, 413)
    else:
        # Without a checksum, as zstandard writes by default, other bytes may stand for other data of the same form.
        assert made == data or (coding == "zstd" and damaged != packed)
