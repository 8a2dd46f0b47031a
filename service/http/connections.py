"""The connections of a server: how long each may take, and which of them goes when there are too many."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any

import h11
import orjson
from h11._receivebuffer import ReceiveBuffer
from uvicorn.protocols.http.h11_impl import H11Protocol

from lsr.service.http.body_limit import is_bulk
from lsr.service.http.joined import JoinedWrites
from lsr.service.http.problems import MEDIA_TYPE

logger = logging.getLogger("lsr.service")

# What a client must take of an answer in `answer_timeout` seconds, and what chunks may add to a body's own bytes.
_LEAST_TAKEN = 1 << 16
_MOST_FRAMING = 1 << 20
# How many bodies of the largest size may be held at once, of all connections.
_MOST_BODIES = 128
# How many connections are looked at for one to drop.
_MOST_LOOKED_AT = 32


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a connection may do.

    Attributes:
        connections: how many there may be.
        head_bytes: the most bytes of a request's line and headers.
        body_bytes: the most bytes of a body, which the application holds to as well; this bounds what surrounds them.
        head_timeout: seconds from a connection, or a request's first byte, to the end of its head.
        answer_timeout: seconds in which a client takes at least 64 KiB of an answer, or the rest of it.
        bulk_bytes: the same of a body of documents (`is_bulk`), of which no more is held than the application reads.
    """

    connections: int
    head_bytes: int
    body_bytes: int
    head_timeout: float
    answer_timeout: float
    bulk_bytes: int


