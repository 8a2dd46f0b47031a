"""Long work, and snapshots: requests and answers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lsr.service.schemas import job_examples as examples
from lsr.service.schemas.base import Body
from lsr.service.schemas.collections import Name


class JobAnswer(BaseModel):
    """One piece of long work."""

    model_config = ConfigDict(json_schema_extra={"example": examples.JOB})

    id: str
    kind: str = Field(description="`compact`, `reindex`, `go-back`, `snapshot` or `restore`.")
    collection: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    done: int = Field(description="Documents that are written or encoded again, or bytes that are copied.")
    total: int | None = Field(None, description="How many there are; null where nobody knows.")
    error: str | None = Field(None, description="Why it failed.")
    result: dict[str, Any] | None = Field(None, description="What came of it, once it is done.")
    cancellable: bool = Field(description="Whether it can be ended while it runs.")
    created: str
    ended: str | None = None


class JobsAnswer(BaseModel):
    """The jobs, the newest first."""

    model_config = ConfigDict(json_schema_extra={"example": examples.JOBS_ANSWER})

    jobs: list[JobAnswer]


class ReindexRequest(Body):
    """Another model for all documents."""

    model: str = Field(min_length=1, description="As for a new collection.")
    dense: str | None = Field(
        None, min_length=1, description="Another dense model, or one where there was none; it stays as it is otherwise."
    )
    weight_scale: float | None = Field(None, gt=0, description="As for a new collection.")
    keep: bool = Field(False, description="Whether the version that is left is kept, to go back to it.")


class GoBackRequest(Body):
    """The version that was kept, again."""

    keep: bool = Field(False, description="Whether the version that is left is kept in its place.")


class ForgottenAnswer(BaseModel):
    """What became of the version that was kept."""

    model_config = ConfigDict(json_schema_extra={"example": examples.FORGOTTEN})

    forgotten: bool = Field(description="False if there was none, and nothing left of a reindexing that was ended.")


class SnapshotRequest(Body):
    """A snapshot of this moment."""

    name: Name | None = Field(None, description="Default: the time.")


class RestoreRequest(Body):
    """The collection to make of a snapshot."""

    name: Name


class SnapshotAnswer(BaseModel):
    """A snapshot."""

    name: str
    taken: str
    documents: int | None
    bytes: int | None
    problem: str | None = Field(None, description="Why it cannot be read; absent where it can.")


class SnapshotsAnswer(BaseModel):
    """The snapshots of a collection, the newest first."""

    model_config = ConfigDict(json_schema_extra={"example": examples.SNAPSHOTS_ANSWER})

    snapshots: list[SnapshotAnswer]
