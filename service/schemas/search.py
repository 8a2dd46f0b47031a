"""Search: requests, which include a plan, and the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, WithJsonSchema, create_model, model_validator

from lsr.core.options import options_of
from lsr.index.filters.names import MOST_NAMES
from lsr.search.plan import SHORT, SearchPlan
from lsr.service.schemas import examples, figure_examples
from lsr.service.schemas.base import Body, Match, Text, Timings
from lsr.service.schemas.plan import PlanField
from lsr.service.schemas.problems import Problem

# Far beyond any model's.
MOST_NUMBERS = 65_536
# The weights are checked by `limits.check_vector`, which stops at the first wrong one; a body may have 100,000.
Vector = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0}, "minProperties": 1}
    ),
]
DenseVector = Annotated[
    list[Any],
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": MOST_NUMBERS}),
]
PLAN_FIELDS = (*SHORT, *(option.name for option in options_of(SearchPlan)))
_PLAN_ALONE = {*PLAN_FIELDS, "pipeline"}


class Highlight(Body):
    """The passages of its text that each hit has."""

    size: int = Field(200, ge=20, le=10_000, description="About how many characters a passage has.")
    passages: int = Field(1, ge=1, le=20, description="How many there are at most.")


class _SearchOptions(BaseModel):
    k: int = Field(
        10, ge=1, description="How many hits to return; there are fewer if fewer documents share a term with the query."
    )
    offset: int = Field(0, ge=0, description="How many of the best hits to leave out, for the next page.")
    search_after: Annotated[list[Any] | None, FailFast()] = Field(
        None,
        max_length=MOST_NAMES + 2,
        description="Goes on after a hit, however deep it is: its `sort`, or its score and id where hits are in the "
        "order of their scores.",
    )
    explain: bool = Field(False, description="Whether each hit says what each stage gave it, and by which terms.")
    include_text: bool = Field(True, description="Whether each hit includes the document's text.")
    fields: Annotated[list[str] | None, FailFast()] = Field(
        None,
        description="Which of the document's other fields each hit includes: all by default, none for an empty list.",
    )

    @property
    def options(self) -> dict[str, Any]:
        """The options by name."""
        return {name: getattr(self, name) for name in _SearchOptions.model_fields}


class _SearchRequest(_SearchOptions, Body):
    """A search by `text`, by `vector`, by `dense_vector`, or by several of them; the rest says how.

    Of a text beside vectors is made what a search needs and was not given; re-ranking reads it, too.

    `mode`, `recall` and `parameters` are short for `retrieve`: give either these or that.
    """

    text: Text | None = Field(None, description="A query in plain words.")
    vector: Vector | None = Field(
        None,
        description="Weights of terms of the index's vocabulary, as /v1/encode gives them; searches the sparse index. "
        "Beside a text that mode `hybrid` makes a dense vector of, or that re-ranking reads.",
    )
    dense_vector: DenseVector | None = Field(
        None,
        description="As many numbers as the index's dense vectors have: searches these, alone in mode `dense`, "
        "beside a text or a vector in mode `hybrid`, unless another is given.",
    )

    highlight: Highlight | None = Field(
        None, description="Whether each hit has the passages that best show why it matched; `{}` for one of them."
    )
    pipeline: dict[str, Any] | None = Field(
        None,
        deprecated=True,
        description="The stages under their names in 0.1: `fuse` for `fusion`, and `vectors` for the `mode` of "
        "`retrieve`, with the default `hybrid`.",
    )

    @model_validator(mode="after")
    def _something(self) -> _SearchRequest:
        if self.text is None and self.vector is None and self.dense_vector is None and not self._lists:
            raise ValueError("give either text or vector")
        return self

    @property
    def _lists(self) -> bool:
        """Whether there may be no query: see `SearchPlan.lists`."""
        return any(getattr(self, name, None) for name in ("filter", "sort", "facets", "count"))

    @property
    def beside_plan(self) -> dict[str, Any]:
        """What a request says beside the plan, as JSON values: with that, all that its answer depends on."""
        told = self.model_dump(exclude=_PLAN_ALONE)
        # It may hold numbers that JSON has no form for.
        return {**told, "search_after": repr(self.search_after)}

    @property
    def plan_record(self) -> dict[str, Any]:
        """The plan's part of a request, as `SearchPlan.from_record` takes it."""
        return {name: getattr(self, name) for name in PLAN_FIELDS if getattr(self, name) is not None}


if TYPE_CHECKING:
    SearchRequest = _SearchRequest
else:
    SearchRequest = create_model(
        "SearchRequest",
        __base__=_SearchRequest,
        __doc__=_SearchRequest.__doc__,
        **{name: (Annotated[Any, PlanField(name)], None) for name in PLAN_FIELDS},
    )


class SearchParameters(_SearchOptions):
    """A search by text as the parameters of a URL."""

    model_config = ConfigDict(extra="forbid")

    q: Text = Field(description="A query in plain words.", examples=[examples.QUESTION])
    mode: Annotated[str | None, PlanField("mode")] = None
    recall: Annotated[float | None, PlanField("recall")] = None
    filter: Annotated[str | None, Field(description="As in the body of a POST, but for JSON.")] = None


