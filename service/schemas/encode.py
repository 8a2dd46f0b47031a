"""Encoding texts as sparse vectors: request and answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field

from lsr.service.schemas import examples
from lsr.service.schemas.base import Body, Text, Timings


class EncodeRequest(Body):
    """Texts to turn into sparse vectors."""

    texts: Annotated[list[Text], FailFast()] = Field(min_length=1)
    kind: Literal["query", "document"] = Field("query", description="Queries and documents may be encoded differently.")
    top_k: int | None = Field(None, ge=1, description="Keep only each vector's heaviest terms.")


class EncodeAnswer(BaseModel):
    """One vector per text, in order; each maps terms to weights, heaviest first."""

    model_config = ConfigDict(json_schema_extra={"example": examples.ENCODE_ANSWER})

    model: str
    kind: str
    vectors: list[dict[str, float]]
    timings: Timings
