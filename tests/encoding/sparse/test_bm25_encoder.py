"""BM25 as vectors: their inner products are the scores that bm25s gives."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from bm25s.stopwords import STOPWORDS_EN
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr import Document
from lsr.build.corpus import index_vectors
from lsr.core.errors import InputError
from lsr.encoding.sparse.bm25 import STOP_WORDS, Bm25Encoder
from lsr.eval.systems.bm25 import Bm25

WORDS = [
    "Dogs",
    "dog",
    "running",
    "runs",
    "the",
    "a",
    "cat,",
    "42",
    "x",
    "naïve",
    "co-op",
    "don't",
    "Straße",
    "北京",
    "",
]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), min_size=1, max_size=8)


def test_weights_by_hand() -> None:
    # Stemmed and without "the": run dog | dog dog cat | bird. Lengths 2, 3, 1; mean 2.
    encoder = Bm25Encoder.fit(["Running dogs", "the dog, dogs, cat!", "bird"])
    assert (encoder.documents, encoder.mean_length, encoder.dim) == (3, 2.0, 4)
    documents = encoder.encode_documents(["Running dogs", "the dog, dogs, cat!"])
    queries = encoder.encode_queries(["cat DOG dog elephant"])
    one, two, cat = (count / (count + 1.2 * (0.25 + 0.75 * words / 2)) for count, words in ((1, 2), (2, 3), (1, 3)))
    assert sorted(documents.row(0)[1].tolist()) == pytest.approx([one, one])
    assert sorted(documents.row(1)[1].tolist()) == pytest.approx(sorted([two, cat]))
    idf_dog, idf_cat = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5)), math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    assert sorted(queries.row(0)[1].tolist()) == pytest.approx(sorted([2 * idf_dog, idf_cat]))


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS)
def test_scores_are_those_of_bm25s(texts: list[str], queries: list[str]) -> None:
    encoder = Bm25Encoder.fit(texts)
    theirs = Bm25([Document(f"d{row}", text) for row, text in enumerate(texts)])
    ours = encoder.encode_queries(queries).to_scipy() @ encoder.encode_documents(texts).to_scipy().T
    for query, scores in zip(queries, ours.toarray(), strict=True):
        found = theirs.search(query, len(texts))
        expected = np.zeros(len(texts))
        expected[[int(id[1:]) for id in found.ids]] = found.scores
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)


def test_stop_words_are_those_of_bm25s() -> None:
    assert frozenset(STOPWORDS_EN) == STOP_WORDS


def test_an_index_of_them_ranks_as_bm25_does(tmp_path: Path) -> None:
    texts = [f"word{i} word{i % 7} common word{i % 3}" for i in range(60)]
    encoder = Bm25Encoder.fit(texts)
    index = index_vectors([encoder.encode_documents(texts)], tmp_path / "index")
    theirs = Bm25([Document(str(row), text) for row, text in enumerate(texts)])
    for query in ("word5 common", "word2", "word41 word1"):
        hits = index.search(*encoder.encode_queries([query]).row(0), k=1)
        assert hits.ids == theirs.search(query, 1).ids


def test_texts_without_known_words() -> None:
    encoder = Bm25Encoder.fit(["", "the"])
    assert encoder.encode_documents(["", "the", "cat"]).nnz == 0
    assert encoder.encode_queries(["cat"]).nnz == 0
    assert len(encoder.encode_queries([])) == 0


def test_ids_progress_and_settings() -> None:
    done: list[int] = []
    encoder = Bm25Encoder.fit(["cat", "dog"], k1=0.9, b=0.4, progress=done.append)
    assert done == [1, 1]
    assert encoder.encode_documents(["dog", "cat"], ["x", "y"]).ids == ["x", "y"]
    assert encoder.settings() == {"model": "bm25", "k1": 0.9, "b": 0.4, "documents": 2, "terms": 2}
    assert encoder.encode_documents(["dog"]).weights.tolist() == pytest.approx([1 / 1.9])


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="there are no texts"):
        Bm25Encoder.fit([])
    with pytest.raises(InputError, match="k1"):
        Bm25Encoder.fit(["cat"], k1=-1)
    with pytest.raises(InputError, match="id"):
        Bm25Encoder.fit(["cat"]).encode_documents(["cat", "cat"], ["x", "x"])