class StageOfHit(BaseModel):
    """What a stage gave a hit."""

    score: float | None = Field(description="Null if the stage did not score the document.")
    rank: int | None = Field(description="Null if the stage did not return the document.")
    contribution: float | None = Field(description="Its part of the hit's score; null for a stage that adds nothing.")


class WindowOfHit(BaseModel):
    """The best-matching window of a document."""

    number: int = Field(description="From 0.")
    start: int = Field(description="Its first character in the document's text.")
    stop: int = Field(description="The character after its last.")
    of: int = Field(description="How many windows the document has; 1 if it is one window, whole.")


class WordOfPassage(BaseModel):
    """A word that shares a term with the query."""

    start: int = Field(description="Its first character in the passage.")
    end: int = Field(description="The character after its last.")
    weight: float = Field(description="What its term gave to the hit's score.")


class PassageOfHit(BaseModel):
    """A piece of the hit's text."""

    text: str
    start: int = Field(description="Its first character in the hit's text.")
    words: list[WordOfPassage] = Field(description="In their order; none where nothing matched by a word.")


class SearchHit(BaseModel):
    """A document found."""

    rank: int
    id: str
    score: float
    relevance: float | None = Field(
        None,
        description="From 0 to 1: how likely it is relevant, where the collection was calibrated for such a search.",
    )
    title: str
    text: str | None = Field(
        None, description="Absent with `include_text: false`; in an index of windows, the text of the best one."
    )
    fields: dict[str, Any]
    window: WindowOfHit | None = Field(None, description="Only in an index of windows.")
    sort: list[Any] | None = Field(
        None,
        description="In a search with a `sort`, without a query, or with `search_after`: the hit's values of the "
        "fields that hits are ordered by, its score and its id.",
    )
    matches: list[Match] | None = Field(None, description="Largest contribution first; only with `explain: true`.")
    passages: list[PassageOfHit] | None = Field(None, description="The best first; only with `highlight`.")
    stages: dict[str, StageOfHit] | None = Field(
        None,
        description="What each stage gave, if more than sparse search was run; only with `explain: true`.",
    )


class Work(BaseModel):
    """The mode that the index used, and what it did."""

    mode: str
    postings: int = Field(description="Postings added to the bounds of blocks of documents.")
    frequent_cells: int = Field(description="Weights of frequent terms added to them.")
    blocks: int = Field(description="Blocks whose bound was computed.")
    blocks_skipped: int = Field(description="Blocks that their bound ruled out.")
    documents_scored: int
    direct: bool = Field(description="Whether a filter left so few documents that only these were scored.")


class DenseWork(BaseModel):
    """What the search of dense vectors did."""

    mode: str
    kind: str = Field(description="`flat`, or the kind of index that found the candidates.")
    scored: int = Field(description="Vectors scored exactly.")
    direct: bool = Field(description="Whether only the documents of a filter, or of sparse search, were scored.")


class Total(BaseModel):
    """How many documents match."""

    value: int
    relation: Literal["exact", "at least"]


class FacetValue(BaseModel):
    """A value of a field, and how many of the documents that match have it."""

    value: str | int | bool
    documents: int


class Facet(BaseModel):
    """The values of a field among the documents that match."""

    values: list[FacetValue] = Field(description="The commonest first.")
    more: int = Field(description="How many other values there are.")
    missing: int = Field(description="How many of the documents have none.")


class SearchAnswer(BaseModel):
    """Hits, best first, with how they were found and how long it took."""

    model_config = ConfigDict(json_schema_extra={"example": examples.SEARCH_ANSWER})

    hits: list[SearchHit]
    mode: str = Field(description="The mode that was used; `all` if every document that matches was looked at.")
    total: Total | None = Field(description="How many documents match: exactly with `count`, else as far as is known.")
    facets: dict[str, Facet] | None = Field(None, description="Only with `facets`.")
    stats: Work | None = Field(description="Null if the sparse index was not searched.")
    dense_stats: DenseWork | None = None
    dense_weight: float | None = Field(None, description="The weight of the dense side in the fusion.")
    partial: bool | None = Field(
        None, description="True if shards are missing, which only a request that agreed to that sees."
    )
    missing: list[int] | None = Field(None, description="The numbers of these shards.")
    timings: Timings


class BatchRequest(Body):
    """Several searches, each with all that one may have."""

    searches: Annotated[
        list[Any],
        WithJsonSchema({"type": "array", "items": {"$ref": "#/components/schemas/SearchRequest"}, "minItems": 1}),
    ] = Field(min_length=1)


class BatchAnswer(BaseModel):
    """An answer for each search, in their order; or the problem document of one that failed, which
    points into that search.
    """

    model_config = ConfigDict(json_schema_extra={"example": figure_examples.BATCH_ANSWER})

    answers: list[SearchAnswer | Problem]
