"""uvicorn, within limits."""

from __future__ import annotations

import math
import socket
import sys
from functools import partial
from typing import Any

import uvicorn

from lsr.service.http.connections import Connection, ConnectionLimits, Connections
from lsr.service.http.listener import Listener
from lsr.service.settings import ServiceSettings

# The event loop of Windows cannot watch a listening socket: there uvicorn takes connections, without a limit.
_HAS_READERS = sys.platform != "win32"


class Server(uvicorn.Server):
    """uvicorn with limits on connections: how many, and how long each may take. It listens on sockets that it is given.

    Requests are read by h11, whatever else is installed: one reading, held to its tests. They run on uvloop where there
    is one.
    """

    def __init__(self, app: Any, settings: ServiceSettings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                # Nothing here depends on what a proxy says of its client, so nothing of it is believed.
                proxy_headers=False,
                timeout_keep_alive=settings.keep_alive_timeout,  # type: ignore[arg-type]
                timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout),
                h11_max_incomplete_event_size=settings.max_head_bytes,
            )
        )
        self._listeners: list[Listener] = []
        self._limits = ConnectionLimits(
            connections=settings.max_connections,
            head_bytes=settings.max_head_bytes,
            body_bytes=settings.max_body_bytes,
            bulk_bytes=settings.max_bulk_bytes,
            head_timeout=settings.head_timeout,
            answer_timeout=settings.request_timeout,
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        metrics = self.config.app.state.metrics  # type: ignore[union-attr]
        connections = Connections(self._limits, metrics.refused)
        make = partial(Connection, connections=connections)
        self.config.http_protocol_class = make  # type: ignore[assignment]
        if not _HAS_READERS:
            await super().startup(sockets)
            return
        metrics.watch(connections=lambda: len(connections))
        # Given no sockets, uvicorn starts the application and nothing else.
        await super().startup(sockets=[])

        def connection() -> Connection:
            return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

        if self.started:
            self._listeners = [Listener(each, connections, connection) for each in sockets or ()]
            self.servers = self._listeners  # type: ignore[assignment]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what has come, and stop."""
        for listener in self._listeners:
            # uvicorn tells the connections that there are then.
            listener.close()
            await listener.wait_closed()
        await super().shutdown(sockets)
