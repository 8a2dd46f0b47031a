"""What all requests have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from lsr.core.documents import is_blank


def _text(text: str) -> str:
    if is_blank(text):
        raise ValueError("must not be empty" if not text else "must not be blank: nothing in it can be seen")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # JSON may escape half of a surrogate pair, which no tokenizer and no index accepts.
        raise ValueError(f"contains half a surrogate pair at character {error.start}") from None
    return text


Text = Annotated[str, AfterValidator(_text)]


class Body(BaseModel):
    """The body of a request. Strict: "10" is not a number and true is not 1."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, data: Any) -> Any:
        # Every unknown field is a separate error, and listing 100,000 of them would block the event loop.
        if isinstance(data, dict) and len(data) > 100:
            raise ValueError("more than 100 fields")
        return data


class Match(BaseModel):
    """A shared term; `contribution` is query weight times document weight, and a score is their sum."""

    term: str
    query_weight: float
    document_weight: float
    contribution: float


class Timings(BaseModel):
    """Milliseconds: waiting for a thread, encoding the query, searching, and in total."""

    queue_ms: float
    encode_ms: float | None = None
    search_ms: float | None = None
    total_ms: float
    stages_ms: dict[str, float] | None = Field(None, description="Milliseconds of each stage of the search, in order.")
    cached: bool | None = Field(
        None, description="True if the answer was kept from an earlier search: then nothing was encoded or searched."
    )
