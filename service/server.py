"""Running the service with uvicorn."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

from lsr.core.errors import InputError, LsrError, Remedy, in_python
from lsr.core.remedies import LISTEN_ELSEWHERE, make_key
from lsr.encoding.shared.here import check_here
from lsr.service.app import create_app
from lsr.service.collections.root import Root
from lsr.service.http.hosts import host_pattern
from lsr.service.http.listener import connections_allowed
from lsr.service.keys.access import is_loopback
from lsr.service.keys.store import KeyStore
from lsr.service.listening.logs import log_to_stderr
from lsr.service.listening.server import Server
from lsr.service.processes.owner import serve_by_processes
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
    with _listen(host, port) as listener:
        log_to_stderr(settings)
        name = f"[{host}]" if ":" in host else host
        logger.info(
            "listening on http://%s:%d (reference at /docs); warming up",
            name,
            listener.getsockname()[1],
        )
        logger.info("settings: %s", ", ".join(f"{name}={value}" for name, value in changed.items()) or "the defaults")
        for name, right in ServiceSettings.misspelt().items():
            logger.warning("the environment variable %s is no setting; did you mean %s?", name, right)
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
            if settings.workers > 1:
                serve_by_processes(listener, root, Path(path), settings, keys, model=model, device=device)
            else:
                Server(create_app(root, settings, keys=keys), settings).run(sockets=[listener])


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
