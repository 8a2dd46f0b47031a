"""Snapshots of collections: taking them, restoring, and removing them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Request, Response

from lsr.core.errors import NotFoundError
from lsr.service.api.answering import ACCEPTED, GONE
from lsr.service.api.maintenance import accepted
from lsr.service.collections.jobs import Job
from lsr.service.collections.snapshots import Snapshots
from lsr.service.http.answers import to_json
from lsr.service.http.json_body import JsonRoute
from lsr.service.http.openapi import PROBLEMS
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import job_examples as examples
from lsr.service.schemas.jobs import JobAnswer, RestoreRequest, SnapshotRequest, SnapshotsAnswer
from lsr.service.state import json_response, sees_of, service_of

router = APIRouter(prefix="/snapshots", responses=PROBLEMS, tags=["snapshots"], route_class=JsonRoute)

SnapshotName = Annotated[str, Path(examples=[examples.SNAPSHOT_NAME])]


@router.get("", response_model=SnapshotsAnswer, response_model_exclude_none=True)
@needs(Role.ADMIN)
async def snapshots(request: Request) -> Response:
    """List the snapshots of a collection, those of one that was removed, too."""
    service, name = service_of(request), _collection(request)
    found = await service.run(request, lambda: Snapshots(service.root).of(name))
    return json_response(to_json({"snapshots": found}))


@router.post("", response_model=JobAnswer, status_code=202, responses=ACCEPTED)
@needs(Role.ADMIN)
async def take(
    request: Request,
    asked: Annotated[SnapshotRequest | None, Body(openapi_examples={"named": {"value": examples.SNAPSHOT}})] = None,
) -> Response:
    """Copy a collection as it is now, while it is searched and written to."""
    service = service_of(request)
    found, kept = service.collection(request), Snapshots(service.root)

    def start() -> Job:
        name = kept.new_name(found.name, None if asked is None else asked.name)
        total = found.now().index.describe().get("bytes", {}).get("total")
        return service.jobs.start(
            "snapshot",
            found.name,
            lambda job, progress: kept.make(found.name, name, progress),
            total=total,
            cancellable=True,
        )

    return accepted(request, await service.change(request, start))


@router.post("/{snapshot}/restore", response_model=JobAnswer, status_code=202, responses=ACCEPTED)
@needs(Role.ADMIN)
async def restore(
    request: Request,
    snapshot: SnapshotName,
    asked: Annotated[RestoreRequest, Body(openapi_examples={"beside the other": {"value": examples.RESTORE}})],
) -> Response:
    """Make a collection of a snapshot, which stays. To go back, let an alias stand for it then."""
    service, name = service_of(request), _collection(request)
    kept = Snapshots(service.root)

    def start() -> Job:
        total = kept.size(name, snapshot)
        service.root.folder_for(asked.name)
        return service.jobs.start(
            "restore",
            name,
            lambda job, progress: kept.restore(name, snapshot, asked.name, progress),
            total=total,
            cancellable=True,
        )

    return accepted(request, await service.change(request, start))


@router.delete("/{snapshot}", status_code=204, responses=GONE)
@needs(Role.ADMIN)
async def remove(request: Request, snapshot: SnapshotName) -> Response:
    """Remove a snapshot."""
    service, name = service_of(request), _collection(request)
    await service.change(request, lambda: Snapshots(service.root).remove(name, snapshot))
    return Response(status_code=204)


def _collection(request: Request) -> str:
    """The name of the collection, which need not be there any more."""
    name = service_of(request).root.name_of(request.path_params["collection"])
    if not sees_of(request)(name):
        raise NotFoundError(f"there is no collection {name!r}")
    return name
