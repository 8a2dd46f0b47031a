"""Head and body of an answer are one write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from lsr.service.http.joined import JoinedWrites


class Transport:
    """Notes what is done to it."""

    def __init__(self) -> None:
        self.done: list[Any] = []

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.done.append("closed")

    def get_write_buffer_size(self) -> int:
        return len(self.done)

    def is_closing(self) -> bool:
        return "closed" in self.done


def done_by(steps: Callable[[JoinedWrites, Transport], Any]) -> list[Any]:
    async def run() -> list[Any]:
        transport = Transport()
        steps(JoinedWrites(transport), transport)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        return transport.done

    return asyncio.run(run())


def test_what_is_written_in_one_turn_is_one_write() -> None:
    def steps(joined: JoinedWrites, transport: Transport) -> None:
        for each in (b"head", b"", b"body"):
            joined.write(each)
        assert transport.done == []

    assert done_by(steps) == [b"headbody"]


def test_flush_sends_now_and_the_turn_sends_nothing_more() -> None:
    def steps(joined: JoinedWrites, transport: Transport) -> None:
        joined.write(b"head")
        joined.flush()
        assert transport.done == [b"head"]

    assert done_by(steps) == [b"head"]


def test_nothing_is_kept_back_by_what_is_asked_or_closed() -> None:
    def steps(joined: JoinedWrites, _: Transport) -> None:
        joined.write(b"head")
        assert joined.get_write_buffer_size() == 1
        joined.write(b"body")
        assert not joined.is_closing()
        joined.close()
        assert joined.is_closing()

    assert done_by(steps) == [b"head", b"body", "closed"]
