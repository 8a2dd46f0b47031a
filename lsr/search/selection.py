"""Which of the documents that match are hits, in which order, and what is said of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.facets import Facet
from lsr.core.options import beneath
from lsr.index.engines.registry import is_always_exact
from lsr.index.filters.allowed import as_bitmap
from lsr.index.filters.names import read_facets, read_name, read_sort
from lsr.index.fusion.facets import count_facets
from lsr.index.fusion.grouping import search_documents
from lsr.index.fusion.matching import Matches, all_matches
from lsr.index.fusion.ordering import firsts_of_groups, in_order, picked, sort_values
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import HybridHits
from lsr.index.fusion.settings import SPARSE
from lsr.search.plan import SearchPlan
from lsr.search.relevance import Calibration, least_score, measured, relevance_of
from lsr.search.response import Total

if TYPE_CHECKING:
    from lsr.index import Index

# How much deeper a search looks for hits of further groups.
_DEEPER = 4


class Selected(NamedTuple):
    """The hits of a search, best or first ones first, before they are re-ranked.

    Attributes:
        hits: their rows and scores, and how they were found.
        total: how many documents match.
        facets: how many of these have each value of the fields that were asked for, or None.
        sort: what each hit is ordered by, its score and its id; None where hits are in the order of their scores alone.
    """

    hits: HybridHits
    total: Total
    facets: dict[str, Facet] | None
    sort: list[list[Any]] | None


def is_plain(plan: SearchPlan) -> bool:
    """Whether a plan's rankings are what a search of the sparse index gives, but for the filter.

    InputError for what rankings of many queries have no place for.
    """
    for name in ("sort", "facets", "count"):
        if getattr(plan, name):
            raise InputError("is of hits that are shown, not of the rankings of many queries", field=name)
    return plan.stages == (SPARSE,) and plan.min_score is plan.min_relevance is plan.group_by is None


def allowed_rows(index: Index, plan: SearchPlan, allow: npt.NDArray[Any] | None) -> npt.NDArray[Any] | None:
    """The rows that a plan's filter allows, of those of `allow`: as `allow` of a search. InputError for a wrong one."""
    if plan.filter is None:
        return allow
    with beneath("filter"):
        filtered = index.documents.fields.allowed(plan.filter)
    if allow is None or filtered is None:
        return filtered
    return filtered & as_bitmap(allow, len(index))


def select(
    index: Index,
    query: HybridQuery,
    k: int,
    plan: SearchPlan,
    allow: npt.NDArray[Any] | None = None,
    page: int | None = None,
    after: Sequence[Any] | None = None,
    calibration: Calibration | None = None,
) -> Selected:
    """The first k documents of a search by its plan, but for re-ranking.

    `allow` has the rows that the plan's filter allows, too (`allowed_rows`); `page` as for `search_documents`. `after`
    is the `sort` of a hit, or its score and id: only what follows it is returned. A query without vectors matches
    every document. `calibration` says what scores that are not re-ranked are worth.
    """
    everything = query.sparse is None and query.dense is None
    matches = None
    check_relevance(plan, everything=everything)
    if everything or plan.sort or after is not None:
        check_order(plan, everything=everything, after=after)
        start = perf_counter()
        if plan.retrieve.needs_dense and query.dense is not None:
            query = HybridQuery(query.sparse, index.parts["dense"].prepare(query.dense)[0])
        matches = all_matches(index, query, plan, allow, least_score(plan, calibration, query))
        hits, sort = _ordered(index, matches, query, k, plan, after)
        hits.milliseconds["match"] = (perf_counter() - start) * 1e3
        total = Total(len(matches.rows), "exact")
    else:
        hits, total = _ranked(index, query, k, plan, allow, page, calibration)
        sort = None
    if matches is None and (plan.facets or (plan.count and total.relation != "exact")):
        start = perf_counter()
        matches = all_matches(index, hits.query, plan, allow, least_score(plan, calibration, hits.query))
        hits.milliseconds["match"] = (perf_counter() - start) * 1e3
        total = Total(len(matches.rows), "exact")
    facets = None
    if plan.facets and matches is not None:
        with beneath("facets"):
            facets = count_facets(index, matches.rows, read_facets(plan.facets))
    return Selected(hits, total, facets, sort)


