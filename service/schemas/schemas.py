"""Requests and answers, as they stand in the OpenAPI document.

Requests are checked against these; answers are written by `lsr.service.schemas.answers` and only described here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, WithJsonSchema, model_validator

from lsr.search.plan import HYBRID_MODES
from lsr.service.schemas import examples


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # JSON may escape half of a surrogate pair; no tokenizer and no index takes it.
        raise ValueError(f"holds half a surrogate pair at character {error.start}") from None
    return text


Text = Annotated[str, AfterValidator(_text)]
# The weights are checked by `limits.check_vector`, which stops at the first wrong one; a body may hold 100,000.
Vector = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0}, "minProperties": 1}
    ),
]
SparseMode = Literal["auto", "exact", "approximate", "exhaustive", "seismic", "bmp"]
Mode = Literal["auto", "exact", "approximate", "exhaustive", "seismic", "bmp", "dense", "hybrid", "sparse-first"]


class _Body(BaseModel):
    # Strict: "10" is not a number and true is not 1.
    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, data: Any) -> Any:
        # Every unknown field is an error of its own, and listing 100,000 of them would hold up the event loop.
        if isinstance(data, dict) and len(data) > 100:
            raise ValueError("more than 100 fields")
        return data


class ModeParameters(_Body):
    """What the modes can be told; each description says which mode takes it."""

    cut: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="approximate: leave postings that add less than this share of the largest possible score out of "
        "the bounds. Larger is faster and misses more.",
    )
    heap_factor: float | None = Field(
        None,
        ge=0,
        le=1000,
        description="approximate, seismic: skip blocks whose bound is below this times the k-th score. Larger is "
        "faster and misses more.",
    )
    max_blocks: int | None = Field(None, ge=1, lt=2**32, description="approximate: visit no more blocks.")
    budget_us: float | None = Field(
        None, gt=0, le=1e9, description="approximate: visit no further block after so many microseconds."
    )
    query_cut: int | None = Field(
        None, ge=1, lt=2**32, description="seismic: go through the lists of only so many terms, the query's heaviest."
    )
    alpha: float | None = Field(
        None, gt=0, le=1, description="bmp: stop when the k-th score exceeds this times the best bound that is left."
    )
    beta: float | None = Field(None, gt=0, le=1, description="bmp: keep this share of the query's terms, the heaviest.")


class SparseRetrieval(_Body):
    """How the sparse index is searched."""

    mode: SparseMode = "auto"
    recall: float | None = Field(None, gt=0, le=1, description="In place of a mode: what tuning found for it.")
    parameters: ModeParameters | None = None


class DenseRetrieval(_Body):
    """How dense vectors are searched."""

    mode: Literal["auto", "exact", "approximate"] = "auto"
    effort: int | None = Field(
        None, ge=1, le=1_000_000, description="approximate: how many vectors HNSW keeps in view, or clusters are read."
    )


class Retrieve(_Body):
    """The first stage: what is searched. Feedback searches once more in the same way."""

    vectors: Literal["sparse", "dense", "hybrid", "sparse-first"] = Field(
        "hybrid", description="`sparse-first` scores with dense vectors what sparse search found."
    )
    depth: int = Field(100, ge=1, description="How many documents each side returns.")
    sparse: SparseRetrieval = Field(default_factory=SparseRetrieval.model_construct)
    dense: DenseRetrieval = Field(default_factory=DenseRetrieval.model_construct)


class FeedbackStage(_Body):
    """Search again with a query that the first answers improve."""

    method: Literal["rocchio", "rm3"] = "rocchio"
    vectors: Literal["sparse", "dense", "hybrid"] | None = Field(
        None, description="Whose query is remade; those that are searched unless given."
    )
    documents: int = Field(3, ge=1, le=100)
    terms: int = Field(100, ge=1, le=4096, description="Terms of the new sparse query.")
    query_weight: float = Field(0.5, ge=0, le=1, description="What the old query keeps.")
    interpolate: Literal["before", "after", "both"] = Field(
        "after", description="Whether the first answers, the last ones, or both are fused."
    )


class Fuse(_Body):
    """How two rankings become one."""

    method: Literal["tmm", "min_max", "z_score", "none", "rrf"] = "tmm"
    dense_weight: float | None = Field(
        None,
        ge=0,
        le=1,
        description="What the dense side counts; unless given, the index's tuning or the method's own.",
    )
    completion: Literal["none", "candidates", "exact"] = Field(
        "candidates", description="What a document counts on the side that did not return it."
    )
    rank_constant: float = Field(60, ge=0)


class RerankStage(_Body):
    """Score the best hits again with the model that this server re-ranks with."""

    depth: int = Field(50, ge=1)
    weight: float = Field(1.0, ge=0, le=1, description="What the new score counts against the old one.")


class Pipeline(_Body):
    """The stages of a search."""

    retrieve: Retrieve = Field(default_factory=Retrieve.model_construct)
    feedback: FeedbackStage | None = None
    fuse: Fuse | None = None
    rerank: RerankStage | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Flat, as `Searcher.search` takes them; the re-ranker's name is for the server to add."""
        first = self.retrieve
        sparse = first.sparse.parameters.model_dump(exclude_none=True) if first.sparse.parameters else {}
        options: dict[str, Any] = {}
        if first.vectors in ("hybrid", "sparse-first") or self.feedback is not None:
            options["depth"] = first.depth
        if first.vectors == "sparse":
            options["mode"] = first.sparse.mode
        else:
            options["mode"] = first.vectors
            if first.vectors != "dense":
                options["sparse_mode"] = first.sparse.mode
        if first.vectors != "dense":
            options |= {"recall": first.sparse.recall, **sparse}
        if first.vectors in ("dense", "hybrid"):
            options |= {"dense_mode": first.dense.mode, "effort": first.dense.effort}
        if self.feedback is not None:
            given = self.feedback.model_dump()
            options |= {"feedback": given.pop("method"), "interpolate": given.pop("interpolate")}
            options |= {f"feedback_{name}": value for name, value in given.items()}
        if self.fuse is not None:
            given = self.fuse.model_dump()
            options |= {"fusion": given.pop("method"), **given}
        if self.rerank is not None:
            options |= {"rerank_depth": self.rerank.depth, "rerank_weight": self.rerank.weight}
        return options


