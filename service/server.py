"""Running the service with uvicorn."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from lsr.core.errors import InputError, LsrError, Remedy, in_python
from lsr.core.remedies import LISTEN_ELSEWHERE, make_key
from lsr.encoding.shared.here import check_here
from lsr.service.app import create_app
from lsr.service.collections.root import Root
from lsr.service.http.connections import Connection, ConnectionLimits, Connections
from lsr.service.http.hosts import host_pattern
from lsr.service.http.listener import Listener, connections_allowed
from lsr.service.http.log_limit import LogLimit
from lsr.service.http.request_log import JsonFormatter, TextFormatter
from lsr.service.keys.access import is_loopback
from lsr.service.keys.store import KeyStore
from lsr.service.settings import ServiceSettings

logger = logging.getLogger("lsr.service")

# The event loop of Windows cannot watch a listening socket: there uvicorn takes connections, without a limit.
_HAS_READERS = sys.platform != "win32"
# What uvicorn warns of, a request that it cannot read, is said by `Connection`, and with its reason.
_LOGGERS = {
    "lsr.service": logging.INFO,
    "uvicorn.error": logging.ERROR,
    "asyncio": logging.ERROR,
    "opentelemetry": logging.WARNING,
}


def serve(
    path: str | Path,
    settings: ServiceSettings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    model: str | None = None,
    device: str | None = None,
    wording: Callable[[Remedy], str] = in_python,
) -> None:
    """Serve the index at `path`, or the collections in that folder, until SIGINT or SIGTERM; then finish the requests.

    What other processes write is in the answers within a second. Without keys (`lsr.service.keys.store.KeyStore`) it
    listens on this machine alone, whatever `host` says, unless `settings.anonymous`; `wording` says in its log what to
    do about that.

    `settings` default to `ServiceSettings.from_env()`. `model` replaces the one that made the index. Port 0 takes a
    free port; the log, on stderr, says which. A request is encoded on one core, unless OMP_NUM_THREADS is set.
    Requests may be addressed to `host`, besides the names in `settings.allow_hosts`.

    Raises IndexFormatError, ModelError for a device that is not here, InputError for damaged keys or for keys beside
    `anonymous`, and LsrError if it cannot listen on the port.
    """
    settings = settings or ServiceSettings.from_env()
    # Threads that search keep the cores busy. If each had a team of OpenMP threads, they would wait for one another:
    # on two busy cores, the median query took two to five times as long. Read when torch is first imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Models are loaded once it listens: by then a wrong device could only be logged.
    check_here(device)
    root = Root.at(path, model=model, device=device)
    assert root.folder is not None
    keys = KeyStore(root.folder)
    found = keys.read()
    if found and settings.anonymous:
        raise InputError(
            "there are keys, which an anonymous server never asks for", field="anonymous", remedies=["leave it out"]
        )
    asked_for, host = host, host if found or settings.anonymous else local_host(host)
    wanted, changed = settings.max_connections, settings.changed()
    settings = settings.model_copy(
        update={
            # What is no name of a host cannot be listened on either, and that is said there.
            "allow_hosts": settings.allow_hosts if host_pattern(host) is None else (*settings.allow_hosts, host),
            "max_connections": connections_allowed(wanted),
        }
    )
    app = create_app(root, settings, keys=keys)
    with _listen(host, port) as listener:
        _log_to_stderr(settings)
        name = f"[{host}]" if ":" in host else host
        logger.info("listening on http://%s:%d (reference at /docs); warming up", name, listener.getsockname()[1])
        logger.info("settings: %s", ", ".join(f"{name}={value}" for name, value in changed.items()) or "the defaults")
        if asked_for != host:
            logger.warning(
                "not on %s: there are no keys, and without one only this machine may ask; to let others ask, %s",
                asked_for,
                wording(make_key(path)),
            )
        elif settings.anonymous and not is_loopback(host):
            logger.warning("anyone who can reach %s may ask, without a key", host)
        if settings.max_connections < wanted:
            logger.warning(
                "at most %d connections at once, not %d: the system allows too few open files for more (ulimit -n)",
                settings.max_connections,
                wanted,
            )
        # uvicorn raises the signal that stopped it again; by then there is nothing left to interrupt.
        with contextlib.suppress(KeyboardInterrupt):
            Server(app, settings).run(sockets=[listener])


class Server(uvicorn.Server):
    """uvicorn with limits on connections: how many, and how long each may take. It listens on sockets that it is given.

    Requests are read by h11, whatever else is installed: one reading, held to its tests.
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


def local_host(host: str) -> str:
    """The address to listen on in place of `host` where only this machine may ask: itself if it is of this machine."""
    return host if is_loopback(host) else "::1" if ":" in host else "127.0.0.1"


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, bound before the server starts so that a port in use gives a one-line error."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise LsrError(f"cannot listen on {host}, port {port}: {error}", remedies=[LISTEN_ELSEWHERE]) from error


def _log_to_stderr(settings: ServiceSettings) -> None:
    text = TextFormatter("%(asctime)s %(message)s", datefmt="%H:%M:%S")
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else text)
    handler.addFilter(LogLimit())
    for name, level in _LOGGERS.items():
        target = logging.getLogger(name)
        target.handlers = [handler]
        target.setLevel(level)
        target.propagate = False
    logging.getLogger("lsr.service.requests").disabled = settings.log_format == "off"
