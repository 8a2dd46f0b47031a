"""The result of a search by text, and its JSON record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lsr.core.annotated import as_annotated
from lsr.core.counted import counted
from lsr.core.documents import Document
from lsr.core.facets import Facet
from lsr.core.frames import arrow_table, pandas_frame
from lsr.core.options import shortened
from lsr.core.search_stats import DenseStats, SearchStats
from lsr.text.windows import Window
from lsr.vectors.explanation import TermMatch

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


_OF_HITS = ("rank", "id", "score")

# How a record writes numbers that are float32 in the index.
Number = Callable[[float], Any]


class StageScore(NamedTuple):
    """What one stage of a search gave a hit.

    Attributes:
        score: the stage's own score; None if it did not score the document.
        rank: from 1; None if the stage did not return the document.
        contribution: its part of the hit's score; None for a stage that adds nothing to it.
    """

    score: float | None
    rank: int | None
    contribution: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One document found.

    Attributes:
        rank: from 1; id, score; document: as stored. In an index of windows its text is the best window's; for the
            whole text, use `Index.documents.get(id)`.
        matches: the shared terms (of the best window), largest contribution first, if they were requested.
        stages: what "sparse", "dense" and "rerank" gave it; empty for a search of the sparse index alone.
        window: the best window, or None in an index of whole documents.
        sort: in a search with an order of its own, the values that it is ordered by, its score and its id, which
            `search_after` goes on from; else None.
        relevance: from 0 to 1: how likely it is relevant, in an index that was calibrated for such a search; else None.
    """

    rank: int
    id: str
    score: float
    document: Document
    matches: list[TermMatch] | None = None
    stages: dict[str, StageScore] = field(default_factory=dict)
    window: Window | None = None
    sort: list[Any] | None = None
    relevance: float | None = None

    def __repr__(self) -> str:
        text = " ".join((self.document.title or self.document.text).split())
        return f"Hit({self.rank}, {self.id!r}, {self.score:.4g}, {shortened(text)})"

    @as_annotated
    def to_record(
        self, *, explain: bool = True, text: bool = True, fields: Iterable[str] | None = None, number: Number = float
    ) -> dict[str, Any]:
        """As JSON values; arguments as for `SearchResponse.to_record`."""
        return _record_of(self, explain, text, fields if fields is None else list(fields), number)


class Total(NamedTuple):
    """How many documents match: at least so many, or exactly. Also those that are grouped under another."""

    value: int
    relation: Literal["exact", "at least"]


