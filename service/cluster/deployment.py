"""The deployments of Ray Serve: one for each shard, and the ingress that asks all of them.

Imports Ray; only what is connected to it imports this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import serve
from ray.serve.exceptions import BackPressureError

from lsr.core.errors import IndexFormatError
from lsr.index.format.manifest import Manifest
from lsr.index.live.snapshot import Index
from lsr.search.live import LiveRetriever
from lsr.service.app import create_app
from lsr.service.cluster.following import follow
from lsr.service.cluster.replica import ShardReplica
from lsr.service.cluster.request import AskingShards
from lsr.service.cluster.scatter import Call, ShardCaller, Shed
from lsr.service.cluster.shards import RemoteShards
from lsr.service.cluster.wire import Answer, ShardAsked
from lsr.service.keys.store import KeyStore
from lsr.service.settings import ServiceSettings

APPLICATION = "lsr"


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """How a collection is spread.

    Attributes:
        replicas: of each shard, at least and at most; between them, as many as there is work for.
        ongoing: how many searches a replica has at once; queued: how many more wait before some are refused.
        cpus: that a replica of a shard, and of the ingress, has to itself.
        ingresses: how many processes take requests.
    """

    replicas: tuple[int, int] = (1, 1)
    ongoing: int = 16
    queued: int = 256
    cpus: float = 1.0
    ingresses: int = 1


class Ingress:
    """Takes requests, encodes queries, asks every shard, and puts their answers together: the service of one index.

    It maps the files of the collection, of which it reads what hits show, filters and orders go by; it searches none.
    """

    def __init__(
        self,
        path: str,
        settings: Mapping[str, Any],
        handles: Sequence[Any],
        model: str | None = None,
        device: str | None = None,
    ) -> None:
        """Of the collection at `path`, whose shards are behind these handles; `settings` of the service."""
        self._path = Path(path)
        self._settings = ServiceSettings(**settings)
        self._callers = [ShardCaller(number, _call(handle)) for number, handle in enumerate(handles)]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._index = self._opened()
        self._retriever = LiveRetriever(lambda: self._index, model=model, device=device, gathers=True)
        follow(self._path, self._go_over)

    def __serve_build_asgi_app__(self) -> Any:
        """The service, as it is without a cluster, but for who searches."""
        name = self._path.name
        keys = KeyStore(self._path.parent)
        app = create_app(self._retriever, self._settings, name=name, keys=keys)
        self.service = app.state
        return AskingShards(app, self._settings.request_timeout, self._runs_on)

    def _runs_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def _asks_on(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

    def _go_over(self) -> None:
        """Answer from the build that is published now, once each shard has answered for it; requests that run go on."""
        index = self._opened()
        index.sparse.warm_up()
        self._index = index

    def _opened(self) -> Index:
        shards = Manifest.read(self._path).shards
        if shards is None or len(shards) != len(self._callers):
            raise IndexFormatError(f"{self._path}: not the shards that are served")
        there = [(caller, each.name) for caller, each in zip(self._callers, shards.records, strict=True) if each]
        callers, folders = [caller for caller, _ in there], [name for _, name in there]
        remote = RemoteShards(callers, folders, self._asks_on, self._settings.request_timeout)
        return Index.open(self._path, elsewhere=remote)


def _call(handle: Any) -> Call:
    """How one shard is asked: by Ray, which chooses among its replicas."""

    async def call(folder: str, asked: list[ShardAsked]) -> list[Answer]:
        try:
            answers: list[Answer] = await handle.search.remote(folder, asked)
        except BackPressureError as error:
            raise Shed(str(error)) from None
        return answers

    return call


def application(
    path: Path,
    settings: ServiceSettings,
    how: Deployed,
    *,
    model: str | None = None,
    device: str | None = None,
) -> Any:
    """The application of a collection. It follows the collection, as long as there are as many shards."""
    shards = Manifest.read(path).shards
    assert shards is not None
    config = {"fingerprint": shards.fingerprint}
    least, most = how.replicas
    handles = []
    for number in range(len(shards)):
        deployment = serve.deployment(ShardReplica).options(
            name=f"shard-{number}",
            **(
                {"num_replicas": least}
                if least == most
                else {
                    "autoscaling_config": {
                        "min_replicas": least,
                        "max_replicas": most,
                        "target_ongoing_requests": max(1, how.ongoing // 2),
                    }
                }
            ),
            max_ongoing_requests=how.ongoing,
            max_queued_requests=how.queued,
            ray_actor_options={"num_cpus": how.cpus},
            user_config=config,
            health_check_period_s=2,
        )
        handles.append(deployment.bind(str(path), number, follows=True))
    ingress = serve.deployment(serve.ingress()(Ingress)).options(
        name="ingress",
        num_replicas=how.ingresses,
        max_ongoing_requests=4 * how.ongoing,
        max_queued_requests=how.queued,
        ray_actor_options={"num_cpus": how.cpus},
    )
    return ingress.bind(str(path), settings.model_dump(), handles, model, device)
