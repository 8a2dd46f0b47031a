"""Head and body of an answer in one piece."""

from __future__ import annotations

import asyncio
from typing import Any


class JoinedWrites:
    """An asyncio transport that sends what is written in one turn of the event loop at once, or at `flush`.

    An answer's head and its body are written one after the other, and a call of the system for each of them, with the
    client woken in between, costs more than the rest of writing them. Everything else is the transport's own.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._turn: asyncio.Handle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data` after what was written before, by the end of this turn."""
        if not data:
            return
        self._waiting.append(data)
        if self._turn is None:
            self._turn = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send now what waits."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._transport.write(b"".join(waiting))

    def get_write_buffer_size(self) -> int:
        """Bytes that the system has not taken."""
        self.flush()
        return self._transport.get_write_buffer_size()

    def close(self) -> None:
        """Send what waits, and close."""
        self.flush()
        self._transport.close()
