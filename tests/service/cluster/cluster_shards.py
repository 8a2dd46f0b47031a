"""Shards in this process, asked as a cluster's are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lsr.index import Index
from lsr.index.format.manifest import Manifest
from lsr.search.live import LiveRetriever
from lsr.service import ServiceSettings, create_app
from lsr.service.cluster.replica import ShardReplica
from lsr.service.cluster.request import AskingShards
from lsr.service.cluster.scatter import ShardCaller
from lsr.service.cluster.shards import RemoteShards
from lsr.service.cluster.wire import Answer, ShardAsked


class NearShards:
    """The shards of a collection; `calls` has what each was asked, `behave` may delay or fail a call."""

    def __init__(self, path: Path) -> None:
        shards = Manifest.read(path).shards
        assert shards is not None
        self.path, self.calls = path, [list[list[ShardAsked]]() for _ in shards.records]
        self.behave: Callable[[int, int], Any] = lambda shard, call: None
        self.loop: asyncio.AbstractEventLoop | None = None
        there = [(number, each.name) for number, each in enumerate(shards.records) if each is not None]
        self._replicas = {number: ShardReplica(str(path), number, threads=1) for number, _ in there}
        self.callers = [ShardCaller(number, self._call_of(number)) for number, _ in there]
        self.remote = RemoteShards(self.callers, [name for _, name in there], self._asks_on, 60.0)
        self.index = Index.open(path, elsewhere=self.remote)

    def _asks_on(self) -> asyncio.AbstractEventLoop:
        assert self.loop is not None
        return self.loop

    def _call_of(self, number: int) -> Any:
        async def call(folder: str, asked: list[ShardAsked]) -> Sequence[Answer]:
            self.calls[number].append(asked)
            done = self.behave(number, len(self.calls[number]))
            if done is not None:
                await done
            return await self._replicas[number].search(folder, asked)

        return call

    def app(self, **settings: Any) -> AskingShards:
        """The service over them."""
        given = ServiceSettings(cache_bytes=0, **settings)
        service = create_app(LiveRetriever(lambda: self.index), given)
        self.service = service.state

        def runs_on(loop: asyncio.AbstractEventLoop) -> None:
            self.loop = loop

        return AskingShards(service, given.request_timeout, runs_on)
