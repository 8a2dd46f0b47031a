"""Explaining a document's score: request and answer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from lsr.service.schemas import examples
from lsr.service.schemas.base import Body, Match, Text, Timings


class ExplainRequest(Body):
    """A query, and the document whose score is to be explained."""

    text: Text
    id: Text


class ExplainAnswer(BaseModel):
    """The matches add up to the score."""

    model_config = ConfigDict(json_schema_extra={"example": examples.EXPLAIN_ANSWER})

    id: str
    score: float
    matches: list[Match]
    timings: Timings
