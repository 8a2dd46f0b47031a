"""Every published form of a record, and what is wrong with those that are none."""

from __future__ import annotations

from typing import Any

import pytest

from lsr.core.errors import InputError
from lsr.training.data.fields import FieldError, Listed, RecordParser, passage_id, passage_text, text_id

PASSAGES = [{"docid": "7", "title": "T", "text": "x"}]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"query": "q", "positives": ["p"], "negatives": ["n"]}, Listed(None, "q", ["p"], ["n"])),
        (
            {"query_id": 7, "query": "q", "positives": ["p"], "negatives": ["n", "m"], "scores": [3, 2.5, 1]},
            Listed("7", "q", ["p"], ["n", "m"], [3, 2.5, 1]),
        ),
        # sentence-transformers
        ({"anchor": "q", "positive": "p"}, Listed(None, "q", ["p"], [], single=True)),
        ({"anchor": "q", "positive": "p", "negative": "n"}, Listed(None, "q", ["p"], ["n"], single=True)),
        (
            {"query": "q", "positive": "p", "negative_2": "b", "neg_10": "c", "negative_1": "a", "negative_4": None},
            Listed(None, "q", ["p"], ["a", "b", "c"]),
        ),
        (
            {"query": "q", "positive": "p", "negative": "n", "score": 4.5},
            Listed(None, "q", ["p"], ["n"], [0.0, -4.5], single=True, margins=True),
        ),
        (
            {"query": "q", "positive": "p", "negative": "n", "label": [5.0, 0.5]},
            Listed(None, "q", ["p"], ["n"], [5.0, 0.5], single=True),
        ),
        (
            {"query": "q", "positive": "p", "negative_1": "a", "negative_2": "b", "label": [1.5, 2]},
            Listed(None, "q", ["p"], ["a", "b"], [0.0, -1.5, -2], margins=True),
        ),
        (
            {"query": "q", "positive": "p", "negative_1": "a", "negative_2": "b", "scores": [3.0, 1.5, 2]},
            Listed(None, "q", ["p"], ["a", "b"], [3.0, 1.5, 2]),
        ),
        ({"anchor": "q", "positive": "p", "label": 1}, Listed(None, "q", ["p"], [], single=True)),
        ({"anchor": "q", "positive": "n", "label": 0}, Listed(None, "q", [], ["n"], single=True)),
        ({"anchor": "q", "positive": ["n", "p", "m"], "labels": [0, 1, 0]}, Listed(None, "q", ["p"], ["n", "m"])),
        ({"question": "q", "docs": ["n", "p"], "labels": [0, 1]}, Listed(None, "q", ["p"], ["n"])),
        (
            {"question": "q", "docs": ["n", "p"], "labels": [0, 1], "scores": [0.25, 0.5]},
            Listed(None, "q", ["p"], ["n"], [0.5, 0.25]),
        ),
        # FlagEmbedding
        ({"query": "q", "pos": ["p"], "neg": ["n"], "prompt": "…"}, Listed(None, "q", ["p"], ["n"])),
        (
            {"query": "q", "pos": ["p"], "neg": ["n", "m"], "pos_scores": [2], "neg_scores": [1, 0.5]},
            Listed(None, "q", ["p"], ["n", "m"], [2, 1, 0.5]),
        ),
        (
            {"query": "q", "pos": ["p"], "neg": ["n"], "pos_scores": None, "neg_scores": None},
            Listed(None, "q", ["p"], ["n"]),
        ),
        # Tevatron
        (
            {"query_id": "1", "query": "q", "positive_passages": PASSAGES, "negative_passages": []},
            Listed("1", "q", PASSAGES, []),
        ),
        # DPR: scores of its passages are a retriever's for some and constants for others
        (
            {"question": "q", "answers": [], "positive_ctxs": [{"passage_id": "1", "text": "x", "score": 1000}],
             "negative_ctxs": [], "hard_negative_ctxs": []},
            Listed(None, "q", [{"passage_id": "1", "text": "x", "score": 1000}], []),
        ),
    ],
)  # fmt: skip
def test_records_with_texts(values: dict[str, Any], expected: Listed) -> None:
    assert RecordParser().parse(values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"query_id": "1", "positives": ["a"], "negatives": ["b"]}, Listed("1", None, ["a"], ["b"])),
        # sentence-transformers: triplets by id, and hard negatives by system
        (
            {"query_id": "1", "positive_id": "2", "negative_id": "3"},
            Listed("1", None, ["2"], ["3"], single=True),
        ),
        ({"query": 1, "positive": 2, "negative": 3}, Listed("1", None, [2], [3], single=True)),
        (
            {"qid": 1, "pos": [2], "neg": {"bm25": [3, 4, 9], "tas-b": [5, 3], "empty": []}},
            Listed("1", None, [2], [3, 5, 4, 9]),
        ),
        ({"query_id": "1", "doc_ids": ["2", "3"], "labels": [0, 1]}, Listed("1", None, ["3"], ["2"])),
        # OpenSearch: judgements say which are positive
        ({"query": "1", "docs": ["2", "3"], "scores": [5.0, 4.0]}, Listed("1", None, None, ["2", "3"], [5.0, 4.0])),
        # Tevatron
        (
            {"query_id": "1", "query_text": "q", "positive_document_ids": ["2"], "negative_document_ids": ["3"]},
            Listed("1", "q", ["2"], ["3"]),
        ),
        # SimLM
        (
            {"query_id": "1", "query": "q", "positives": {"doc_id": ["2"], "score": [0.5]},
             "negatives": {"doc_id": ["3", "4"], "score": [0.25, 0.125]}},
            Listed("1", "q", ["2"], ["3", "4"], [0.5, 0.25, 0.125]),
        ),
        # ColBERT's n-way examples
        (
            {"query": 1, "positives": [[2, 0.5]], "negatives": [[3, 0.25]]},
            Listed("1", None, [2], [3], [0.5, 0.25]),
        ),
        # a dictionary of scores
        ({"qid": 1, "scores": {"2": 0.5, "3": 1}}, Listed("1", None, None, ["2", "3"], [0.5, 1])),
    ],
)  # fmt: skip
def test_records_by_id(values: dict[str, Any], expected: Listed) -> None:
    assert RecordParser(by_id=True).parse(values) == expected


