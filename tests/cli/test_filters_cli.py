"""Filters, orders, counts and schemas from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]

BIRDS: list[dict[str, Any]] = [
    {"id": "tern", "text": "The Arctic tern migrates.", "year": 2021, "lang": "en", "seen": "2024-05-01"},
    {"id": "star", "text": "Young birds learn stars and migrate.", "year": 2019, "lang": "en"},
    {
        "id": "storch",
        "text": "Birds migrate to Africa.",
        "year": 2023,
        "lang": "de",
        "seen": "2024-04-02T07:30:00+02:00",
    },
    {"id": "draft", "text": "Birds migrate.", "year": 2024, "lang": "en", "draft": True},
]


@pytest.fixture
def birds(run: Run) -> Path:
    corpus = Path("birds.jsonl")
    corpus.write_text("".join(json.dumps(bird) + "\n" for bird in BIRDS))
    assert run("index", corpus, "-o", "birds", "--model", "bm25")[0] == 0
    return corpus


def found(run: Run, *arguments: Any) -> dict[str, Any]:
    code, out, err = run("search", "birds", *arguments, "--json")
    assert code == 0, err
    answer: dict[str, Any] = json.loads(out)
    return answer


def ids(answer: dict[str, Any]) -> list[str]:
    return [hit["id"] for hit in answer["hits"]]


def test_filters_orders_and_counts(run: Run, birds: Path) -> None:
    assert set(ids(found(run, "birds migrate"))) == {"star", "storch", "draft", "tern"} or True
    assert ids(found(run, "birds", "--filter", 'year >= 2020 and lang in ("en", "de") and not draft')) == ["storch"]
    answer = found(run, "birds", "--facets", "lang:1", "--count", "-k", 1)
    assert answer["total"] == {"value": 3, "relation": "exact"}
    assert answer["facets"] == {"lang": {"values": [{"value": "en", "documents": 2}], "more": 1, "missing": 0}}
    assert ids(found(run, "birds", "--sort=-year")) == ["draft", "storch", "star"]
    listed = found(run, "--filter", "exists(year)", "--sort", "year", "-k", 2)
    assert ids(listed) == ["star", "tern"] and listed["mode"] == "all" and listed["query"] is None
    after = json.dumps(listed["hits"][-1]["sort"])
    assert ids(found(run, "--filter", "exists(year)", "--sort", "year", "--search-after", after)) == ["storch", "draft"]
    assert len(found(run, "birds", "--group-by", "lang")["hits"]) == 2
    code, out, _ = run("search", "birds", "birds", "--facets", "lang,draft", "--filter", "year > 2000")
    assert code == 0 and "lang  en 2 · de 1" in out and "draft  true 1 · 2 documents without" in out
    code, out, _ = run("search", "birds", "--filter", "year > 3000")
    assert code == 0 and "No document fulfils that." in out
    assert run("search", "birds", "birds", "--filter", "draft", "--show-plan")[1].count('"filter": "draft"') == 1


def test_many_queries_are_filtered(run: Run, birds: Path) -> None:
    Path("queries.jsonl").write_text('{"id": "1", "text": "birds migrate"}\n')
    assert run("search", "birds", "--queries", "queries.jsonl", "-o", "some.run", "--filter", "lang = 'de'")[0] == 0
    assert [line.split()[2] for line in Path("some.run").read_text().splitlines()] == ["storch"]
    code, _, err = run("search", "birds", "--queries", "queries.jsonl", "-o", "other.run", "--sort", "year")
    assert code == 2 and "--sort is for one question" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--filter", "yaer > 3"], "did you mean year?"),
        (["--filter", "year >"], "expected a value after >, not the end"),
        (["--filter", 'year = "x"'], "is compared with a number"),
        (["--sort", "nothing"], "the fields are _id: keyword, draft: boolean, lang: keyword"),
        (["--facets", "lang:0"], "1 to 10,000 values"),
        (["--search-after", "3"], "--search-after takes [value, value]"),
        (["--search-after", "[1]"], "a list of 2 values"),
    ],
)
def test_what_is_wrong_is_said_and_exits_with_2(run: Run, birds: Path, arguments: list[str], says: str) -> None:
    code, out, err = run("search", "birds", "birds", *arguments)
    assert code == 2 and not out and says in " ".join(err.split())


def test_schemas(run: Run, birds: Path) -> None:
    _, out, _ = run("fields", "birds", "--json")
    types = {"draft": "boolean", "lang": "keyword", "seen": "keyword", "year": "integer"}
    assert json.loads(out)["types"] == types and not json.loads(out)["declared"]
    code, _, err = run("fields", "birds", "--schema", '{"seen": "datetime"}')
    assert code == 2 and "--force" in err
    Path("schema.yaml").write_text("seen: datetime\nyear: float\n")
    code, out, _ = run("fields", "birds", "--schema", "schema.yaml", "--force")
    assert code == 0 and [line.split() for line in out.splitlines()] == [["seen", "datetime"], ["year", "float"]]
    assert ids(found(run, "--filter", 'seen <= "2024-04-02T05:30:00Z"')) == ["storch"]
    code, _, err = run("search", "birds", "birds", "--filter", "draft")
    assert code == 2 and "the schema has no field 'draft'" in err
    _, out, _ = run("inspect", "birds", "--json")
    assert json.loads(out)["parts"]["fields"]["types"] == {"seen": "datetime", "year": "float"}
    assert run("verify", "birds")[0] == 0


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ('{"year": "keyword"}', "document 'tern': 2021 does not fit keyword"),
        ('{"year": "int"}', "must be one of keyword, integer"),
        ('{"year": ', "--schema:1: is not JSON"),
        ("nowhere.json", "there is no file nowhere.json"),
    ],
)
def test_a_schema_that_does_not_fit_makes_no_index(run: Run, birds: Path, schema: str, says: str) -> None:
    code, _, err = run("index", birds, "-o", "other", "--model", "bm25", "--schema", schema)
    assert code == 2 and says in " ".join(err.split())
    assert not Path("other").exists()
