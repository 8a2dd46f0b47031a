"""Long work of a server: how far it is, waiting for it, giving it up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from lsr.client import answers
from lsr.client.answers import JobState
from lsr.client.asking import Server, quoted
from lsr.client.steps import Pause, Steps
from lsr.core.errors import ServerError

# Seconds between two looks at a job: the first, and how they grow.
_FIRST, _LONGEST, _GROWTH = 0.05, 2.0, 1.5


@dataclass(slots=True)
class Watched:
    """A job, and what was last known of it."""

    server: Server
    state: JobState


def refresh(job: Watched) -> Steps[JobState]:
    """Ask the server how far it is."""
    record = yield from job.server.ask("GET", f"/v1/jobs/{quoted(job.state.id)}")
    job.state = answers.job(record)
    return job.state


def wait(
    job: Watched, timeout: float | None = None, *, progress: Callable[[JobState], None] | None = None
) -> Steps[dict[str, Any]]:
    """Wait until it is over; return its result.

    Args:
        timeout: seconds, after which ServerError is raised; None to wait for good. The job goes on all the same.
        progress: called with the state after each look.

    ServerError if it failed, with the reason, or was cancelled.
    """
    started, pause = monotonic(), _FIRST
    while True:
        state = yield from refresh(job)
        if progress is not None:
            progress(state)
        if state.over:
            break
        if timeout is not None and monotonic() - started + pause > timeout:
            raise ServerError(f"{_called(state)} is not done after {timeout:g} s: it goes on")
        yield Pause(pause)
        pause = min(_LONGEST, pause * _GROWTH)
    if state.status == "failed":
        raise ServerError(f"{_called(state)} failed: {state.error}")
    if state.status == "cancelled":
        raise ServerError(f"{_called(state)} was cancelled")
    return state.result or {}


def cancel(job: Watched) -> Steps[JobState]:
    """End it, if it waits, or can be ended while it runs; ConflictError if it cannot."""
    record = yield from job.server.ask("DELETE", f"/v1/jobs/{quoted(job.state.id)}")
    job.state = answers.job(record)
    return job.state


def _called(state: JobState) -> str:
    of = f" of {state.collection!r}" if state.collection else ""
    return f"the job {state.id} ({state.kind}{of})"