def check_order(plan: SearchPlan, *, everything: bool, after: Sequence[Any] | None) -> None:
    """InputError where documents are to be ordered that do not all have a score."""
    if plan.feedback is not None or plan.rerank is not None:
        name = "feedback" if plan.feedback is not None else "rerank"
        raise InputError("is of a query, and of its best hits in the order of their scores: leave it out", field=name)
    if plan.retrieve.fuses and not everything:
        name = "sort" if plan.sort else "search_after"
        raise InputError(f"goes with a search of one side, not {plan.retrieve.mode!r}", field=name)
    if after is not None and plan.group_by is not None:
        raise InputError("does not go with group_by: a group may have begun before", field="search_after")


def check_relevance(plan: SearchPlan, *, everything: bool) -> None:
    """InputError for a least relevance of documents that do not all have one, or have none."""
    if plan.min_relevance is None:
        return
    if everything:
        raise InputError("is of a query: without one, no document is more relevant than another", field="min_relevance")
    if (plan.facets or plan.count) and (plan.retrieve.fuses or plan.rerank is not None):
        name = "facets" if plan.facets else "count"
        raise InputError(
            f"is of the hits of a search that fuses or re-ranks, not of all that match: leave out {name}",
            field="min_relevance",
        )


def _ordered(
    index: Index, matches: Matches, query: HybridQuery, k: int, plan: SearchPlan, after: Sequence[Any] | None
) -> tuple[HybridHits, list[list[Any]]]:
    """The first matches in the order of the plan's fields, and what each is ordered by."""
    sort = read_sort(plan.sort or ())
    most = k if plan.group_by is None else None
    if after is None:
        with beneath("sort"):
            places = in_order(index, matches, sort, most=most)
    else:
        places = in_order(index, matches, sort, after=after, most=most)
    if plan.group_by is not None:
        places = places[_firsts(index, matches.rows[places], plan.group_by)][:k]
    rows, scores = matches.rows[places], matches.scores[places]
    values = sort_values(index, rows, scores, index.documents.ids(rows), sort)
    return HybridHits(rows, scores, None, None, None, query, None, None, {}), values


def _ranked(
    index: Index,
    query: HybridQuery,
    k: int,
    plan: SearchPlan,
    allow: npt.NDArray[Any] | None,
    page: int | None,
    calibration: Calibration | None,
) -> tuple[HybridHits, Total]:
    """The best documents, one of each group, and how many were found."""
    depth = k
    page = k if page is None and plan.group_by is not None else page
    while True:
        hits = search_documents(index, query, depth, plan, allow=allow, page=page)
        complete, ends = len(hits.rows) < depth, False
        least = least_score(plan, calibration, hits.query)
        if least is not None:
            enough = hits.scores >= least
            if not enough.all():
                hits, complete = picked(hits, np.flatnonzero(enough)), True
        if plan.min_relevance is not None and plan.retrieve.fuses and calibration is not None:
            features = measured(index, plan, hits, hits.scores, hits.rows, None)
            enough = relevance_of(calibration, features) >= plan.min_relevance
            if not enough.all():
                # None that follows, however deep it is, has more.
                hits, complete, ends = picked(hits, np.flatnonzero(enough)), True, True
        total = Total(len(hits.rows), "exact" if complete and (ends or _misses_none(hits, plan)) else "at least")
        if plan.group_by is None:
            return hits, total
        firsts = _firsts(index, hits.rows, plan.group_by)
        if len(firsts) >= k or complete or depth >= len(index):
            return picked(hits, firsts[:k]), total
        depth = min(_DEEPER * depth, len(index))


def _firsts(index: Index, rows: npt.NDArray[np.int64], group_by: str) -> npt.NDArray[np.intp]:
    with beneath("group_by"):
        return firsts_of_groups(index, rows, read_name(group_by))


def _misses_none(hits: HybridHits, plan: SearchPlan) -> bool:
    """Whether there is no better document than those that were found, by a search of one side."""
    if plan.retrieve.fuses:
        return False
    if hits.sparse_stats is not None:
        return hits.sparse_stats.direct or is_always_exact(hits.sparse_stats.mode)
    return hits.dense_stats is not None and (hits.dense_stats.direct or hits.dense_stats.mode == "exact")
