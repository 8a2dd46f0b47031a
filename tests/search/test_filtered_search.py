"""Filters, least scores, counts, orders and groups in every mode, against brute force over all documents."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import Document, Retriever, SparseVectors
from lsr.core.errors import InputError
from lsr.index import BmpSettings, Index, IndexBuilder, IndexSettings, SeismicSettings, add_dense
from lsr.index.filters.tree import Eq, Range
from lsr.search.flat import plan_of
from lsr.text.windows import WindowSettings

DOCUMENTS, TERMS, DIM = 300, 40, 8
QUERY = {"1": 1.0, "3": 0.5, "8": 2.0, "20": 1.0}
YES = 'year >= 2005 and (lang = "en" or exists(only)) and not draft'
MODES = ("auto", "exact", "exhaustive", "seismic", "bmp")


def fields_of(number: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"year": 2000 + number % 11, "draft": number % 5 == 0, "half": number % 7 / 2}
    if number % 3:
        fields["lang"] = ("en", "de")[number % 2]
    if number % 10 == 0:
        fields["only"] = f"n{number // 50}"
    fields["tags"] = [f"t{number % 4}", f"t{number % 6}"]
    return fields


def fulfils(number: int) -> bool:
    """`YES`."""
    fields = fields_of(number)
    return fields["year"] >= 2005 and (fields.get("lang") == "en" or "only" in fields) and not fields["draft"]


def vectors(ids: list[str]) -> SparseVectors:
    random = np.random.default_rng(5)
    rows = []
    for _ in ids:
        terms = np.sort(random.choice(TERMS, random.integers(1, 9), replace=False)).astype(np.uint32)
        # Few weights, so that ties abound.
        rows.append((terms, random.integers(1, 4, len(terms)).astype(np.float32)))
    return SparseVectors.from_rows(rows, ids, TERMS)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    ids = [f"d{number:03}" for number in range(DOCUMENTS)]
    settings = IndexSettings(seismic=SeismicSettings(), bmp=BmpSettings(), block_size=4)
    with IndexBuilder(tmp_path_factory.mktemp("filtered") / "index", dim=TERMS, settings=settings) as builder:
        builder.add(vectors(ids), [Document(id, "x", fields=fields_of(n)) for n, id in enumerate(ids)])
        made = builder.finish()
    dense = np.random.default_rng(6).normal(size=(DOCUMENTS, DIM)).astype(np.float32)
    dense[7] = 0
    return add_dense(made, [dense])


@pytest.fixture(scope="module")
def windowed(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """100 documents of three windows each."""
    ids = [f"d{row // 3:03}#{row % 3}" for row in range(DOCUMENTS)]
    rows = []
    for row, id in enumerate(ids):
        fields: dict[str, Any] = {"start": row % 3}
        if row % 3 == 0:
            fields["fields"] = fields_of(row // 3)
        rows.append(Document(id, "xyz", fields=fields))
    path = tmp_path_factory.mktemp("filtered") / "windows"
    with IndexBuilder(path, dim=TERMS, windows=WindowSettings(words=2, stride=1)) as builder:
        builder.add(vectors(ids), rows)
        return builder.finish()


def all_scores(index: Index) -> dict[str, float]:
    """The score of each document that matches, by exhaustive search."""
    found = Retriever(index).search(vector=QUERY, k=DOCUMENTS, mode="exhaustive")
    return {hit.id: hit.score for hit in found}


def ranked(scores: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda each: (-each[1], each[0]))


def pairs(answer: Any) -> list[tuple[str, float]]:
    return [(hit.id, hit.score) for hit in answer]


def number_of(id: str) -> int:
    return int(id[1:])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("k", [1, 7, 1000])
def test_each_mode_finds_the_true_best_that_a_filter_allows(index: Index, mode: str, k: int) -> None:
    parameters = {"seismic": {"heap_factor": 1.0}, "bmp": {}}.get(mode, {})
    expected = ranked({id: score for id, score in all_scores(index).items() if fulfils(number_of(id))})[:k]
    retriever = Retriever(index)
    answer = retriever.search(vector=QUERY, k=k, mode=mode, filter=YES, **parameters)
    assert len(answer) and pairs(answer) == expected
    # Few allowed documents are scored one by one, which is another engine.
    few = retriever.search(vector=QUERY, k=k, mode=mode, filter='only in ("n1", "n2", "n4")', **parameters)
    names = {id: fields_of(number_of(id)).get("only") for id in all_scores(index)}
    allowed = {id: score for id, score in all_scores(index).items() if names[id] in ("n1", "n2", "n4")}
    assert len(few) and pairs(few) == ranked(allowed)[:k]


def test_every_way_to_say_a_filter_is_the_same(index: Index) -> None:
    retriever = Retriever(index)
    tree = Range("year", gte=2005) & ~Eq("draft", True)
    record = {"must": [{"range": {"year": {"gte": 2005}}}], "must_not": [{"eq": {"draft": True}}]}
    answers = [
        pairs(retriever.search(vector=QUERY, filter=each))
        for each in (tree, record, str(tree), "not draft and 2005 <= year")
    ]
    assert answers[0] and all(answer == answers[0] for answer in answers)
    plan = plan_of(filter=record)
    assert plan == plan_of(filter=tree) and plan.filter == "year >= 2005 and not draft"
    assert pairs(retriever.search(vector=QUERY, plan=plan)) == answers[0]


def test_a_filter_and_allow_hold_together(index: Index) -> None:
    allow = np.arange(DOCUMENTS) % 2 == 0
    expected = {id: s for id, s in all_scores(index).items() if fulfils(number_of(id)) and number_of(id) % 2 == 0}
    for given in (allow, np.packbits(allow, bitorder="little")):
        assert pairs(Retriever(index).search(vector=QUERY, k=50, filter=YES, allow=given)) == ranked(expected)


def test_dense_and_fused_searches_are_filtered_as_if_there_were_no_others(index: Index) -> None:
    retriever, query = Retriever(index), np.random.default_rng(7).normal(size=DIM).astype(np.float32)
    rows = [number for number in range(DOCUMENTS) if fulfils(number)]
    scores = index.parts["dense"].scores(query, np.array(rows))
    dense = ranked({f"d{row:03}": float(score) for row, score in zip(rows, scores, strict=True) if row != 7})
    assert pairs(retriever.search(dense_vector=query, k=20, filter=YES)) == dense[:20]
    fused = retriever.search(vector=QUERY, dense_vector=query, k=20, completion="exact", filter=YES)
    # By hand: both sides from 0 or -1 to their best, three quarters for the dense one.
    sparse = all_scores(index)
    best = max(score for id, score in sparse.items() if fulfils(number_of(id)))
    least, most = -1.0, dense[0][1]
    if index.parts["dense"].record.similarity != "cosine":
        least = dense[99][1] if len(dense) > 99 else dense[-1][1]
    expected = ranked(
        {id: 0.25 * sparse.get(id, 0.0) / best + 0.75 * (score - least) / (most - least) for id, score in dense}
    )
    assert [id for id, _ in pairs(fused)] == [id for id, _ in expected[:20]]
    assert np.allclose([score for _, score in pairs(fused)], [score for _, score in expected[:20]])


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "hybrid"},
        {"mode": "sparse-first"},
        {"mode": "hybrid", "feedback": "rocchio"},
        {"feedback": "rm3"},
        {"mode": "approximate"},
        {"mode": "dense", "feedback": "rocchio"},
    ],
    ids=lambda options: " ".join(options.values()),
)
def test_no_stage_lets_other_documents_in(index: Index, options: dict[str, Any]) -> None:
    retriever, query = Retriever(index), np.ones(DIM, np.float32)
    vector = None if options.get("mode") == "dense" else QUERY
    dense = query if options.get("mode") in ("hybrid", "sparse-first", "dense") else None
    found = retriever.search(vector=vector, dense_vector=dense, k=200, filter=YES, **options)
    assert len(found) > 10 and all(fulfils(number_of(hit.id)) for hit in found)
    none = retriever.search(vector=vector, dense_vector=dense, filter="year > 3000", **options)
    assert len(none) == 0


def test_many_queries_are_filtered_too(index: Index) -> None:
    retriever, plan = Retriever(index), plan_of(filter=YES, min_score=4.0)
    queries = retriever.encode_queries(["", ""], plan, sparse=vectors(["q", "p"]))
    assert queries.sparse is not None
    for number, found in enumerate(retriever.rank(queries, 9, plan)):
        single = retriever.search(vector=queries.sparse.row(number), k=9, plan=plan)
        assert list(zip(found.ids, found.scores, strict=True)) == pairs(single) != []
        assert all(fulfils(number_of(id)) for id in found.ids) and (found.scores >= 4).all()
    plain = plan_of(filter=YES)
    for number, found in enumerate(retriever.rank(queries, 9, plain)):
        single = retriever.search(vector=queries.sparse.row(number), k=9, plan=plain)
        assert list(zip(found.ids, found.scores, strict=True)) == pairs(single) != []
    with pytest.raises(InputError, match="rankings of many queries"):
        retriever.rank(queries, 9, plan_of(sort="year"))


def test_windows_share_the_fields_of_their_document(windowed: Index) -> None:
    retriever = Retriever(windowed)
    scores = all_scores(windowed)
    expected = ranked({id: score for id, score in scores.items() if fulfils(number_of(id))})
    assert len(expected) > 5 and pairs(retriever.search(vector=QUERY, k=100, filter=YES)) == expected
    assert pairs(retriever.search(vector=QUERY, k=3, filter=YES)) == expected[:3]
    some = retriever.search(vector=QUERY, k=100, filter='_id in ("d003", "d050", "nobody")')
    assert {hit.id for hit in some} == {"d003", "d050"} & set(scores)
    beginning = retriever.search(filter='_id ^= "d01"', k=100, facets="year:100, tags")
    assert [hit.id for hit in beginning] == [f"d{number:03}" for number in range(10, 20)]
    assert beginning.facets is not None and beginning.total == (10, "exact")
    assert sum(each.documents for each in beginning.facets["year"].values) == 10
    assert retriever.search(filter="not exists(_id)", k=10).hits == []


@pytest.mark.parametrize("kind", ["index", "windowed"])
def test_a_least_score_and_the_total(kind: str, request: pytest.FixtureRequest) -> None:
    retriever = Retriever(request.getfixturevalue(kind))
    everything = ranked(all_scores(retriever.index))
    for least in (0.0, 2.5, everything[10][1], 1e9):
        expected = [each for each in everything if each[1] >= least]
        for k in (5, 1000):
            answer = retriever.search(vector=QUERY, k=k, min_score=least)
            assert pairs(answer) == expected[:k] and answer.total is not None
            exact = k > len(expected)
            assert answer.total == (len(expected), "exact") if exact else answer.total == (k, "at least")
            assert retriever.search(vector=QUERY, k=k, min_score=least, count=True).total == (len(expected), "exact")
    allowed = [id for id, _ in everything if fulfils(number_of(id))]
    assert retriever.search(vector=QUERY, k=1, filter=YES, count=True).total == (len(allowed), "exact")


@pytest.mark.parametrize("kind", ["index", "windowed"])
def test_counts_of_values(kind: str, request: pytest.FixtureRequest) -> None:
    retriever = Retriever(request.getfixturevalue(kind))
    matching = [fields_of(number_of(id)) for id in all_scores(retriever.index) if fulfils(number_of(id))]
    found = retriever.search(
        vector=QUERY, k=1, filter=YES, facets={"lang": 5, "tags": 3, "year": 100, "draft": 1}
    ).facets
    assert found is not None
    for name, size in (("lang", 5), ("tags", 3), ("year", 100), ("draft", 1)):
        counts: Counter[Any] = Counter()
        for fields in matching:
            value = fields.get(name)
            counts.update(set(value) if isinstance(value, list) else [] if value is None else [value])
        expected = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        assert [tuple(each) for each in found[name].values] == expected[:size]
        assert found[name].more == max(0, len(counts) - size)
        assert found[name].missing == sum(name not in fields for fields in matching)
    with pytest.raises(InputError, match="values are counted of texts"):
        retriever.search(vector=QUERY, facets="half")


def expected_order(scores: dict[str, float], sort: str) -> list[str]:
    """By hand: missing values last, then by score, then by id."""

    def key(id: str) -> list[Any]:
        made: list[Any] = []
        for name in sort.split(","):
            value = fields_of(number_of(id)).get(name.strip("-"))
            order: Any = 0
            if value is not None:
                order = [-ord(c) for c in value] if isinstance(value, str) and name[0] == "-" else value
                order = -order if name[0] == "-" and not isinstance(value, str) else order
            made.append((value is None, order if value is not None else 0))
        return [*made, -scores[id], id]

    return sorted(scores, key=key)


@pytest.mark.parametrize("sort", ["year", "-year", "lang,-half", "-only,draft", "-draft,year,lang", "half"])
@pytest.mark.parametrize("kind", ["index", "windowed"])
def test_orders_and_their_pages(kind: str, sort: str, request: pytest.FixtureRequest) -> None:
    retriever = Retriever(request.getfixturevalue(kind))
    scores = {id: score for id, score in all_scores(retriever.index).items() if number_of(id) % 11 > 2}
    matching = expected_order(scores, sort)
    asked: dict[str, Any] = {"vector": QUERY, "filter": "year > 2002", "sort": sort}
    assert [hit.id for hit in retriever.search(k=1000, **asked)] == matching
    assert [hit.id for hit in retriever.search(k=5, offset=3, **asked)] == matching[3:8]
    pages: list[str] = []
    after = None
    while True:
        page = retriever.search(k=7, search_after=after, **asked)
        assert page.total == (len(matching), "exact")
        if not page.hits:
            break
        pages += [hit.id for hit in page]
        after = page.hits[-1].sort
    assert pages == matching


def test_pages_in_the_order_of_scores_and_of_ids(index: Index) -> None:
    retriever, everything = Retriever(index), ranked(all_scores(index))
    found: list[tuple[str, float]] = pairs(retriever.search(vector=QUERY, k=9))
    while len(found) < len(everything):
        # As short as a float32 is written.
        after = [float(str(np.float32(found[-1][1]))), found[-1][0]]
        page = pairs(retriever.search(vector=QUERY, k=9, search_after=after))
        assert page
        found += page
    assert found == everything
    assert pairs(retriever.search(vector=QUERY, k=9, search_after=[found[-1][1], found[-1][0]])) == []
    listed = retriever.search(sort="-_id", k=5)
    assert [hit.id for hit in listed] == [f"d{number}" for number in range(299, 294, -1)]
    following = retriever.search(sort="-_id", k=2, search_after=listed.hits[-1].sort)
    assert [hit.id for hit in following] == ["d294", "d293"]


@pytest.mark.parametrize("group", ["year", "lang", "only"])
def test_groups_have_their_best_hit(index: Index, group: str) -> None:
    retriever = Retriever(index)
    expected, seen = [], set()
    for id, score in ranked(all_scores(index)):
        value = fields_of(number_of(id)).get(group)
        if value is None or value not in seen:
            expected.append((id, score))
            seen.add(value)
    for k in (1, 4, 1000):
        assert pairs(retriever.search(vector=QUERY, k=k, group_by=group)) == expected[:k]
    assert pairs(retriever.search(vector=QUERY, k=3, offset=2, group_by=group)) == expected[2:5]
    ordered = retriever.search(vector=QUERY, k=1000, group_by=group, sort="-_score")
    assert pairs(ordered) == expected


def test_documents_are_listed_without_a_query(index: Index) -> None:
    retriever = Retriever(index)
    allowed = [f"d{number:03}" for number in range(DOCUMENTS) if fulfils(number)]
    for text in (None, "", "  "):
        answer = retriever.search(text, k=5, filter=YES)
        assert [hit.id for hit in answer] == allowed[:5] and answer.mode == "all"
        assert answer.total == (len(allowed), "exact")
    with pytest.raises(InputError, match="nothing to search for"):
        retriever.search(None)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"filter": "yaer = 1"}, "did you mean year?"),
        ({"filter": 'year = "x"'}, "is compared with a number"),
        ({"sort": "tags"}, "may have several values"),
        ({"sort": "nothing"}, "the fields are _id: keyword, draft: boolean"),
        ({"sort": "year", "feedback": "rm3"}, "field 'feedback'"),
        ({"sort": "year", "mode": "hybrid", "dense_vector": [1.0] * DIM}, "a search of one side"),
        ({"count": True, "min_score": 1.0, "mode": "hybrid", "dense_vector": [1.0] * DIM}, "field 'min_score'"),
        ({"search_after": [1.0]}, "a list of 2 values"),
        ({"search_after": ["x", "d001"]}, "expected a number"),
        ({"search_after": [1.0, "nobody"]}, "no document 'nobody' any more"),
        ({"search_after": [1.0, "d001"], "offset": 3}, "leave out offset"),
        ({"search_after": [1.0, "d001"], "group_by": "year"}, "does not go with group_by"),
        ({"sort": "year", "search_after": ["a", 1.0, "d001"]}, "expected integer"),
        ({"group_by": "tags"}, "may have several values"),
    ],
)
def test_what_makes_no_sense_is_refused(index: Index, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        Retriever(index).search(vector=QUERY, **asked)
    assert says in str(caught.value)


def test_a_filter_that_allows_nobody_finds_nobody(index: Index, tmp_path: Path) -> None:
    retriever = Retriever(index)
    for mode in MODES:
        assert retriever.search(vector=QUERY, mode=mode, filter="year = 1").hits == []
    answer = retriever.search(vector=QUERY, filter="year = 1", facets="lang", count=True)
    assert answer.total == (0, "exact") and answer.facets is not None and answer.facets["lang"].values == []
    assert retriever.search(vector=QUERY, filter="year = 1", sort="-lang, half").hits == []
    assert retriever.search(vector=QUERY, filter="year = 1", group_by="lang").hits == []
