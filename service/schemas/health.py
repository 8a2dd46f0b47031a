"""The state of the server, and what it serves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lsr.service.schemas import examples


class Status(BaseModel):
    """The state of the server."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "ok"}})

    status: str


class IndexAnswer(BaseModel):
    """What is served, and the limits on requests."""

    model_config = ConfigDict(json_schema_extra={"example": examples.INDEX_ANSWER})

    documents: int
    terms: int = Field(description="The size of the vocabulary.")
    model: str | None = Field(description="What encodes queries; null if the index can be searched by vector only.")
    limits: dict[str, int]
    index: dict[str, Any] = Field(description="What the index was made from and with, and what takes its space.")
