"""Taking connections: no more than a limit, and quietly when the machine has no room."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lsr.service.http.connections import Connection, Connections, has_unread

try:
    import resource
except ModuleNotFoundError:  # Windows has no limit that could be asked for
    resource = None  # type: ignore[assignment]

_ANY = sys.maxsize
_DESCRIPTORS = resource.RLIMIT_NOFILE if resource is not None else 0
# For models and parts of the index that are opened later, and for connections that are being closed.
_RESERVE = 64

logger = logging.getLogger("lsr.service")

# Connections that are taken before others get their turn, and seconds of a pause when the system refuses one.
_AT_ONCE = 4
_PAUSE = 0.5


class Listener(asyncio.AbstractServer):
    """Takes the connections of a listening socket, as asyncio's own server does but for two things.

    At the limit, the connection that has waited longest for its client gives way to the new one; if all are at work,
    new ones wait in the kernel's queue. And a system that is out of descriptors is asked again after a pause, where
    asyncio tries as often as its queue is long, with a traceback each time.
    """

    def __init__(self, listener: socket.socket, connections: Connections, make: Callable[[], Connection]) -> None:
        self._socket = listener
        self._connections = connections
        self._make = make
        self._attaching: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._reading = self._closed = False
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        connections.on_room = self._resume
        self._resume()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def is_serving(self) -> bool:
        return not self._closed

    async def start_serving(self) -> None:
        self._resume()

    async def serve_forever(self) -> None:
        await self.wait_closed()

    def close(self) -> None:
        """Take those that have come, and no more. The open ones stay."""
        while not self._closed and self._reading and has_unread(self._socket):
            self._accept()
        self._closed = True
        self._stop_reading()
        if self._pause is not None:
            self._pause.cancel()

    async def wait_closed(self) -> None:
        """Wait for connections that were taken and have no protocol yet."""
        await asyncio.gather(*self._attaching, return_exceptions=True)

    def _resume(self) -> None:
        if not (self._closed or self._reading or self._pause is not None):
            self._reading = True
            self._loop.add_reader(self._socket.fileno(), self._accept)

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._socket.fileno())

    def _accept(self) -> None:
        for taken in range(_AT_ONCE):
            full = len(self._connections) + len(self._attaching) >= self._connections.limits.connections
            if full:
                if taken and not has_unread(self._socket):
                    return
                if not self._connections.make_room():
                    # Resumed when one of them is done.
                    self._stop_reading()
                    return
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                logger.warning("cannot take a connection: %s; trying again in %g s", error, _PAUSE)
                self._connections.make_room()
                self._stop_reading()
                self._pause = self._loop.call_later(_PAUSE, self._after_pause)
                return
            connection.setblocking(False)
            if connection.family in (socket.AF_INET, socket.AF_INET6):
                # An answer is written in two pieces, and the second would wait for the first to be acknowledged: 40 ms.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._attach(connection))
            self._attaching.add(task)
            task.add_done_callback(self._attached)

    def _after_pause(self) -> None:
        self._pause = None
        self._resume()

    def _attached(self, task: asyncio.Task[None]) -> None:
        self._attaching.discard(task)
        self._resume()

    async def _attach(self, connection: socket.socket) -> None:
        # A client that has gone already is no error of ours.
        with suppress(OSError):
            await self._loop.connect_accepted_socket(self._make, connection)


def connections_allowed(most: int) -> int:
    """How many connections there may be, `most` at the most, for the process to have descriptors left for its files.

    The limit on descriptors is raised as far as that takes and the system lets it.
    """
    if resource is None:
        return most
    soft, hard = (_ANY if each == resource.RLIM_INFINITY else each for each in resource.getrlimit(_DESCRIPTORS))
    used = _open_descriptors()
    wanted = used + most + _RESERVE
    if soft < wanted and soft < hard:
        soft = min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(_DESCRIPTORS, (soft, resource.getrlimit(_DESCRIPTORS)[1]))
    reserve = max(min(_RESERVE, soft // 4), 4 * _AT_ONCE)
    return max(1, min(most, soft - used - reserve))


def _open_descriptors() -> int:
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return 64