class Connections:
    """The open connections. Those that wait for a request, whole or in part, can be closed to make room.

    `on_refused` is called with the status of each request that is refused before the application sees it.
    """

    def __init__(self, limits: ConnectionLimits, on_refused: Callable[[int], None] = lambda status: None) -> None:
        self.limits = limits
        self.on_refused = on_refused
        self.on_room: Callable[[], None] = lambda: None
        self._open: set[Connection] = set()
        # In the order in which they began to wait.
        self._waiting: dict[Connection, None] = {}
        self._held = 0

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)
        self.waits(connection)

    def waits(self, connection: Connection) -> None:
        """Take it for one that waits for a request, or for the rest of one, from now on if it was not already."""
        if connection in self._open:
            self._waiting.setdefault(connection)
            self.on_room()

    def works(self, connection: Connection) -> None:
        """Take it for one whose request is being answered."""
        self._waiting.pop(connection, None)

    def closed(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._waiting.pop(connection, None)
        self.on_room()

    def hold(self, size: int) -> None:
        """Count bytes of requests that are not answered; beyond a bound on all of them, one that waits is dropped."""
        self._held += size
        if size > 0 and self._held > _MOST_BODIES * self.limits.body_bytes:
            self.make_room()

    def make_room(self) -> bool:
        """Drop the connection that has waited longest for its client; False if it seems that none does.

        One that has sent something which was not read yet is at its turn, and the next is looked at.
        """
        for connection in islice(self._waiting, _MOST_LOOKED_AT):
            if not has_unread(connection.transport.get_extra_info("socket")):
                del self._waiting[connection]
                self._open.discard(connection)
                connection.transport.abort()
                return True
        return False


class Connection(H11Protocol):
    """uvicorn's connection by h11, with deadlines and strict about what a request is.

    - A head that is not there in time is answered with 408, a silent connection closed; so is one that goes on sending
      the body of a request that is answered already. uvicorn's own timer, for idle connections that have had an
      answer, is stopped by any byte.
    - A client that does not take its answer is cut off.
    - Lines that end in a bare line feed, folded headers and repeated lengths are refused: two programs in a row that
      read them in two ways see two different requests.
    - Refusals are problem documents with the status that h11 names: 400, 414, 431.
    """

    def __init__(self, *, connections: Connections, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._group = connections
        self._limits = connections.limits
        self._deadline: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._unwritten = 0
        self._received = self._held = 0
        self.conn._receive_buffer = _StrictBuffer(self._limits.head_bytes)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(JoinedWrites(transport))  # type: ignore[arg-type]
        self._group.opened(self)
        self._expect(self._limits.head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._group.closed(self)
        self._let_go()
        self._expect(None)
        if self._writing is not None:
            self._writing.cancel()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._received += len(data)
        if self._streams():
            most = self._limits.bulk_bytes
        else:
            most = self._limits.body_bytes
            self._held += len(data)
            self._group.hold(len(data))
        if self._received > most + max(_MOST_FRAMING, most >> 3):
            self._refuse(413, "the request is larger than this server takes")
            return
        super().data_received(data)
        self._follow()

    def pause_writing(self) -> None:
        # An answer that streams waits for its client, who may never take it.
        super().pause_writing()
        self._watch_writing()

    def on_response_complete(self) -> None:
        self._let_go()
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._watch_writing()
        self._follow()

    def shutdown(self) -> None:
        if self.transport.is_closing():
            return
        if (self.cycle is None or self.cycle.response_complete) and has_unread(self.transport.get_extra_info("socket")):
            # A request that has come is read first, in the loop's next turn.
            self.loop.call_soon(self.shutdown)
        else:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._watch_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read as HTTP; h11's error, which uvicorn is handling, says how."""
        error = sys.exc_info()[1]
        if not isinstance(error, h11.ProtocolError):
            self._refuse(400, msg)
            return
        # An unknown transfer encoding is 501 to h11; it is the request that is wrong, not the server.
        status = error.error_status_hint if error.error_status_hint < 500 else 400
        # What was received would be repeated after that, as Python writes it.
        reason = str(error).partition(": bytearray(")[0]
        self._refuse(status, f"not a request as HTTP/1.1 has it: {reason}")

    def _follow(self) -> None:
        """Keep the deadline that the state asks for."""
        if self.transport.is_closing():
            return
        theirs = self.conn.their_state
        answered = self.cycle is None or self.cycle.response_complete
        if theirs is h11.IDLE or (theirs is h11.SEND_BODY and answered):
            # Until a byte of the next request is there, uvicorn's own timer runs.
            if self._deadline is None and (self.timeout_keep_alive_task is None or theirs is h11.SEND_BODY):
                self._expect(self._limits.head_timeout)
        elif self._deadline is not None:
            self._expect(None)
        if theirs is h11.IDLE or theirs is h11.SEND_BODY:
            self._group.waits(self)
        else:
            self._group.works(self)

    def _streams(self) -> bool:
        """Whether what arrives is read as it comes: of a bulk, which waits while more than a little is not."""
        return self.cycle is not None and not self.cycle.response_complete and is_bulk(dict(self.cycle.scope))

    def _let_go(self) -> None:
        self._group.hold(-self._held)
        self._received = self._held = 0

    def _expect(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            limit = self._limits.head_timeout
            self._refuse(408, f"the head of the request did not arrive within {limit:g} s")
        else:
            self._close()

    def _refuse(self, status: int, detail: str) -> None:
        """Answer if there is nothing that an answer would be mixed up with, and close."""
        logger.warning("closed a connection with status %d: %s", status, detail)
        self._group.on_refused(status)
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            problem = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
            body = orjson.dumps(problem)
            headers = [
                (b"content-type", MEDIA_TYPE.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            start = h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase.encode())
            with contextlib.suppress(h11.LocalProtocolError):
                for event in (start, h11.Data(data=body), h11.EndOfMessage()):
                    self.transport.write(self.conn.send(event) or b"")
        self._close()

    def _close(self) -> None:
        """Close when what was written has left; a client that does not take it is not waited for."""
        if self.cycle is not None:
            # Whoever waits for the rest of the body learns that none will come.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._expect(None)
        self.transport.close()
        self._watch_writing()

    def _watch_writing(self) -> None:
        if self._writing is None and self.transport.get_write_buffer_size():
            self._unwritten = self.transport.get_write_buffer_size()
            self._writing = self.loop.call_later(self._limits.answer_timeout, self._check_writing)

    def _check_writing(self) -> None:
        self._writing = None
        left = self.transport.get_write_buffer_size()
        if left and left > self._unwritten - _LEAST_TAKEN:
            logger.warning("cut off a client that does not take its answer")
            self.transport.abort()
        else:
            self._watch_writing()


def has_unread(end: Any) -> bool:
    """Whether a socket has something that the event loop has not come to: bytes, or for a listener a connection."""
    if end is None or end.fileno() < 0 or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(end.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class _StrictBuffer(ReceiveBuffer):
    """h11's buffer of what was received; heads come out of it, and trailers, if they have only one meaning.

    h11 itself takes a bare line feed for an end of line, joins folded lines, and makes one of equal lengths. Its own
    limit does not hold for what arrives in one piece.
    """

    def __init__(self, head_bytes: int) -> None:
        super().__init__()
        self._head_bytes = head_bytes

    def maybe_extract_lines(self) -> list[bytearray] | None:
        held, first_line = len(self), self._data.find(b"\n")
        lines = super().maybe_extract_lines()
        taken = held - len(self) if lines is not None else held
        if taken > self._head_bytes:
            status = 431 if 0 <= first_line < self._head_bytes else 414
            raise h11.RemoteProtocolError(f"its head is larger than {self._head_bytes:,} bytes", status)
        if lines is None:
            return None
        # A carriage return and a line feed each, and so at the empty line.
        if taken != sum(map(len, lines)) + 2 * len(lines) + 2:
            raise h11.RemoteProtocolError("a line ends in a bare line feed")
        lengths = 0
        for line in lines:
            if line[:1] in (b" ", b"\t"):
                raise h11.RemoteProtocolError("a header is folded")
            if line[:15].lower() == b"content-length:":
                lengths += 1
                if lengths > 1 or b"," in line:
                    raise h11.RemoteProtocolError("it has more than one Content-Length")
        return lines
