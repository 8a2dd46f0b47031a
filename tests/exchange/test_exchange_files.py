"""Exports that are files: requests for OpenSearch and Elasticsearch, an application for Vespa."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import Document, SparseVectors
from lsr.core.errors import InputError, OutputExistsError
from lsr.exchange import bulk
from lsr.exchange.names import TARGETS
from lsr.exchange.source import Source, decimals
from lsr.exchange.targets import load_target
from lsr.index import Index, IndexBuilder

FILES = ("opensearch", "elasticsearch", "vespa")
DOCUMENTS = [
    Document("b/2", "Ice \x01 moves.", "Glacier", {"year": 2021, "when": "2024-05-01 12:30", "tags": ["cold", "slow"]}),
    Document("a", 'Bread "rises".', "", {"year": 2020, "warm": True, "rate": 0.5}),
    Document("empty", "…"),
]
QUERY = (np.array([3, 9], np.uint32), np.array([1.5, 0.1], np.float32))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Three documents, one without terms. The heaviest weight is 2.55, so a weight is a whole number of hundredths."""
    return make_index(tmp_path_factory.mktemp("exported") / "My Docs", DOCUMENTS)


def make_index(path: Path, documents: list[Document]) -> Index:
    """An index of these documents, the third of which has no terms."""
    vectors = SparseVectors(
        np.array([0, 2, 4, 4]),
        np.array([3, 9, 3, 11], np.uint32),
        np.array([2.55, 0.01, 1.0, 0.5], np.float32),
        [each.id for each in documents],
        40_000,
    )
    schema = {"year": "integer", "when": "datetime", "tags": "keyword[]", "warm": "boolean", "rate": "float"}
    with IndexBuilder(path, dim=40_000, schema=schema, by_id=True) as builder:
        builder.add(vectors, documents)
        builder.finish()
    return Index.open(path)


def written(index: Index, name: str, place: Path, **options: Any) -> dict[str, Any]:
    """Export; the JSON files, by their names, and the lines of the others."""
    load_target(name).write(Source(index, **options), str(place), force=False, query=QUERY, k=5)
    found: dict[str, Any] = {}
    for path in sorted(each for each in place.rglob("*") if each.is_file()):
        text, key = path.read_text(encoding="utf-8"), path.relative_to(place).as_posix()
        if path.suffix in (".ndjson", ".jsonl"):
            found[key] = [json.loads(line) for line in text.splitlines()]
        else:
            found[key] = json.loads(text) if path.suffix == ".json" else text
    return found


def test_bulk_requests_hold_every_document(index: Index, tmp_path: Path) -> None:
    lines = written(index, "opensearch", tmp_path / "out")["bulk/000001.ndjson"]
    assert [each["index"]["_id"] for each in lines[::2]] == ["a", "b/2", "empty"]
    assert lines[1] == {
        "title": "",
        "text": 'Bread "rises".',
        "fields": {"year": 2020, "warm": True, "rate": 0.5},
        "vector": {"3": 1.0, "11": 0.5},
    }
    assert lines[3]["fields"]["when"] == "2024-05-01T12:30:00Z"
    assert lines[3]["vector"] == pytest.approx({"3": 2.55, "9": 0.01}, rel=1e-6)
    assert "vector" not in lines[5]


def test_mappings_follow_the_schema(index: Index, tmp_path: Path) -> None:
    files = written(index, "opensearch", tmp_path / "out")
    body = files["index.json"]
    assert body["settings"] == {"index": {"sparse": True}}
    fields = body["mappings"]["properties"]
    assert {name: each["type"] for name, each in fields["fields"]["properties"].items()} == {
        "year": "long",
        "when": "date",
        "tags": "keyword",
        "warm": "boolean",
        "rate": "double",
    }
    method = {"name": "seismic", "parameters": {"quantization_ceiling_ingest": pytest.approx(2.55, rel=1e-4)}}
    assert fields["vector"] == {"type": "sparse_vector", "method": method}
    assert files["rank_features/index.json"]["mappings"]["properties"]["vector"] == {"type": "rank_features"}
    again = written(index, "elasticsearch", tmp_path / "other")["index.json"]
    assert again["mappings"]["properties"]["vector"] == {"type": "sparse_vector"}


def test_queries_are_asked_as_each_engine_wants_them(index: Index, tmp_path: Path) -> None:
    tokens = {"3": 1.5, "9": 0.1}
    found = {name: written(index, name, tmp_path / name)["query.json"] for name in FILES}
    parameters = {"k": 5, "top_n": 2, "heap_factor": 1.0}
    sparse = {"query_tokens": tokens, "method_parameters": parameters}
    assert found["opensearch"] == {"size": 5, "query": {"neural_sparse": {"vector": sparse}}}
    exact = json.loads((tmp_path / "opensearch" / "rank_features" / "query.json").read_text())
    assert exact == {"size": 5, "query": {"neural_sparse": {"vector": {"query_tokens": tokens}}}}
    assert found["elasticsearch"] == {
        "size": 5,
        "query": {"sparse_vector": {"field": "vector", "query_vector": tokens, "prune": False}},
    }
    assert found["vespa"] == {
        "yql": "select * from my_docs where ({targetHits: 100}wand(terms, @terms))",
        "terms": "{3: 1500, 9: 100}",
        "ranking.profile": "sparse",
        "input.query(q)": tokens,
        "hits": 5,
    }


