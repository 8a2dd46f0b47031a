"""A process that reads, as a command: `python -m lsr.service.processes.reader`, started by the one that writes.

Its order is a line of JSON on standard input (`lsr.service.processes.readers`); when that ends, it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path
from threading import Thread

from lsr.service.app import create_app
from lsr.service.collections.root import Root
from lsr.service.listening.logs import log_to_stderr
from lsr.service.listening.server import Server
from lsr.service.places.place import Place
from lsr.service.processes.figures import send
from lsr.service.settings import ServiceSettings


def main() -> None:
    """Serve until SIGTERM, SIGINT, or the end of the process that gave the order."""
    order = json.loads(sys.stdin.readline())
    settings = ServiceSettings(**order["settings"])
    log_to_stderr(settings)
    root = Root.at(order["path"], model=order["model"], device=order["device"])
    owner = Path(order["owner"])
    app = create_app(root, settings, place=Place.READER, owner=owner)
    Thread(target=_end_with_owner, name="lsr-owner", daemon=True).start()
    send(app.state.metrics, owner, str(order["number"]))
    with socket.socket(fileno=order["listener"]) as listener, contextlib.suppress(KeyboardInterrupt):
        Server(app, settings).run(sockets=[listener])


def _end_with_owner() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
