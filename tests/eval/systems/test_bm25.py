from __future__ import annotations

import math

import numpy as np
import pytest

from lsr import Document
from lsr.core.errors import InputError, MissingDependencyError
from lsr.eval.systems.bm25 import Bm25


def corpus(*texts: str) -> list[Document]:
    return [Document(f"d{i}", text) for i, text in enumerate(texts)]


def test_lucene_scores_by_hand() -> None:
    # Stemmed and without "the": run dog | dog dog cat | bird. Lengths 2, 3, 1; mean 2.
    bm25 = Bm25([Document("d0", "dogs", "Running"), *corpus("", "the dog, dogs, cat!", "bird")[1:]])
    found = bm25.search("DOG running", 10)
    idf = {"dog": math.log(1 + (3 - 2 + 0.5) / (2 + 0.5)), "run": math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))}

    def weight(term: str, count: int, length: int) -> float:
        return idf[term] * count / (count + 1.2 * (1 - 0.75 + 0.75 * length / 2))

    assert found.ids == ["d0", "d1"]
    np.testing.assert_allclose(
        found.scores, [weight("dog", 1, 2) + weight("run", 1, 2), weight("dog", 2, 3)], rtol=1e-6
    )


def test_ties_follow_the_corpus_and_zero_scores_are_left_out() -> None:
    bm25 = Bm25(corpus("cat", "dog", "cat", "cat dog", "cat", "bird"))
    assert bm25.search("cat", 10).ids == ["d0", "d2", "d4", "d3"]
    assert bm25.search("cat", 2).ids == ["d0", "d2"]
    assert bm25.search("cat", 3).ids == ["d0", "d2", "d4"]


@pytest.mark.parametrize("query", ["", "   ", "the of", "elephant", "!?"])
def test_queries_that_find_nothing(query: str) -> None:
    assert len(Bm25(corpus("cat", "dog")).search(query, 10)) == 0


def test_a_corpus_without_words() -> None:
    bm25 = Bm25(corpus("", "the"))
    assert bm25.ids == ["d0", "d1"]
    assert len(bm25.search("the cat", 10)) == 0


def test_an_empty_corpus() -> None:
    with pytest.raises(InputError, match="empty"):
        Bm25([])


def test_is_silent_and_counts_its_progress(capfd: pytest.CaptureFixture[str]) -> None:
    done: list[int] = []
    Bm25(corpus("cat", "dog"), progress=done.append).search("cat")
    assert done == [1, 1]
    assert capfd.readouterr() == ("", "")


def test_without_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "Stemmer", None)
    with pytest.raises(MissingDependencyError, match="PyStemmer"):
        Bm25(corpus("cat"))