class _SearchOptions(BaseModel):
    k: int = Field(10, ge=1, description="How many hits; fewer come if fewer documents share a term with the query.")
    offset: int = Field(0, ge=0, description="How many of the best hits to leave out, for the next page.")
    mode: Mode = Field(
        "auto",
        description="The way to search; `auto` lets the index choose. The answer says which it was. `seismic` and "
        "`bmp` need an index that was built for them; `dense`, `hybrid` and `sparse-first` one with dense vectors.",
    )
    recall: float | None = Field(
        None,
        gt=0,
        le=1,
        description="In place of a mode: search with what tuning found for at least this recall and so many hits.",
    )
    explain: bool = Field(False, description="Whether each hit lists the terms it shares with the query.")
    include_text: bool = Field(True, description="Whether each hit carries the document's text.")
    fields: Annotated[list[str] | None, FailFast()] = Field(
        None,
        description="Which of the document's other fields each hit carries: all unless given, none for an empty list.",
    )

    @property
    def options(self) -> dict[str, Any]:
        """What `Searcher.search` takes."""
        return {"mode": self.mode, "recall": self.recall, "explain": self.explain}


class SearchRequest(_SearchOptions, _Body):
    """A search by `text` or by `vector`, exactly one of them."""

    pipeline: Pipeline | None = Field(
        None, description="In place of a mode: the stages of the search, by text only. Each is timed in the answer."
    )
    parameters: ModeParameters | None = Field(None, description="Parameters of the mode, in place of its defaults.")
    text: Text | None = Field(None, description="A query in plain words.")
    vector: Vector | None = Field(
        None, description="Weights of terms of the index's vocabulary, as /v1/encode gives them."
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> SearchRequest:
        if (self.text is None) == (self.vector is None):
            raise ValueError("give either text or vector")
        if self.text is None and (self.pipeline is not None or self.mode in HYBRID_MODES):
            raise ValueError("a vector of terms searches the sparse index alone: give a text")
        if self.pipeline is not None and (
            self.mode != "auto" or self.parameters is not None or self.recall is not None
        ):
            raise ValueError("a pipeline says how to search: leave mode, recall and parameters out")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """What `Searcher.search` takes."""
        if self.pipeline is not None:
            return {"explain": self.explain, **self.pipeline.options}
        parameters = self.parameters.model_dump(exclude_none=True) if self.parameters else {}
        return {**super().options, **parameters}


class SearchParameters(_SearchOptions):
    """The same in a URL, by text only."""

    model_config = ConfigDict(extra="forbid")

    q: Text = Field(description="A query in plain words.", examples=[examples.QUESTION])


class EncodeRequest(_Body):
    """Texts to turn into sparse vectors."""

    texts: Annotated[list[Text], FailFast()] = Field(min_length=1)
    kind: Literal["query", "document"] = Field("query", description="Queries and documents may be encoded differently.")
    top_k: int | None = Field(None, ge=1, description="Keep only each vector's heaviest terms.")


class ExplainRequest(_Body):
    """A query and the document whose score is to be explained."""

    text: Text
    id: Text


class Match(BaseModel):
    """A shared term; `contribution` is query weight times document weight, and a score is their sum."""

    term: str
    query_weight: float
    document_weight: float
    contribution: float


class DocumentAnswer(BaseModel):
    """A document as it was indexed."""

    model_config = ConfigDict(json_schema_extra={"example": examples.DOCUMENT})

    id: str
    title: str
    text: str
    fields: dict[str, Any] = Field(description="Everything else that came with the document.")


class StageOfHit(BaseModel):
    """What a stage said of a hit."""

    score: float | None = Field(description="Null where it did not score the document.")
    rank: int | None = Field(description="Null where it did not return the document.")
    contribution: float | None = Field(description="The share of the hit's score; null for a stage that adds none.")


class WindowOfHit(BaseModel):
    """The window of a document that matched best."""

    number: int = Field(description="From 0.")
    start: int = Field(description="Its first character in the document's text.")
    stop: int = Field(description="The character after its last.")


class SearchHit(BaseModel):
    """A document found."""

    rank: int
    id: str
    score: float
    title: str
    text: str | None = Field(
        None, description="Absent with `include_text: false`; in an index of windows, the window's."
    )
    fields: dict[str, Any]
    window: WindowOfHit | None = Field(None, description="Only in an index of windows.")
    matches: list[Match] | None = Field(None, description="Largest contribution first; only with `explain: true`.")
    stages: dict[str, StageOfHit] | None = Field(
        None, description="`sparse`, `dense`, `rerank`; only with `explain: true` and more than sparse search."
    )


class Timings(BaseModel):
    """Milliseconds: waiting for a thread, encoding the query, searching, and all of it."""

    queue_ms: float
    encode_ms: float | None = None
    search_ms: float | None = None
    total_ms: float
    stages_ms: dict[str, float] | None = Field(None, description="Of each stage of a pipeline, in their order.")


class Work(BaseModel):
    """Which way the index went, and what it did."""

    mode: str
    postings: int = Field(description="Postings added to the bounds of blocks of documents.")
    frequent_cells: int = Field(description="Weights of frequent terms added to them.")
    blocks: int = Field(description="Blocks whose bound was computed.")
    blocks_skipped: int = Field(description="Blocks that their bound ruled out.")
    documents_scored: int
    direct: bool = Field(description="Whether a filter left so few documents that just these were scored.")


class DenseWork(BaseModel):
    """What the search of dense vectors did."""

    mode: str
    kind: str = Field(description="`flat`, or the kind of index that was asked for candidates.")
    scored: int = Field(description="Vectors scored exactly.")
    direct: bool = Field(description="Whether just the documents of a filter, or of sparse search, were scored.")


class SearchAnswer(BaseModel):
    """Hits, best first; how they were searched for; how long it took."""

    model_config = ConfigDict(json_schema_extra={"example": examples.SEARCH_ANSWER})

    hits: list[SearchHit]
    mode: str
    stats: Work | None = Field(description="Null where the sparse index was not searched.")
    dense_stats: DenseWork | None = None
    dense_weight: float | None = Field(None, description="What the dense side counted in the fusion.")
    timings: Timings


class EncodeAnswer(BaseModel):
    """A vector a text, in order; each maps terms to weights, heaviest first."""

    model_config = ConfigDict(json_schema_extra={"example": examples.ENCODE_ANSWER})

    model: str
    kind: str
    vectors: list[dict[str, float]]
    timings: Timings


class ExplainAnswer(BaseModel):
    """The matches add up to the score."""

    model_config = ConfigDict(json_schema_extra={"example": examples.EXPLAIN_ANSWER})

    id: str
    score: float
    matches: list[Match]
    timings: Timings


class IndexAnswer(BaseModel):
    """What is served and what a request may ask for."""

    model_config = ConfigDict(json_schema_extra={"example": examples.INDEX_ANSWER})

    documents: int
    terms: int = Field(description="The size of the vocabulary.")
    model: str | None = Field(description="What encodes queries; null if the index can be searched by vector only.")
    limits: dict[str, int]
    index: dict[str, Any] = Field(description="What the index was made from and with, and what takes its space.")


class Status(BaseModel):
    """The state of the server."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "ok"}})

    status: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(json_schema_extra={"example": examples.PROBLEM})

    type: str = Field(description="`about:blank`, or `urn:problem-type:lsr:` and the kind of problem.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    request_id: str | None = Field(description="As in the X-Request-ID header and in the server's log.")
    errors: list[dict[str, str]] | None = Field(
        None, description="One for each mistake: `detail`, and `pointer` into the body or the `parameter`'s name."
    )
