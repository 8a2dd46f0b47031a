"""The answer to a request for a document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lsr.service.schemas import examples


class DocumentAnswer(BaseModel):
    """A document as it was indexed."""

    model_config = ConfigDict(json_schema_extra={"example": examples.DOCUMENT})

    id: str
    title: str
    text: str
    fields: dict[str, Any] = Field(description="Everything else that came with the document.")
