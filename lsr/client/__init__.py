"""A client of `lsr serve`: collections of another machine, with the methods of `lsr.Collection`."""

from __future__ import annotations

from lsr.core.errors import MissingDependencyError

try:
    from lsr.client.asynchronous import AsyncClient, AsyncJob, AsyncRemoteCollection
    from lsr.client.blocking import Client, Job, RemoteCollection
except ModuleNotFoundError as error:
    if error.name != "httpx":
        raise
    raise MissingDependencyError(
        "a client needs httpx, which is not installed: pip install 'lsr-engine[client]'"
    ) from error

from lsr.client.answers import CollectionInfo, JobState, SnapshotInfo

__all__ = [
    "AsyncClient",
    "AsyncJob",
    "AsyncRemoteCollection",
    "Client",
    "CollectionInfo",
    "Job",
    "JobState",
    "RemoteCollection",
    "SnapshotInfo",
]
