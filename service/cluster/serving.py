"""Serving a collection of shards on a cluster, until it is told to stop."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from lsr.core.errors import IndexFormatError, InputError, LsrError
from lsr.core.ray import connected
from lsr.index.format.manifest import Manifest
from lsr.service.keys.store import KeyStore
from lsr.service.server import local_host
from lsr.service.settings import ServiceSettings

if TYPE_CHECKING:
    from lsr.service.cluster.deployment import Deployed

logger = logging.getLogger("lsr.service")

_LOOKED_EVERY = 1.0


def serve_on_ray(
    path: str | Path,
    settings: ServiceSettings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    address: str | None = None,
    how: Deployed | None = None,
    replicas: int = 1,
    model: str | None = None,
    device: str | None = None,
    until: threading.Event | None = None,
    ready: threading.Event | None = None,
) -> None:
    """Serve the collection of shards at `path` on a cluster of Ray, until `until` is set (default: Ctrl-C).

    All of its machines must see the folder under this name. Another build of the collection that is published there
    goes live without a request that fails, as soon as each shard has opened it. `ready` is set once every shard is
    warm. `replicas`: of each shard at most; `how` says more. Without keys it listens on this machine alone, as
    `lsr.service.server.serve` does.

    Raises IndexFormatError for what is no collection of shards, MissingDependencyError without Ray, and InputError
    where no cluster is.
    """
    path = Path(path).absolute()
    shards = _shards(path)
    keys = KeyStore(path.parent).read()
    settings = settings or ServiceSettings.from_env()
    if not (keys or settings.anonymous):
        host = local_host(host)
    # What was found is not kept: an answer without a shard must not be the next one's.
    settings = settings.model_copy(update={"cache_bytes": 0, "allow_hosts": (*settings.allow_hosts, host)})
    until = until or threading.Event()
    with connected("serve", address) as ray:
        from ray import serve

        from lsr.service.cluster import deployment

        cpus = _share(ray, len(shards) * replicas)
        how = how or deployment.Deployed(replicas=(1, replicas), cpus=cpus)
        options: dict[str, Any] = {"model": model, "device": device}
        serve.start(http_options={"host": host, "port": port, "request_timeout_s": settings.request_timeout + 5})
        try:
            _run(serve, deployment, deployment.application(path, settings, how, **options))
            if _is_warm(host, port, until):
                logger.info("serving %d shards on http://%s:%d", len(shards), host, port)
                if ready is not None:
                    ready.set()
            while not until.wait(_LOOKED_EVERY):
                try:
                    now = _shards(path)
                except LsrError as error:
                    logger.warning("serving what was read before: %s", error.problem)
                    continue
                if len(now) != len(shards):  # others are followed by shards and ingress themselves
                    _run(serve, deployment, deployment.application(path, settings, how, **options))
                    shards = now
        except KeyboardInterrupt:
            pass
        finally:
            serve.shutdown()


def _run(serve: Any, deployment: Any, application: Any) -> None:
    serve.run(application, name=deployment.APPLICATION, route_prefix="/", blocking=False)


def _is_warm(host: str, port: int, until: threading.Event) -> bool:
    """Wait until the ingress has had an answer of every shard; False if it is to stop before."""
    name = f"[{host}]" if ":" in host else {"0.0.0.0": "127.0.0.1"}.get(host, host)
    while not until.wait(_LOOKED_EVERY / 10):
        with suppress(OSError), urlopen(f"http://{name}:{port}/readyz", timeout=_LOOKED_EVERY) as answer:
            if answer.status == 200:
                return True
    return False


def _shards(path: Path) -> Any:
    manifest = Manifest.read(path)
    if manifest.shards is None:
        raise IndexFormatError(f"{path} is one index, and no collection of shards: serve it without a cluster")
    return manifest.shards


def _share(ray: Any, shards: int) -> float:
    """CPUs for each process, so that all have room on a small cluster."""
    there = float(ray.cluster_resources().get("CPU", 1))
    if there <= 0:
        raise InputError("the cluster has no CPU", field="address")
    return min(1.0, there / (shards + 2))