def test_negatives_of_chosen_systems() -> None:
    parser = RecordParser(by_id=True, systems=["tas-b", "ance"])
    found = parser.parse({"qid": 1, "pos": [2], "neg": {"bm25": [3, 4], "tas-b": [5, 6]}})
    assert found.negatives == [5, 6]
    with pytest.raises(InputError, match="no negatives of ance; there are: bm25, tas-b"):
        parser.check_systems()
    parser.parse({"qid": 1, "pos": [2], "neg": {"ance": [7]}})
    parser.check_systems()


@pytest.mark.parametrize(
    ("values", "by_id", "field", "message"),
    [
        ({"positive": "p"}, False, "query", "missing .* the fields here are 'positive'"),
        ({"positive": "p"}, True, "query_id", "missing"),
        ({"query": 3, "positive": "p"}, False, "query", "must be a string, not a value of type int"),
        ({"query": "q"}, False, "positives", "missing .*positive_passages"),
        ({"query": "q", "positive": None}, False, "positives", "missing"),
        ({"query": "q", "docs": ["a"], "scores": [1]}, False, "labels", "labels are needed to say which"),
        ({"query": "q", "docs": ["a"], "labels": [1, 0]}, False, "labels", "2 numbers for 1 candidates"),
        ({"query": "q", "pos": ["a"], "neg": ["b"], "scores": [1, 2, 3]}, False, "scores", "3 numbers for 1 positives"),
        ({"query": "q", "pos": ["a", "b"], "neg": ["c"], "score": 1}, False, "score", "1 numbers for 2 positives"),
        ({"query": "q", "pos": ["a"], "neg": ["b"], "scores": ["1", 2]}, False, "scores", "must be numbers, not"),
        (
            {"query": "q", "pos": ["a"], "neg": ["b"], "pos_scores": [1], "neg_scores": [1, 2]},
            False, "neg_scores", "2 numbers for 1",
        ),
        ({"query_id": True, "pos": ["a"]}, True, "query_id", "must be a string or an integer"),
        ({"qid": 1, "pos": [1], "neg": {"bm25": 3}}, True, "neg", "must be lists by the name of the system"),
    ],
)  # fmt: skip
def test_what_is_wrong(values: dict[str, Any], by_id: bool, field: str, message: str) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        RecordParser(by_id=by_id).parse(values)
    assert caught.value.field == field


def test_passages() -> None:
    assert passage_text("x", "f") == (text_id("x"), "x")
    assert passage_text({"docid": 7, "title": "T", "text": "x"}, "f") == ("7", "T x")
    assert passage_text({"title": None, "contents": "x"}, "f") == (text_id("x"), "x")
    assert text_id("T x") == passage_text({"title": "T", "text": "x"}, "f")[0] != text_id("x")
    assert passage_id({"_id": 7}, "f") == passage_id(7, "f") == passage_id("7", "f") == "7"
    for item, field in ((7, "f"), ({"docid": 1}, "text"), ({"text": 7}, "f.text"), ({"text": "x", "id": ""}, "f.id")):
        with pytest.raises(FieldError) as caught:
            passage_text(item, "f")
        assert caught.value.field == field
    for item in ({"text": "x"}, None, "", 1.0):
        with pytest.raises(FieldError):
            passage_id(item, "f")
