"""One shard, in a process that searches it; more of them share its work."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from lsr.core.errors import IndexFormatError, NotFoundError
from lsr.index.format.manifest import Manifest
from lsr.index.live.snapshot import Index
from lsr.service.cluster.following import follow
from lsr.service.cluster.wire import Answer, ShardAsked

# Builds that are open: the one that is served, and the one that came before or comes after it.
_KEPT = 2


class ShardReplica:
    """Opens a shard of a collection, warms it up, and searches it.

    While another build of the collection takes the place of one, both are open: who asks says which.
    """

    def __init__(self, path: str, number: int, threads: int | None = None, *, follows: bool = False) -> None:
        """Of the collection at `path` the shard of this number; `threads` search at once (default: a CPU each).

        `follows`: whether it opens other builds as soon as they are published, rather than when they are asked for.
        """
        self._path, self._number = Path(path), number
        self._opened: dict[str, Index] = {}
        self._opening = Lock()
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="lsr-shard")
        if follows:
            follow(self._path, lambda: self.reconfigure({}))

    def reconfigure(self, config: Mapping[str, Any]) -> None:
        """Open, and warm up, the shard of the build that is published now; `config` is Ray Serve's."""
        shards = Manifest.read(self._path).shards
        record = None if shards is None or self._number >= len(shards) else shards.records[self._number]
        if record is not None:
            self._open(record.name)

    def check_health(self) -> None:
        """Whether there is something to search: a replica that could not open its shard is replaced."""
        if not self._opened:
            raise IndexFormatError(f"{self._path}: shard {self._number} is not open")

    async def search(self, folder: str, asked: list[ShardAsked], delay: float = 0.0) -> list[Answer]:
        """Search the build in this folder; `delay`: seconds to wait before, for tests."""
        if delay:
            await asyncio.sleep(delay)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._search, folder, asked)

    def _search(self, folder: str, asked: list[ShardAsked]) -> list[Answer]:
        index = self._opened.get(folder) or self._open(folder)
        return [each.search(index) for each in asked]

    def _open(self, folder: str) -> Index:
        with self._opening:
            if folder not in self._opened:
                shards = Manifest.read(self._path).shards
                named = {each.name for each in shards.records if each is not None} if shards is not None else set()
                if folder not in named:
                    raise NotFoundError(f"{self._path} has no shard {folder}")
                index = Index.open(self._path / folder)
                for name in index.parts:
                    _ = index.parts[name]  # once another build is published, its files are gone
                index.sparse.warm_up()
                self._opened[folder] = index
                for old in list(self._opened)[:-_KEPT]:
                    del self._opened[old]
            return self._opened[folder]