def test_vespa_is_given_a_schema_and_a_feed(index: Index, tmp_path: Path) -> None:
    written_files = written(index, "vespa", tmp_path / "out")
    schema = written_files["schemas/my_docs.sd"]
    for each in (
        "field vector type tensor<float>(term{})",
        "field field_tags type array<string>",
        "field_warm type bool",
    ):
        assert each in schema
    assert '<document type="my_docs"' in written_files["services.xml"]
    first, second, third = written_files["documents.jsonl"]
    assert first["put"] == "id:my_docs:my_docs::a"
    assert (first["fields"]["terms"], first["fields"]["vector"]) == ({"3": 100, "11": 50}, {"3": 1.0, "11": 0.5})
    # What is rounded to nothing would not be found.
    assert second["fields"]["terms"] == {"3": 255, "9": 1}
    assert second["fields"]["text"] == "Ice   moves."
    # 12:30 of the 1st of May 2024, in microseconds.
    assert second["fields"]["field_when"] == 1_714_566_600_000_000
    assert "vector" not in third["fields"]


def test_vespa_counts_what_it_mended(index: Index, tmp_path: Path) -> None:
    done = load_target("vespa").write(Source(index), str(tmp_path / "out"), force=False, query=None, k=10)
    assert done.documents == 3 and "1 document" in done.notes[-1]


def test_sparse_vector_of_a_large_vocabulary_is_warned_of(index: Index, tmp_path: Path) -> None:
    done = load_target("opensearch").write(Source(index), str(tmp_path / "out"), force=False, query=None, k=10)
    assert "folds 40,000 terms" in done.notes[-1]


@pytest.mark.parametrize("name", FILES)
def test_without_texts_only_vectors_go_along(name: str, index: Index, tmp_path: Path) -> None:
    written(index, name, tmp_path / "out", texts=False)
    everything = "".join(path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert "Bread" not in everything and "2020" not in everything and '"3": 1.0' in everything


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_replaced_unasked_or_left_half_written(name: str, index: Index, tmp_path: Path) -> None:
    written(index, name, tmp_path / "out")
    with pytest.raises(OutputExistsError):
        written(index, name, tmp_path / "out")
    load_target(name).write(Source(index), str(tmp_path / "out"), force=True, query=None, k=10)
    assert not (tmp_path / "out" / "query.json").exists()

    def fail(_: int) -> None:
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        load_target(name).write(Source(index, progress=fail), str(tmp_path / "new"), force=False, query=None, k=10)
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["out"]


def test_requests_are_cut_by_size(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "REQUEST_BYTES", 200)
    files = written(index, "elasticsearch", tmp_path / "out")
    parts = [lines for name, lines in files.items() if name.startswith("bulk/")]
    assert len(parts) > 1 and all(len(lines) % 2 == 0 for lines in parts) and sum(map(len, parts)) == 6


def test_what_an_engine_would_refuse_is_named(tmp_path: Path) -> None:
    long = [Document("x" * 513, "a"), Document("b", "b"), Document("c", "c")]
    index = make_index(tmp_path / "long", long)
    with pytest.raises(InputError, match="512 bytes"):
        written(index, "elasticsearch", tmp_path / "out")
    index = make_index(tmp_path / "odd", [Document("a\x02", "a"), Document("b", "b"), Document("c", "c")])
    with pytest.raises(InputError, match="Vespa refuses"):
        written(index, "vespa", tmp_path / "out")
    # Before anything is written, also of the last document.
    for name, id in (("opensearch", "é" * 257), ("vespa", "c\x02")):
        index = make_index(tmp_path / name, [Document("a", "a"), Document("b", "b"), Document(id, "c")])
        told: list[int] = []
        with pytest.raises(InputError, match=r"512 bytes|Vespa refuses"):
            written(index, name, tmp_path / "out", progress=told.append)
        assert told == [] and not (tmp_path / "out").exists()
    for name in ("My-Docs", "1a", "", "a" * 300):
        with pytest.raises(InputError, match="small letter"):
            Source(index, name=name)


def test_fields_that_cannot_be_together_are_named(tmp_path: Path) -> None:
    documents = [Document("a", "a"), Document("b", "b"), Document("c", "c")]
    vectors = SparseVectors(
        np.array([0, 1, 2, 3]), np.array([0, 0, 0], np.uint32), np.ones(3, np.float32), list("abc"), 4
    )
    with IndexBuilder(tmp_path / "index", dim=4, schema={"a": "keyword", "a.b": "integer"}) as builder:
        builder.add(vectors, documents)
        builder.finish()
    with pytest.raises(InputError, match="leads into an object"):
        written(Index.open(tmp_path / "index"), "opensearch", tmp_path / "out")


def test_decimals_read_back_as_the_same_weights() -> None:
    weights = np.random.default_rng(1).random(1000).astype(np.float32)
    np.testing.assert_array_equal(np.array(decimals(weights), np.float32), weights)
    assert decimals(np.array([0.1], np.float32)) == [0.1]


def test_every_target_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "guide" / "exporting.md").read_text(encoding="utf-8")
    assert all(f"--to {name}" in page for name in TARGETS)
