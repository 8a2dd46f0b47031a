"""The answer to a request for the terms of a document."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from lsr.service.schemas import examples


class TermWeight(BaseModel):
    """A term, and its weight as the index stores it."""

    term: str
    weight: float


class TermsAnswer(BaseModel):
    """The terms of a document, heaviest first; of windows, with the heaviest weight that a term has in one of them."""

    model_config = ConfigDict(json_schema_extra={"example": examples.TERMS_ANSWER})

    id: str
    count: int = Field(description="How many terms it has; `terms` may be only the heaviest of them.")
    terms: list[TermWeight]
