"""Long work on collections, one piece after another: what is to be done, how far it is, and what became of it."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any, Literal

from lsr.core.errors import ConflictError, LsrError, NotFoundError
from lsr.service.collections.kept import read_kept, write_kept

logger = logging.getLogger("lsr.service")

# Jobs that have ended are forgotten beyond that many.
_MOST_KEPT = 200
_STOPPED = "the server stopped"

Status = Literal["queued", "running", "done", "failed", "cancelled"]
Progress = Callable[[int], None]
Work = Callable[["Job", Progress], dict[str, Any]]
"""Does a job, tells how much more of it is done, and returns its result."""


class Cancelled(Exception):
    """Raised in a job that is to end."""


@dataclass
class Job:
    """One piece of work.

    Attributes:
        kind: what is done; collection: to which.
        done, total: of documents or bytes, as far as it is known.
        error: why it failed; result: what it made.
        cancellable: whether it can be ended while it runs.
    """

    id: str
    kind: str
    collection: str
    status: Status = "queued"
    done: int = 0
    total: int | None = None
    error: str | None = None
    result: dict[str, Any] | None = None
    cancellable: bool = False
    created: str = field(default_factory=lambda: _now())
    ended: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is done."""
        return self.status not in ("queued", "running")

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


class Jobs:
    """The jobs of a server, each in a file of its own as well. For any number of threads.

    A server that is started finds those of the one before, and those that were not over as failed. One process has the
    jobs of a folder; another that is asked for one says so.
    """

    def __init__(self, folder: Callable[[], Path], hide: Callable[[str], str]) -> None:
        """`folder`: where they are kept; raises where nothing is. `hide`: takes paths out of a message."""
        self._folder, self._hide = folder, hide
        self._changing = RLock()
        self._jobs: dict[str, Job] = {}
        self._cancelled: set[str] = set()
        self._lock = -1
        self._threads: ThreadPoolExecutor | None = None

    def resume(self) -> bool:
        """Find the jobs of the server before; whether this process has them. Nothing where nothing was ever kept."""
        with suppress(ConflictError, OSError):
            if self._folder().parent.is_dir():
                return self._own()
        return False

    def all(self) -> list[Job]:
        """The newest first."""
        with self._changing:
            known = self._jobs if self._lock >= 0 else self._read()
            return sorted(known.values(), key=lambda job: job.created, reverse=True)

    def get(self, id: str) -> Job:
        """NotFoundError if there is no such job."""
        for job in self.all():
            if job.id == id:
                return job
        raise NotFoundError(f"there is no job {id!r}")

    def start(self, kind: str, collection: str, work: Work, *, total: int | None, cancellable: bool) -> Job:
        """Let some work be done when that before it is. ConflictError if another process has the jobs."""
        with self._changing:
            if not self._own():
                raise ConflictError("another server has the jobs of this folder: ask that one")
            job = Job(secrets.token_hex(8), kind, collection, total=total, cancellable=cancellable)
            self._jobs[job.id] = job
            self._keep(job)
            self._forget_old()
            assert self._threads is not None
            self._threads.submit(self._run, job, work)
            return job

    def cancel(self, id: str) -> Job:
        """End a job. ConflictError for one that cannot be ended, or has ended."""
        with self._changing:
            job = self.get(id)
            if job.is_over:
                raise ConflictError(f"the job is {job.status}: there is nothing to cancel")
            if job.status == "running" and not job.cancellable:
                raise ConflictError(f"a job that has begun to {job.kind} goes on to its end")
            self._cancelled.add(id)
            if job.status == "queued":
                self._end(job, "cancelled")
            return job

    def check_idle(self, collection: str) -> None:
        """ConflictError if something is to be done to a collection, or is being done."""
        with self._changing:
            if any(not job.is_over and job.collection == collection for job in self._jobs.values()):
                raise ConflictError(
                    f"a job is to be done on {collection!r}: wait for it to end, or cancel it (/v1/jobs)"
                )

    def close(self) -> None:
        """End what can be ended, wait for the rest, and leave the jobs to the next server."""
        with self._changing:
            waiting = [job for job in self._jobs.values() if not job.is_over]
            self._cancelled.update(job.id for job in waiting)
            for job in waiting:
                if job.status == "queued":
                    self._end(job, "failed", _STOPPED)
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=True)
        with self._changing:
            if self._lock >= 0:
                os.close(self._lock)
            self._lock = -1

    def _run(self, job: Job, work: Work) -> None:
        with self._changing:
            if job.is_over:
                return
            job.status = "running"
            self._keep(job)

        def progress(count: int) -> None:
            job.done += count
            if job.cancellable and job.id in self._cancelled:
                raise Cancelled

        try:
            result = work(job, progress)
        except Cancelled:
            stopped = self._threads is None
            self._end(job, "failed" if stopped else "cancelled", _STOPPED if stopped else None)
        except LsrError as error:
            self._end(job, "failed", self._hide(error.message()))
        except Exception as error:
            logger.exception("the job %s failed", job.id)
            self._end(job, "failed", f"the server failed ({type(error).__name__}); its log has the reason")
        else:
            job.result = result
            # What it was thought to come to may have changed meanwhile.
            job.total = None if job.total is None else job.done
            self._end(job, "done")

    def _end(self, job: Job, status: Status, error: str | None = None) -> None:
        with self._changing:
            job.status, job.error, job.ended = status, error, _now()
            self._cancelled.discard(job.id)
            self._keep(job)

    def _own(self) -> bool:
        """Whether this process has the jobs, which it takes if nobody else does."""
        with self._changing:
            if self._lock < 0:
                folder = self._folder()
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(descriptor)
                    return False
                self._lock = descriptor
                self._jobs = self._read()
                for job in self._jobs.values():
                    if not job.is_over:
                        self._end(job, "failed", _STOPPED)
            if self._threads is None:
                self._threads = ThreadPoolExecutor(1, thread_name_prefix="lsr-job")
            return True

    def _read(self) -> dict[str, Job]:
        found: dict[str, Job] = {}
        with suppress(FileNotFoundError, ConflictError):
            for path in self._folder().glob("*.json"):
                with suppress(LsrError, TypeError):  # what is no job of ours
                    found[path.stem] = Job(**read_kept(path))
        return found

    def _keep(self, job: Job) -> None:
        write_kept(self._folder() / f"{job.id}.json", job.to_record())

    def _forget_old(self) -> None:
        over = sorted((job for job in self._jobs.values() if job.is_over), key=lambda job: job.created)
        for job in over[: max(0, len(over) - _MOST_KEPT)]:
            del self._jobs[job.id]
            (self._folder() / f"{job.id}.json").unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