@dataclass(frozen=True, slots=True)
class SearchResponse:
    """Ranked hits, with what the search did and how long it took.

    Attributes:
        hits: best first.
        mode: the mode that was used: that of retrieval ("hybrid", "dense", "sparse-first") or, for a search of the
            sparse index alone, the mode of the index, which for "auto" is the one that it chose; "all" where
            hits have an order of their own, for which every document that matches is scored.
        stats: what the (last) search of the sparse index did; None if it was not searched.
        encode_ms, search_ms: milliseconds for the query's vectors, and for all the rest.
        dense_stats: what the search of dense vectors did, or None.
        dense_weight: the weight with which scores or ranks were fused, or None.
        stages_ms: milliseconds of each stage, encoding included, in the order in which they ran.
        total: how many documents match, exactly or at least; None if nobody counted.
        facets: how many of these have each value of the fields that were asked for, or None.
    """

    hits: list[Hit]
    mode: str
    stats: SearchStats | None
    encode_ms: float
    search_ms: float
    dense_stats: DenseStats | None = None
    dense_weight: float | None = None
    stages_ms: dict[str, float] = field(default_factory=dict)
    total: Total | None = None
    facets: dict[str, Facet] | None = None

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __repr__(self) -> str:
        if not self.hits:
            return f"SearchResponse(no hits, {self.mode})"
        best = ", ".join(f"{hit.id!r} {hit.score:.4g}" for hit in self.hits[:3])
        more = ", …" if len(self.hits) > 3 else ""
        return f"SearchResponse({counted(len(self.hits), 'hits')}, {self.mode}: {best}{more})"

    def to_columns(self) -> dict[str, list[Any]]:
        """The hits by column: rank, id, score, title, text, window (its number, if there are some), and each field.

        A field of the name of another column is called `field.NAME`; None where a document does not have it.
        """
        columns: dict[str, list[Any]] = {name: [getattr(hit, name) for hit in self.hits] for name in _OF_HITS}
        columns |= {name: [getattr(hit.document, name) for hit in self.hits] for name in ("title", "text")}
        if any(hit.window is not None for hit in self.hits):
            columns["window"] = [hit.window and hit.window.number for hit in self.hits]
        for name in dict.fromkeys(name for hit in self.hits for name in hit.document.fields):
            column = f"field.{name}" if name in columns else name
            columns[column] = [hit.document.fields.get(name) for hit in self.hits]
        return columns

    def to_frame(self) -> pd.DataFrame:
        """The hits as a pandas DataFrame: see `to_columns`. MissingDependencyError without pandas."""
        return pandas_frame(self.to_columns())

    to_pandas = to_frame

    def to_arrow(self) -> pa.Table:
        """The hits as a pyarrow Table: see `to_columns`; a field of values of several types becomes JSON."""
        return arrow_table(self.to_columns())

    @as_annotated
    def to_record(
        self,
        *,
        explain: bool = True,
        text: bool = True,
        fields: Iterable[str] | None = None,
        first: int = 0,
        number: Number = float,
    ) -> dict[str, Any]:
        """As JSON values.

        Args:
            explain: include each hit's stages and, if the sparse index was searched, its matches.
            text: include the documents' texts.
            fields: which of the documents' other fields to include; None for all.
            first: how many of the best hits to leave out.
            number: how to write scores and weights, which are usually float32.
        """
        fields = None if fields is None else list(fields)
        return {
            "hits": [_record_of(hit, explain, text, fields, number) for hit in self.hits[first:]],
            "mode": self.mode,
            "total": self.total and self.total._asdict(),
            **({} if self.facets is None else {"facets": facets_record(self.facets)}),
            "stats": self.stats and self.stats._asdict(),
            "dense_stats": self.dense_stats and self.dense_stats._asdict(),
            "dense_weight": self.dense_weight,
            "timings": {
                "encode_ms": round(self.encode_ms, 3),
                "search_ms": round(self.search_ms, 3),
                "stages_ms": {name: round(ms, 3) for name, ms in self.stages_ms.items()},
            },
        }


def _record_of(hit: Hit, explain: bool, text: bool, fields: list[str] | None, number: Number) -> dict[str, Any]:
    """What both `to_record` write of a hit. Their arguments are looked at once, and not for each hit."""
    document = hit.document
    record: dict[str, Any] = {
        "rank": hit.rank,
        "id": hit.id,
        "score": number(hit.score),
        **({} if hit.relevance is None else {"relevance": round(hit.relevance, 4)}),
        "title": document.title,
    }
    if text:
        record["text"] = document.text
    record["fields"] = document.fields
    if fields is not None:
        record["fields"] = {name: document.fields[name] for name in fields if name in document.fields}
    if hit.window is not None:
        record["window"] = asdict(hit.window)
    if hit.sort is not None:
        record["sort"] = hit.sort
    if explain:
        if hit.matches is not None:
            record["matches"] = matches_record(hit.matches, number)
        record["stages"] = {name: stage._asdict() for name, stage in hit.stages.items()}
    return record


def facets_record(facets: Mapping[str, Facet]) -> dict[str, Any]:
    """Counts of values by field, as JSON values."""
    return {
        name: {**facet._asdict(), "values": [value._asdict() for value in facet.values]}
        for name, facet in facets.items()
    }


def matches_record(matches: Iterable[TermMatch], number: Number = float) -> list[dict[str, Any]]:
    """Terms and their weights as JSON values."""
    return [
        {
            "term": match.term,
            "query_weight": number(match.query_weight),
            "document_weight": number(match.document_weight),
            "contribution": number(match.contribution),
        }
        for match in matches
    ]
