"""Arguments of the wrong kind, in Python: each is an InputError that says what was given and what is wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import DenseEncoder, InputError, LsrError, Retriever, SparseEncoder, open_corpus, open_queries
from lsr.encoding.sparse.bm25 import Bm25Encoder


@pytest.fixture(scope="module")
def encoder() -> SparseEncoder:
    return SparseEncoder.load("lsr-doc-tiny", threads=1)


@pytest.fixture(scope="module")
def dense() -> DenseEncoder:
    return DenseEncoder.load("minilm", threads=1)


NO_TEXTS = [
    (None, r"not None \(NoneType\)"),
    (5, r"not 5 \(int\)"),
    ("birds fly", "not one string"),
    (b"birds", "not one string"),
    ({"a": "b"}, r"not {'a': 'b'} \(dict\)"),
]


@pytest.mark.parametrize(("texts", "message"), NO_TEXTS)
def test_what_is_no_list_of_texts(encoder: SparseEncoder, dense: DenseEncoder, texts: Any, message: str) -> None:
    bm25 = Bm25Encoder.fit(["birds fly"])
    calls: list[Callable[[Any], Any]] = [
        *(each.encode_documents for each in (encoder, dense, bm25)),
        *(each.encode_queries for each in (encoder, dense, bm25)),
        *(encoder.token_frequencies, Bm25Encoder.fit, lambda texts: list(dense.stream_documents(texts))),
    ]
    for call in calls:
        with pytest.raises(InputError, match=f"give a list of texts, {message}"):
            call(texts)


def test_what_gives_texts_is_taken(encoder: SparseEncoder) -> None:
    for texts in (["birds fly"], ("birds fly",), iter(["birds fly"]), np.array(["birds fly"])):
        assert len(encoder.encode_queries(texts, ids=iter(["q"]))) == 1


@pytest.mark.parametrize("entry", [None, 5, ["birds"]])
def test_an_entry_that_is_no_text(encoder: SparseEncoder, entry: Any) -> None:
    for call in (encoder.encode_documents, encoder.encode_queries, encoder.token_frequencies):
        with pytest.raises(InputError, match=r"text 1 is .*, not a string"):
            call(["birds", entry])
    with pytest.raises(InputError, match="a text must be a string, not"):
        Bm25Encoder.fit(["birds", entry])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: e.encode_queries(["a"], ids=5), r"give a list of ids, not 5 \(int\)"),
        (lambda e: e.encode_queries(["a"], ids="a"), "give a list of ids, not one string"),
        (lambda e: e.encode_queries(["a"], top_k="2"), r"top_k must be a whole number, not '2' \(str\)"),
        (lambda e: e.encode_queries(["a"], batch_size=None), "batch_size must be a whole number, not None"),
        (lambda e: e.with_query_idf("x"), "an IDF is an array of numbers, one for each term, not 'x'"),
        (lambda e: e.with_query_idf(np.ones(e.dim), "x"), "a blend must be from 0 .*, not 'x'"),
        (lambda e: e.save(None), "an output must be a string or a path, not None"),
        (lambda e: SparseEncoder.load(max_length="x"), "max_length must be a whole number, not 'x'"),
        (lambda e: open_corpus(None), "source must be a string or a path, not None"),
        (lambda e: open_queries(5), "source must be a string or a path, not 5"),
        (lambda e: Retriever("index"), "needs an Index, not 'index' .*; Retriever.open takes its path"),
    ],
)
def test_other_arguments(encoder: SparseEncoder, call: Callable[[SparseEncoder], Any], message: str) -> None:
    with pytest.raises(LsrError, match=message):
        call(encoder)


@pytest.mark.parametrize("vectors", ["x", None, 5, [1], {"bird": 1.0}])
def test_only_vectors_are_decoded(encoder: SparseEncoder, vectors: Any) -> None:
    with pytest.raises(InputError, match="give SparseVectors, as encode_documents returns them, not "):
        encoder.decode(vectors)
    with pytest.raises(InputError, match="top_k must be a whole number, not 'x'"):
        encoder.decode(encoder.encode_queries(["birds"]), "x")  # type: ignore[arg-type]


def test_a_path_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"_id": "1", "text": "x"}\n')
    assert next(open_corpus(str(tmp_path / "c.jsonl"))) == next(open_corpus(tmp_path / "c.jsonl"))


@pytest.mark.parametrize("wrong", ["3", 2.5, [3], True, float("nan"), -1])
def test_what_is_no_number_and_no_device(wrong: Any) -> None:
    for name in ("threads", "window_overlap", "max_length"):
        with pytest.raises(LsrError, match=name):
            SparseEncoder.load("lsr-doc-tiny", **{name: wrong})
    with pytest.raises(LsrError, match="there is no device"):
        SparseEncoder.load("lsr-doc-tiny", device=wrong)
    with pytest.raises(LsrError, match="there is no device"):
        DenseEncoder.load("minilm", device=wrong)
