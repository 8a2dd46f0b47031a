"""Running the service with uvicorn."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
from pathlib import Path

import uvicorn

from lsr.core.errors import LsrError
from lsr.core.remedies import LISTEN_ELSEWHERE
from lsr.search.retriever import Retriever
from lsr.service.app import create_app
from lsr.service.http.request_log import JsonFormatter
from lsr.service.settings import ServiceSettings

logger = logging.getLogger("lsr.service")


def serve(
    path: str | Path,
    settings: ServiceSettings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    model: str | None = None,
    device: str | None = None,
) -> None:
    """Serve the index at `path` until SIGINT or SIGTERM, then finish the requests under way.

    `settings` default to `ServiceSettings.from_env()`. `model` replaces the one that made the index. Port 0 takes a
    free port; the log, on stderr, says which. A request is encoded on one core, unless OMP_NUM_THREADS is set.

    Raises IndexFormatError, and LsrError if it cannot listen on the port.
    """
    settings = settings or ServiceSettings.from_env()
    # The workers already keep the cores busy. If each had a team of OpenMP threads, they would wait for one another: on
    # two busy cores, the median query took two to five times as long. Read when torch is first imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    app = create_app(Retriever.open(path, model=model, device=device), settings)
    with _listen(host, port) as listener:
        _log_to_stderr(settings)
        name = f"[{host}]" if ":" in host else host
        logger.info("listening on http://%s:%d (reference at /docs); warming up", name, listener.getsockname()[1])
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout),
        )
        # uvicorn raises the signal that stopped it again; by then there is nothing left to interrupt.
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, bound before the server starts so that a port in use gives a one-line error."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise LsrError(f"cannot listen on {host}, port {port}: {error}", remedies=[LISTEN_ELSEWHERE]) from error


def _log_to_stderr(settings: ServiceSettings) -> None:
    text = logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S")
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else text)
    for name, level in (("lsr.service", logging.INFO), ("uvicorn.error", logging.WARNING)):
        target = logging.getLogger(name)
        target.handlers = [handler]
        target.setLevel(level)
        target.propagate = False
    logging.getLogger("lsr.service.requests").disabled = settings.log_format == "off"
