"""What a search is to do, stage by stage: retrieve, learn from feedback, fuse, re-rank.

One tree for Python, the command line, the HTTP service and evaluation, which read it or derive keywords, flags and a
schema from it. The stages that the index runs are in `lsr.index.fusion.settings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lsr.core.annotated import as_annotated
from lsr.core.arguments import kind_of
from lsr.core.errors import InputError
from lsr.core.options import beneath, build, check_options, did_you_mean, listed, option, shortened
from lsr.index.filters.names import read_facets, read_name, read_sort
from lsr.index.filters.records import read_filter
from lsr.index.filters.words import name_text
from lsr.index.fusion.settings import AUTO, SPARSE, STAGED_MODES, RetrievalPlan, RetrieveSettings, modes

LATE = "late"
# Stages that run only on request.
ON_DEMAND = ("feedback", "rerank")
# Fields of a record that are short for its `retrieve`.
SHORT = ("mode", "recall", "parameters")


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankSettings:
    """Score the best hits again, with a slower and more accurate model.

    Attributes:
        model: A cross-encoder (a folder or hub name that transformers loads for sequence classification), or "late" for
            the token vectors of the index (ColBERT's MaxSim).
        depth: How many hits are scored again; the others follow in their previous order.
        weight: From 0 to 1: the weight of the new score against the old one, both scaled to 0 … 1 among these hits.
    """

    model: str = option(LATE, flat="rerank", shown=True)
    depth: int = option(50, flat="rerank_depth", ge=1)
    weight: float = option(1.0, flat="rerank_weight", ge=0, le=1)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan(RetrievalPlan):
    """The stages of a search.

    Attributes:
        retrieve: What is searched, and how.
        feedback: Search again with a query improved by the first answers. If left out, there is no second search.
        fusion: How two rankings are fused into one. Goes with mode hybrid or sparse-first.
        rerank: Score the best hits again. If left out, they stay as they were found.
        filter: Only documents whose fields fulfil this, such as `year >= 2020 and lang in ("en", "de") and not draft`.
        min_score: Only documents that score at least this, before they are re-ranked.
        min_relevance: Only documents of at least this relevance, from 0 to 1, once they are ranked; takes an index that
            `lsr calibrate` measured.
        count: Count all documents that match, which takes a look at each of them; else only as far as is known.
        facets: Fields whose values are counted among all documents that match, with how many to tell of each: `lang,
            tags:20`.
        sort: The fields that hits are ordered by, in place of their scores, as `-year, title`; missing values come
            last, `_score` and `_id` are fields, too.
        group_by: A field of which each value has one hit, its best.
    """

    rerank: RerankSettings | None = None
    filter: str | None = option(None, shown=True)
    min_score: float | None = option(None, shown=True)
    min_relevance: float | None = option(None, shown=True, ge=0, le=1)
    count: bool | None = option(None, shown=True)
    facets: str | None = option(None, shown=True)
    sort: str | None = option(None, shown=True)
    group_by: str | None = option(None, shown=True)

    def __post_init__(self) -> None:
        # JSON, trees and lists are taken, too: a plan holds the string that they amount to.
        for name, read in _READ.items():
            given = getattr(self, name)
            if given is not None:
                with beneath(name):
                    object.__setattr__(self, name, read(given) or None)
        check_options(self)
        RetrievalPlan.__post_init__(self)
        if self.stages == (SPARSE,) and self.retrieve.depth != RetrieveSettings().depth:
            raise InputError(
                "goes with mode hybrid or sparse-first, feedback or rerank: otherwise it is k", field="retrieve.depth"
            )

    @property
    def lists(self) -> bool:
        """Whether it says which documents are meant, or in which order, so that there may be no query."""
        return any((self.filter, self.sort, self.facets, self.count))

    @property
    def is_repeatable(self) -> bool:
        """Whether its answer depends on what is searched alone, and not on how busy the machine is."""
        sparse = self.retrieve.sparse
        return sparse is None or getattr(sparse.parameters, "budget_us", None) is None

    @classmethod
    @as_annotated
    def from_record(cls, record: Mapping[str, Any]) -> SearchPlan:
        """Inverse of `to_record`; what is left out gets its default.

        `mode`, `recall` and `parameters` are short for `retrieve`, as in flat keywords: {"mode": "approximate",
        "parameters": {"cut": 0.1}}. InputError gives the path of the wrong field and, if unknown, the nearest name.
        """
        short = {name: record[name] for name in SHORT if record.get(name) is not None}
        rest = {name: value for name, value in record.items() if name not in SHORT}
        if not short:
            return build(cls, rest)
        if rest.get("retrieve") is not None:
            raise InputError("is short for retrieve: give only one of the two", field=next(iter(short)))
        mode = short.pop("mode", AUTO)
        retrieve = retrieve_record(mode)
        if short:
            retrieve["sparse"] = {**retrieve.get("sparse", {}), **short}
        try:
            return build(cls, {**rest, "retrieve": retrieve})
        except InputError as error:
            raise InputError(error.reason, field=_short_path(error.field, short)) from None


def _filter_text(given: Any) -> str:
    tree = read_filter(given)
    return "" if tree is None else str(tree)


_READ: dict[str, Callable[[Any], str]] = {
    "filter": _filter_text,
    "facets": lambda given: ", ".join(map(str, read_facets(given))),
    "sort": lambda given: ", ".join(map(str, read_sort(given))),
    "group_by": lambda given: name_text(read_name(given)),
}


def retrieve_record(mode: Any) -> dict[str, Any]:
    """The record of `RetrieveSettings` for a mode. InputError if there is no such mode."""
    if not isinstance(mode, str) or mode not in modes():
        wrong = f"{shortened(mode)}{did_you_mean(mode, modes())}"
        raise InputError(f"must be {listed(modes())}, not {wrong}", field="mode")
    if mode in STAGED_MODES:
        return {"mode": mode}
    return {"mode": SPARSE, "sparse": {"mode": mode}}


def _short_path(path: str | None, short: Mapping[str, Any]) -> str | None:
    """The path of a field of `retrieve.sparse`, as it was given in the short form."""
    if path == "retrieve.sparse":
        return next(iter(short), "mode")
    return path and path.removeprefix("retrieve.sparse.")


def checked_plan(plan: Any) -> SearchPlan:
    """A plan, as it is. InputError for anything else."""
    if not isinstance(plan, SearchPlan):
        raise InputError(f"a plan is a SearchPlan (lsr.search.flat.plan_of makes one), not {kind_of(plan)}")
    return plan
