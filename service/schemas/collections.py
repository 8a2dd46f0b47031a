"""Collections and their aliases: requests and answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from lsr.service.names import PATTERN
from lsr.service.schemas import collection_examples as examples
from lsr.service.schemas.base import Body

Name = Annotated[str, StringConstraints(pattern=f"^{PATTERN}$")]


class CreateCollection(Body):
    """A new, empty collection; all but its name may be left out."""

    name: Name
    model: str | None = Field(
        None, min_length=1, description="A packaged model, a folder or a hub name; `bm25` for words alone."
    )
    dense: str | None = Field(None, min_length=1, description="A dense model, such as `minilm`, for hybrid search.")
    fields: dict[str, str] | None = Field(
        None,
        alias="schema",
        description="The types of fields: `keyword`, `integer`, `float`, `datetime` or `boolean`, with `[]` for "
        "several values. Documents that do not fit are refused then; without it, types are inferred.",
    )
    lexical: bool = Field(True, description="Whether words count beside the model's terms.")
    lexical_weight: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="How much words count, where a search does not say.",
    )
    language: str = Field("english", description="Of the stemmer of words.")
    never_split: list[str] = Field(default_factory=list, description="Terms that are one word each.", max_length=10_000)
    title_weight: float = Field(0.0, ge=0, le=100, description="How many times more what the title says counts.")
    mean_length: float = Field(100.0, gt=0, description="Words of a usual document, by which BM25 takes lengths.")
    weight_scale: float | None = Field(
        None, gt=0, description="The weight that a stored 1 of 255 stands for; heavier ones are stored as the heaviest."
    )


class CollectionSummary(BaseModel):
    """A collection in the list."""

    name: str
    documents: int | None = Field(description="How many there are; null if it cannot be read.")
    model: str | None = Field(description="What encodes queries; `bm25` for words alone, null if it names no model.")
    dense: str | None = Field(description="What encodes dense vectors; null if there are none.")
    aliases: list[str]
    problem: str | None = Field(None, description="Why it cannot be read; absent where it can.")


class CollectionsAnswer(BaseModel):
    """The collections that there are, in the order of their names."""

    model_config = ConfigDict(json_schema_extra={"example": examples.COLLECTIONS_ANSWER})

    collections: list[CollectionSummary]


class CalibratedSearch(BaseModel):
    """A kind of search whose hits have a relevance."""

    mode: str = Field(description="`sparse`, whatever the mode of the sparse index; or hybrid, dense, sparse-first.")
    plain: bool = Field(description="Whether a search has it that says no more than its mode.")
    judged: bool = Field(description="Whether relevance is a probability, learned from judgements.")
    queries: int = Field(description="How many it was learned from.")
    documents: int = Field(description="How many there were.")
    search: dict[str, Any] = Field(description="What its scores depend on.")


class CollectionAnswer(BaseModel):
    """A collection, and the limits on requests."""

    model_config = ConfigDict(json_schema_extra={"example": examples.COLLECTION_ANSWER})

    name: str
    documents: int
    model: str | None = Field(description="What encodes queries; `bm25` for words alone, null if it names no model.")
    dense: str | None = Field(description="What encodes dense vectors; null if there are none.")
    aliases: list[str]
    modes: list[str] = Field(description="Ways to search its segments; none where all is in memory yet.")
    calibrated: list[CalibratedSearch] = Field(description="The searches whose hits have a `relevance`.")
    fields: dict[str, str] = Field(description="The fields that documents can be filtered by, and their types.")
    created: str | None
    bytes: int | None = Field(description="What it takes of the disk.")
    limits: dict[str, int]


class PutAlias(Body):
    """What an alias is to stand for."""

    collection: Name


class Alias(BaseModel):
    """An alias and its collection."""

    model_config = ConfigDict(json_schema_extra={"example": examples.ALIAS})

    alias: str
    collection: str


class AliasesAnswer(BaseModel):
    """The aliases that there are, in the order of their names."""

    model_config = ConfigDict(json_schema_extra={"example": examples.ALIASES_ANSWER})

    aliases: list[Alias]


def settings_of(asked: CreateCollection) -> dict[str, Any]:
    """What `Collection.create` takes, of a request."""
    settings = asked.model_dump(exclude={"name", "fields"})
    return {**settings, "schema": asked.fields}
