"""A server's answers as the classes that a collection of this machine answers with."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal, TypeVar

from lsr.core.documents import Document
from lsr.core.errors import ServerError
from lsr.core.facets import Facet, FacetValue
from lsr.core.search_stats import DenseStats, SearchStats
from lsr.search.response import Hit, SearchResponse, StageScore, Total
from lsr.text.windows import Window
from lsr.vectors.explanation import Explanation, TermMatch

T = TypeVar("T")

_FLOAT = struct.Struct("f")


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What a server says of a collection; what it does not say is None or empty, as in a list of collections.

    Attributes:
        documents: how many there are; None if it cannot be read, and `problem` says why.
        model, dense: what encodes queries, sparse and dense.
        modes: ways to search its segments; none where all is in memory yet.
        calibrated: the searches whose hits have a relevance: mode, and how that was learned.
        fields: the fields that documents can be filtered by, and their types.
        bytes: what it takes of the disk.
        limits: of the server, on requests.
    """

    name: str
    documents: int | None = None
    model: str | None = None
    dense: str | None = None
    aliases: list[str] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    calibrated: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    created: str | None = None
    bytes: int | None = None
    limits: dict[str, int] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot of a collection, as a server keeps it; `problem` says why it cannot be read, if it cannot."""

    name: str
    taken: str
    documents: int | None = None
    bytes: int | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class JobState:
    """How far a server is with long work.

    Attributes:
        kind: what is done: "compact", "reindex", "go-back", "snapshot" or "restore".
        done, total: documents that are written or encoded again, or bytes that are copied; None where nobody knows how
            many.
        error: why it failed, or None; result: what came of it, or None.
        cancellable: whether it can be ended while it runs.
        created, ended: moments, in ISO 8601.
    """

    id: str
    kind: str = ""
    collection: str | None = None
    status: Literal["queued", "running", "done", "failed", "cancelled"] = "queued"
    done: int = 0
    total: int | None = None
    error: str | None = None
    result: dict[str, Any] | None = None
    cancellable: bool = False
    created: str | None = None
    ended: str | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ("done", "failed", "cancelled")


def _whole(read: Callable[[Mapping[str, Any]], T]) -> Callable[[Mapping[str, Any]], T]:
    """Reads an answer; ServerError for one that lacks something, as those of other servers do."""

    @wraps(read)
    def reading(record: Mapping[str, Any]) -> T:
        try:
            return read(record)
        except (KeyError, TypeError, AttributeError, struct.error, OverflowError):
            raise foreign() from None

    return reading


def part(answer: Any, name: str) -> Any:
    """A value of an answer. ServerError if it is not there."""
    if not isinstance(answer, dict) or name not in answer:
        raise foreign()
    return answer[name]


def foreign() -> ServerError:
    """The error about an answer that is none of a server of lsr."""
    return ServerError(
        "the server answered something else than a server of lsr does", remedies=["check the server's URL and version"]
    )


@_whole
def info(record: Mapping[str, Any]) -> CollectionInfo:
    """A collection's description. What a later server says besides is left out, here and below."""
    return CollectionInfo(**_known(CollectionInfo, record))


@_whole
def snapshot(record: Mapping[str, Any]) -> SnapshotInfo:
    """A snapshot's description."""
    return SnapshotInfo(**_known(SnapshotInfo, record))


@_whole
def job(record: Mapping[str, Any]) -> JobState:
    """A job's state."""
    return JobState(**_known(JobState, record))


@_whole
def document(record: Mapping[str, Any]) -> Document:
    """A document as it is stored."""
    return Document(**_known(Document, record))


@_whole
def response(record: Mapping[str, Any]) -> SearchResponse:
    """The answer to a search."""
    timings, total, facets = record["timings"], record.get("total"), record.get("facets")
    stats, dense = record.get("stats"), record.get("dense_stats")
    return SearchResponse(
        [_hit(each) for each in record["hits"]],
        record["mode"],
        None if stats is None else SearchStats(**_known(SearchStats, stats)),
        # An answer that the server kept was neither encoded nor searched for.
        timings.get("encode_ms") or 0.0,
        timings.get("search_ms") or 0.0,
        dense_stats=None if dense is None else DenseStats(**_known(DenseStats, dense)),
        dense_weight=record.get("dense_weight"),
        stages_ms=timings.get("stages_ms") or {},
        total=None if total is None else Total(**_known(Total, total)),
        facets=None if facets is None else counts(facets),
    )


@_whole
def counts(record: Mapping[str, Any]) -> dict[str, Facet]:
    """How often each value of some fields occurs."""
    return {name: Facet(_values(each), each["more"], each["missing"]) for name, each in record.items()}


def _values(facet: Mapping[str, Any]) -> list[FacetValue]:
    return [FacetValue(each["value"], each["documents"]) for each in facet["values"]]


@_whole
def explanation(record: Mapping[str, Any]) -> Explanation:
    """Why a document matches."""
    return Explanation(_float32(record["score"]), [_match(each) for each in record["matches"]])


def _hit(record: Mapping[str, Any]) -> Hit:
    matches, window = record.get("matches"), record.get("window")
    found = Document(record["id"], record.get("text") or "", record.get("title") or "", record.get("fields") or {})
    return Hit(
        record["rank"],
        record["id"],
        _float32(record["score"]),
        found,
        None if matches is None else [_match(each) for each in matches],
        {name: _stage(each) for name, each in (record.get("stages") or {}).items()},
        None if window is None else Window(**_known(Window, window)),
        record.get("sort"),
        record.get("relevance"),
    )


def _match(record: Mapping[str, Any]) -> TermMatch:
    weights = (_float32(record[name]) for name in ("query_weight", "document_weight", "contribution"))
    return TermMatch(record["term"], *weights)


def _stage(record: Mapping[str, Any]) -> StageScore:
    return StageScore(record["score"], record["rank"], record.get("contribution"))


def _float32(value: float) -> float:
    """The number that the few digits of a float32 stand for: the same as a search on this machine gives."""
    number: float = _FLOAT.unpack(_FLOAT.pack(value))[0]
    return number


def _known(made: type, record: Mapping[str, Any]) -> dict[str, Any]:
    names = getattr(made, "_fields", None) or made.__dataclass_fields__  # type: ignore[attr-defined]
    return {name: record[name] for name in names if name in record}
