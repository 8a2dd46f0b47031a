"""Counts and figures of a collection: requests and answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from lsr.service.schemas import figure_examples as examples
from lsr.service.schemas.base import Body, Text, Timings
from lsr.service.schemas.plan import PlanField
from lsr.service.schemas.search import Facet, Total


class CountRequest(Body):
    """Which documents to count; all of them if nothing is said."""

    text: Text | None = Field(None, description="Only those that share a term with it.")
    filter: Annotated[Any, PlanField("filter")] = None
    min_score: Annotated[Any, PlanField("min_score")] = None


class CountAnswer(BaseModel):
    """How many documents match, exactly."""

    model_config = ConfigDict(json_schema_extra={"example": examples.COUNT_ANSWER})

    count: int
    timings: Timings


class FacetsRequest(CountRequest):
    """Of which fields to count the values, and among which documents."""

    facets: Annotated[Any, PlanField("facets")]


class FacetsAnswer(BaseModel):
    """The commonest values of fields among the documents that match."""

    model_config = ConfigDict(json_schema_extra={"example": examples.FACETS_ANSWER})

    facets: dict[str, Facet]
    total: Total
    timings: Timings


class SegmentFigures(BaseModel):
    """One segment on the disk."""

    name: str
    documents: int = Field(description="Rows, those that were deleted or replaced, too.")
    deleted: int
    postings: int


class Bar(BaseModel):
    """A bar of a histogram: from `low` on, below the next bar's."""

    low: float
    count: int


class TermFigures(BaseModel):
    """A term, and in how many documents it is."""

    term: str
    documents: int


class StatsAnswer(BaseModel):
    """What a collection is made of.

    Histograms and the share of saturated weights are of `sampled` documents, spread evenly.
    """

    model_config = ConfigDict(json_schema_extra={"example": examples.STATS_ANSWER})

    documents: int
    deleted: int = Field(description="Rows that are deleted or replaced, and not merged away yet.")
    in_memory: int = Field(description="Rows that are in the log and in memory, and in no segment yet.")
    segments: list[SegmentFigures]
    bytes: dict[str, int] = Field(description="Of the disk, by part; `log` is what would be read again at a start.")
    writing: bool = Field(description="Whether this server has the collection open for writing.")
    sampled: int
    lengths: list[Bar] = Field(description="How many terms documents have.")
    weights: list[Bar] = Field(description="How heavy terms are.")
    saturated: float = Field(description="The share of weights that are stored as the heaviest that there is.")
    frequent_terms: list[TermFigures]
