"""The process that owns the writing, and starts those that read."""

from __future__ import annotations

import logging
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from types import FrameType

from lsr.core.errors import InputError
from lsr.service.app import create_app
from lsr.service.collections.root import Root
from lsr.service.keys.store import KeyStore
from lsr.service.listening.server import Server
from lsr.service.places.place import Place
from lsr.service.processes.figures import gather
from lsr.service.processes.readers import Readers
from lsr.service.settings import ServiceSettings

# Seconds beyond those that requests under way get, for a reader to end by itself.
_GRACE = 5.0


def serve_by_processes(
    listener: socket.socket,
    root: Root,
    path: Path,
    settings: ServiceSettings,
    keys: KeyStore,
    *,
    model: str | None,
    device: str | None,
) -> None:
    """Serve by `settings.workers` processes that read, on one listening socket, and this one, which writes for them.

    They reach it by a Unix socket in a folder that only this user may enter. At SIGTERM or SIGINT they finish what they
    have accepted before this one ends. InputError on systems without such sockets.
    """
    if sys.platform == "win32":
        raise InputError("Windows has no sockets that processes could share: 1 is all that there is", field="workers")
    with TemporaryDirectory(prefix="lsr-") as folder, socket.socket(socket.AF_UNIX) as own:
        place = Path(folder) / "owner"
        own.bind(str(place))
        own.listen(2048)
        app = create_app(root, settings, keys=keys, place=Place.OWNER)
        gather(app)
        # Those that answer have a line for each request; this one would say it again.
        logging.getLogger("lsr.service.requests").disabled = True
        order = {
            "path": str(path),
            "settings": settings.model_dump(mode="json"),
            "model": model,
            "device": device,
            "owner": str(place),
        }
        readers = Readers(settings.workers, order, listener)
        readers.start()
        try:
            _OwnerServer(app, settings, readers).run(sockets=[own])
        finally:
            readers.stop(0)


class _OwnerServer(Server):
    """Goes on to write until the processes that read have ended."""

    def __init__(self, app: object, settings: ServiceSettings, readers: Readers) -> None:
        super().__init__(app, settings)
        self._readers = readers
        self._patience = settings.shutdown_timeout + _GRACE
        self._stopping = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """At the first signal, end the readers first; a second one ends this process at once."""
        if self._stopping:
            super().handle_exit(sig, frame)
            return
        self._stopping = True

        def stop() -> None:
            self._readers.stop(self._patience)
            super(_OwnerServer, self).handle_exit(sig, frame)

        Thread(target=stop, name="lsr-stop").start()
