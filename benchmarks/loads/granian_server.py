"""The service under granian, which has no limits on connections: for comparison with what `lsr serve` runs.

    python benchmarks/loads/granian_server.py ROOT PORT WORKERS

Settings are those of the environment (`LSR_…`).
"""

from __future__ import annotations

import os
import sys
from typing import Any

_ROOT = "LSR_BENCHMARK_ROOT"


def app() -> Any:
    """The application; called in each of granian's processes."""
    from lsr.service import ServiceSettings, create_app

    return create_app(os.environ[_ROOT], ServiceSettings.from_env())


def main(root: str, port: str, workers: str) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    os.environ[_ROOT] = root
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `lsr serve` does
    target = "granian_server:app"
    Granian(
        target,
        address="127.0.0.1",
        port=int(port),
        interface=Interfaces.ASGI,
        workers=int(workers),
        websockets=False,
        log_enabled=False,
        factory=True,
    ).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
