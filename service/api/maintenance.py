"""Long work on one collection, as jobs: compaction, and another model."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response

from lsr.collection.collection import Collection
from lsr.service.api.answering import ACCEPTED
from lsr.service.collections.jobs import Job, Progress, Work
from lsr.service.http.answers import to_json
from lsr.service.http.json_body import JsonRoute
from lsr.service.http.openapi import PROBLEMS
from lsr.service.http.prefix import path_to
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import job_examples as examples
from lsr.service.schemas.jobs import JobAnswer, ReindexRequest
from lsr.service.state import json_response, service_of

router = APIRouter(responses=PROBLEMS, tags=["jobs"], route_class=JsonRoute)


@router.post("/compact", response_model=JobAnswer, status_code=202, responses=ACCEPTED)
@needs(Role.ADMIN)
async def compact(request: Request) -> Response:
    """Put all documents into one segment, without what was deleted, while they are searched and written to."""

    def compacted(collection: Collection) -> dict[str, Any]:
        collection.compact()
        return {"documents": len(collection)}

    service = service_of(request)
    found = service.collection(request)
    return await _begin(request, "compact", lambda job, progress: found.write(compacted))


@router.post("/reindex", response_model=JobAnswer, status_code=202, responses=ACCEPTED)
@needs(Role.ADMIN)
async def reindex(
    request: Request,
    asked: Annotated[ReindexRequest, Body(openapi_examples={"words alone": {"value": examples.REINDEX}})],
) -> Response:
    """Encode all documents again, by another model, while they are searched and written to; then change over.

    A job that was ended leaves what it has made; the next one for the same model goes on from there.
    """
    service = service_of(request)
    found = service.collection(request)

    def work(job: Job, progress: Progress) -> dict[str, Any]:
        def renewed(collection: Collection) -> dict[str, Any]:
            done = collection.reindex(asked.model, dense=asked.dense, keep=asked.keep, progress=progress)
            return {"documents": done.documents, "caught_up": done.caught_up}

        result = found.write(renewed)
        service.warm_up.warm(found)
        return result

    return await _begin(request, "reindex", work, counted=True)


async def _begin(request: Request, kind: str, work: Work, *, counted: bool = False) -> Response:
    """Begin a job that writes to the request's collection, which is opened for that; `counted`: by documents."""
    service = service_of(request)
    found = service.collection(request)

    def start() -> Job:
        writer = found.writer()
        total = len(writer) if counted else None
        return service.jobs.start(kind, found.name, work, total=total, cancellable=counted)

    return accepted(request, await service.change(request, start))


def accepted(request: Request, job: Job) -> Response:
    """The answer to a request for a job."""
    return json_response(to_json(job.to_record()), 202, Location=path_to(request.scope, f"/v1/jobs/{job.id}"))
