"""The body of an error."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from lsr.service.schemas import examples


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(json_schema_extra={"example": examples.PROBLEM})

    type: str = Field(description="`about:blank`, or `urn:problem-type:lsr:` and the kind of problem.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path of the request.")
    request_id: str | None = Field(description="The same as in the X-Request-ID header and in the server's log.")
    errors: list[dict[str, str]] | None = Field(
        None, description="One entry per mistake: `detail`, and a `pointer` into the body or the `parameter`'s name."
    )
