"""What the commands share that begin long work of a server."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lsr.cli.console import note, print_json, progress_bar
from lsr.cli.interruption import interruption
from lsr.core.errors import ServerError

if TYPE_CHECKING:
    from lsr.client import Job, JobState


def waited(job: Job, server: str, key: str | None, doing: str) -> dict[str, Any]:
    """Wait for a job of a server, with its progress; its result.

    Whatever ends the waiting before the job is over says how to look at it again.
    """
    shown = 0

    def told(state: JobState) -> None:
        nonlocal shown
        progress(state.done - shown)
        shown = state.done

    again = _looking(job, server, key)
    with interruption(lambda: again), progress_bar(doing, job.state.total) as progress:
        try:
            return job.wait(progress=told)
        except ServerError as error:
            if not job.state.over:
                error.add_note(again)
            raise


def say_begun(job: Job, server: str, key: str | None, as_json: bool) -> None:
    """Say that a job has begun."""
    if as_json:
        print_json(asdict(job.state))
    else:
        note(_looking(job, server, key))


def _looking(job: Job, server: str, key: str | None) -> str:
    """How to look at a job, and to end it, in words."""
    from lsr.client.connection import KEY_VARIABLE

    header = f'-H "Authorization: Bearer ${KEY_VARIABLE}" ' if key or os.environ.get(KEY_VARIABLE) else ""
    place = f"{server.rstrip('/')}/v1/jobs/{job.state.id}"
    return f"the server goes on with it: `curl {header}{place}` says how far it is, and with -X DELETE ends it"
