"""Metrics of all processes: those that read send theirs to the one that writes, which answers for all."""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Thread

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from lsr.service.keys.roles import Role, needs
from lsr.service.metrics.merging import Merged
from lsr.service.metrics.service import ServiceMetrics

logger = logging.getLogger("lsr.service")

_PATH = "/-/figures"
_EVERY = 1.0


class _Processes:
    """The families of this process, and the last ones of each other: what one has counted stays when it has ended."""

    def __init__(self, own: Collector) -> None:
        self._own = own
        self.last: dict[str, list[Metric]] = {}

    def __iter__(self) -> Iterator[Iterable[Metric]]:
        yield self._own.collect()
        yield from list(self.last.values())


def gather(app: Starlette) -> None:
    """Make an application, that of the owner, take figures of other processes and tell them with its own.

    Its socket is in a folder that only this user may enter: what comes is as its own.
    """
    metrics: ServiceMetrics = app.state.metrics
    processes = _Processes(metrics.registry)
    metrics.told = Merged(processes)

    @needs(Role.ANYONE)
    async def take(request: Request) -> Response:
        processes.last[request.query_params["process"]] = pickle.loads(await request.body())
        return Response(status_code=204)

    app.add_route(_PATH, take, methods=["POST"], include_in_schema=False)


def send(metrics: ServiceMetrics, socket: Path, process: str) -> None:
    """Send the figures of this process to the owner, again and again, in a thread that ends with it."""

    def run() -> None:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), timeout=10) as client:
            while True:
                time.sleep(_EVERY)
                families = list(metrics.registry.collect())
                try:
                    client.post(f"http://localhost{_PATH}", params={"process": process}, content=pickle.dumps(families))
                except httpx.HTTPError as error:
                    logger.warning("the process that writes takes no figures: %s", error)

    Thread(target=run, name="lsr-figures", daemon=True).start()
