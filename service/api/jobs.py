"""Long work on collections: how far it is, and ending it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from lsr.core.errors import NotFoundError
from lsr.service.api.answering import CONFLICT
from lsr.service.collections.jobs import Job
from lsr.service.http.answers import to_json
from lsr.service.http.json_body import JsonRoute
from lsr.service.http.openapi import PROBLEMS
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import job_examples as examples
from lsr.service.schemas.jobs import JobAnswer, JobsAnswer
from lsr.service.state import Service, json_response, sees_of, service_of

router = APIRouter(prefix="/v1/jobs", responses=PROBLEMS, tags=["jobs"], route_class=JsonRoute)

JobId = Annotated[str, Path(examples=[examples.JOB_ID])]


@router.get("", response_model=JobsAnswer)
@needs(Role.ADMIN, scoped=True)
async def jobs(request: Request) -> Response:
    """List the jobs: those that are to be done, that run, and the last ones that ended."""
    service, sees = service_of(request), sees_of(request)

    def work() -> bytes:
        return to_json({"jobs": [job.to_record() for job in service.jobs.all() if sees(job.collection)]})

    return json_response(await service.run(request, work))


@router.get("/{id}", response_model=JobAnswer)
@needs(Role.ADMIN, scoped=True)
async def job(request: Request, id: JobId) -> Response:
    """How far a job is, or what became of it."""
    service = service_of(request)
    return json_response(await service.run(request, lambda: to_json(_seen(request, service, id).to_record())))


@router.delete("/{id}", response_model=JobAnswer, responses=CONFLICT)
@needs(Role.ADMIN, scoped=True)
async def cancel(request: Request, id: JobId) -> Response:
    """End a job that waits, or one that can be ended while it runs: soon after this is answered."""
    service = service_of(request)

    def work() -> bytes:
        _seen(request, service, id)
        return to_json(service.jobs.cancel(id).to_record())

    return json_response(await service.change(request, work))


def _seen(request: Request, service: Service, id: str) -> Job:
    """The job, if who asks may know of its collection."""
    found = service.jobs.get(id)
    if not sees_of(request)(found.collection):
        raise NotFoundError(f"there is no job {id!r}")
    return found
