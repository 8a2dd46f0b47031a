"""Writing documents: requests and answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, model_validator

from lsr.service.schemas import writing_examples as examples
from lsr.service.schemas.base import Body


class WriteResult(BaseModel):
    """What became of one document."""

    id: str = Field(description='Empty where none could be read, with an "error".')
    status: Literal["created", "replaced", "error"]
    error: str | None = Field(None, description="Why it was not written.")
    line: int | None = Field(None, description="The line of one that was not written, or its place in the array.")


class BulkAnswer(BaseModel):
    """What became of each document, in their order."""

    model_config = ConfigDict(json_schema_extra={"example": examples.BULK_ANSWER})

    results: list[WriteResult]
    created: int
    replaced: int
    errors: int


class PatchRequest(Body):
    """Fields of a document to change."""

    fields: dict[str, Any] = Field(min_length=1, description="New values by field; null removes one.")


class DeletedAnswer(BaseModel):
    """Whether there was a document to delete."""

    model_config = ConfigDict(json_schema_extra={"example": examples.DELETED})

    deleted: bool


class DeleteRequest(Body):
    """Which documents to delete: either `ids` or a `filter`."""

    ids: Annotated[list[str] | None, FailFast()] = None
    filter: str | dict[str, Any] | None = Field(None, description="As for a search; one without conditions is refused.")

    @model_validator(mode="after")
    def _exactly_one(self) -> DeleteRequest:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or a filter")
        return self


class DeleteAnswer(BaseModel):
    """How many documents are gone, and which ids there were none of."""

    model_config = ConfigDict(json_schema_extra={"example": examples.DELETE_ANSWER})

    deleted: int
    missing: list[str]
