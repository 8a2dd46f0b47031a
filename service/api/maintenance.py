"""Compaction of one collection, another model, and the way back, as jobs; and forgetting the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response

from lsr.collection.collection import Collection
from lsr.collection.outcomes import Reindexed
from lsr.core.errors import ConflictError, OutputExistsError
from lsr.service.api.answering import ACCEPTED, CONFLICT
from lsr.service.collections.jobs import Job, Progress, Work
from lsr.service.http.answers import to_json
from lsr.service.http.json_body import JsonRoute
from lsr.service.http.openapi import PROBLEMS
from lsr.service.http.prefix import path_to
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import job_examples as examples
from lsr.service.schemas.jobs import ForgottenAnswer, GoBackRequest, JobAnswer, ReindexRequest
from lsr.service.state import json_response, service_of

router = APIRouter(responses=PROBLEMS, tags=["jobs"], route_class=JsonRoute)


@router.post("/compact", response_model=JobAnswer, status_code=202, responses=ACCEPTED)
@needs(Role.ADMIN)
async def compact(request: Request) -> Response:
    """Put all documents into one segment, without what was deleted, while they are searched and written to."""
    found = service_of(request).collection(request)

    def work(job: Job, progress: Progress) -> dict[str, Any]:
        def compacted(collection: Collection) -> dict[str, Any]:
            collection.compact(progress)
            return {"documents": len(collection)}

        return found.write(compacted)

    return await _begin(request, "compact", work)


@router.post("/reindex", response_model=JobAnswer, status_code=202, responses=ACCEPTED)
@needs(Role.ADMIN)
async def reindex(
    request: Request,
    asked: Annotated[ReindexRequest, Body(openapi_examples={"words alone": {"value": examples.REINDEX}})],
) -> Response:
    """Encode all documents again, by another model, while they are searched and written to; then change over.

    A job that was ended leaves what it has made; the next one for the same model goes on from there.
    """

    def renewed(collection: Collection, progress: Progress) -> Reindexed:
        given = asked.model_dump(exclude={"model"})
        return collection.reindex(asked.model, **given, progress=progress)

    return await _renew(request, "reindex", renewed)


@router.post("/go-back", response_model=JobAnswer, status_code=202, responses=ACCEPTED)
@needs(Role.ADMIN)
async def go_back(
    request: Request,
    asked: Annotated[GoBackRequest | None, Body(openapi_examples={"and forth": {"value": examples.GO_BACK}})] = None,
) -> Response:
    """Return to the version that a reindexing kept, with what was written since, which alone is encoded.

    It fails if no version was kept. A job that was ended is gone on with by the next one.
    """
    keep = asked is not None and asked.keep
    return await _renew(
        request, "go-back", lambda collection, progress: collection.go_back(keep=keep, progress=progress)
    )


@router.post("/forget", response_model=ForgottenAnswer, responses=CONFLICT)
@needs(Role.ADMIN)
async def forget(request: Request) -> Response:
    """Remove the version that a reindexing kept, and what one that was ended has made: there is no way back then."""

    service = service_of(request)
    # A way back that waits for its turn would find nothing to return to.
    service.jobs.check_idle(service.collection(request).name)

    def work(collection: Collection) -> bytes:
        try:
            return to_json({"forgotten": collection.forget()})
        except OutputExistsError as error:  # of a job that has begun since
            raise ConflictError(error.problem, remedies=error.remedies) from None

    return json_response(await service.write(request, work))


async def _renew(request: Request, kind: str, renew: Callable[[Collection, Progress], Reindexed]) -> Response:
    """Begin a job after which the request's collection is encoded otherwise."""
    service = service_of(request)
    found = service.collection(request)

    def work(job: Job, progress: Progress) -> dict[str, Any]:
        done = found.write(lambda collection: renew(collection, progress))
        service.warm_up.warm(found)
        return {"documents": done.documents, "caught_up": done.caught_up}

    return await _begin(request, kind, work)


async def _begin(request: Request, kind: str, work: Work) -> Response:
    """Begin a job that writes all documents of the request's collection again, which is opened for that."""
    service = service_of(request)
    found = service.collection(request)

    def start() -> Job:
        return service.jobs.start(kind, found.name, work, total=len(found.writer()), cancellable=True)

    return accepted(request, await service.change(request, start))


def accepted(request: Request, job: Job) -> Response:
    """The answer to a request for a job."""
    return json_response(to_json(job.to_record()), 202, Location=path_to(request.scope, f"/v1/jobs/{job.id}"))
