from __future__ import annotations

import math

import bm25s
import numpy as np
import pytest

from lsr.core.errors import InputError
from lsr.encoding.lexical.analysis import Analyser
from lsr.encoding.lexical.settings import LexicalRecord, LexicalSettings
from lsr.encoding.lexical.words import CollectionWords, WordCounter
from lsr.encoding.sparse.idf import inverse_document_frequency
from lsr.vectors.sparse import SparseVectors

TEXTS = ["cat cat dog", "dog", "", "bird dog fish bird bird"]
IDS = ["a", "b", "c", "d"]


def nothing(ids: list[str], dim: int = 0) -> SparseVectors:
    return SparseVectors([0] * (len(ids) + 1), [], [], ids, dim)


def test_weights_by_hand() -> None:
    """Lengths 3, 1, 0 and 5, 2.25 on average; dog in three texts, the others in one."""
    with WordCounter(LexicalSettings(k1=1.2, b=0.75)) as counter:
        counter.add(TEXTS[:2])
        counter.add(TEXTS[2:])
        words = counter.finish()
        assert words.words == ["dog", "bird", "cat", "fish"], "by the number of documents, then by their letters"
        assert words.mean_length == 2.25
        vectors = words.beside(nothing(IDS), 0)
    assert vectors.dim == 4 and vectors.ids == IDS
    damping = [1.2 * (0.25 + 0.75 * length / 2.25) for length in (3, 1, 0, 5)]
    expected = {
        "a": {0: 1 / (1 + damping[0]), 2: 2 / (2 + damping[0])},
        "b": {0: 1 / (1 + damping[1])},
        "c": {},
        "d": {0: 1 / (1 + damping[3]), 1: 3 / (3 + damping[3]), 3: 1 / (1 + damping[3])},
    }
    for id, terms, weights in vectors:
        assert terms.tolist() == list(expected[id])
        np.testing.assert_allclose(weights, list(expected[id].values()), rtol=1e-6)
    idf = inverse_document_frequency(np.array([3, 1]), 4)
    np.testing.assert_allclose(idf, [math.log(1 + 1.5 / 3.5), math.log(1 + 3.5 / 1.5)], rtol=1e-6)


def test_a_given_mean_length_is_what_weights_go_by() -> None:
    """So a text has the weights that it has in another collection, whatever is beside it."""
    with WordCounter(LexicalSettings(k1=1.2, b=0.75), mean_length=2.25) as counter:
        counter.add(TEXTS[3:])
        words = counter.finish()
        _, terms, weights = next(iter(words.beside(nothing(IDS[3:]), 0)))
    assert words.record().mean_length == words.mean_length == 2.25
    damping = 1.2 * (0.25 + 0.75 * 5 / 2.25)
    assert [words.words[term] for term in terms] == ["bird", "dog", "fish"]
    np.testing.assert_allclose(weights, [3 / (3 + damping), 1 / (1 + damping), 1 / (1 + damping)], rtol=1e-6)
    with WordCounter(LexicalSettings()) as counter:
        counter.add(TEXTS)
        whole = counter.finish()
        vectors = {id: row.tolist() for id, _, row in whole.beside(nothing(IDS), 0)}
    assert sorted(vectors["d"]) == sorted(weights.tolist())


@pytest.mark.parametrize("mean_length", [-1.0, math.nan, math.inf])
def test_a_mean_length_that_none_has(mean_length: float) -> None:
    with pytest.raises(InputError, match="mean_length"):
        WordCounter(LexicalSettings(), mean_length=mean_length)


def counted(texts: list[str], settings: LexicalSettings) -> tuple[CollectionWords, SparseVectors]:
    with WordCounter(settings) as counter:
        counter.add(texts)
        words = counter.finish()
        return words, words.beside(nothing([str(row) for row in range(len(texts))]), 0)


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.9, 0.4), (2.0, 0.0), (0.0, 1.0)])
def test_scores_are_those_of_bm25s(k1: float, b: float) -> None:
    rng = np.random.default_rng(0)
    texts = [
        " ".join(f"word{number}" for number in rng.zipf(1.5, rng.integers(1, 60)) if number < 2000) for _ in range(200)
    ]
    words, vectors = counted(texts, LexicalSettings(k1=k1, b=b))
    analyser = Analyser()
    tokens = [analyser.words(text) for text in texts]
    theirs = bm25s.BM25(method="lucene", k1=k1, b=b)
    theirs.index(tokens, show_progress=False)
    idf = inverse_document_frequency(np.bincount(vectors.indices, minlength=len(words.words)), len(texts))
    places = {word: place for place, word in enumerate(words.words)}
    for query in texts[:40]:
        asked = analyser.words(query)
        weights = np.zeros(len(words.words))
        for word in asked:
            weights[places[word]] += idf[places[word]]
        ours = vectors.to_scipy() @ weights
        np.testing.assert_allclose(ours, theirs.get_scores(asked), rtol=1e-5, atol=1e-5)


def test_words_stand_behind_the_terms_of_a_model_in_every_row() -> None:
    model = SparseVectors.from_rows([([1, 4], [0.5, 2.0]), ([], []), ([0], [1.0])], ["a", "b", "c"], 5)
    with WordCounter(LexicalSettings()) as counter:
        counter.add(["cat dog", "dog", ""])
        words = counter.finish()
        both = words.beside(model, 0)
        later = words.beside(model[1:], 1)
    assert both.dim == 7
    assert [terms.tolist() for _, terms, _ in both] == [[1, 4, 5, 6], [5], [0]]
    assert both.weights[:2].tolist() == [0.5, 2.0] and both.weights[-1] == 1
    assert [terms.tolist() for _, terms, _ in later] == [[5], [0]]


def test_numbers_and_weights_do_not_depend_on_the_order_of_the_documents() -> None:
    words, vectors = counted(TEXTS, LexicalSettings())
    turned, other = counted(TEXTS[::-1], LexicalSettings())
    assert words.words == turned.words and words.mean_length == turned.mean_length
    for row in range(4):
        for mine, its in zip(vectors.row(row), other.row(3 - row), strict=True):
            np.testing.assert_array_equal(mine, its)


def test_more_vectors_than_texts_are_refused() -> None:
    with WordCounter(LexicalSettings()) as counter:
        counter.add(["cat"])
        with pytest.raises(InputError, match="more vectors than texts"):
            counter.finish().beside(nothing(IDS), 0)


def test_a_collection_without_words() -> None:
    words, vectors = counted(["", "?!", "the"], LexicalSettings())
    assert words.words == [] and words.mean_length == 0 and vectors.nnz == 0


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"k1": -1.0}, "k1"),
        ({"b": 1.5}, "b"),
        ({"weight": math.nan}, "weight"),
        ({"language": "../x"}, "language"),
    ],
)
def test_settings_out_of_range_are_refused(given: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        LexicalSettings(**given)  # type: ignore[arg-type]


def test_a_record_is_read_back() -> None:
    record = LexicalRecord(settings=LexicalSettings(language="german", weight=1.5), mean_length=20.5, analysis=1)
    assert LexicalRecord.of_encoder({"model": "m", "lexical": record.to_record()}) == record
    assert LexicalRecord.of_encoder({"model": "m"}) is None and LexicalRecord.of_encoder(None) is None


def test_words_of_titles_count_more_by_hand() -> None:
    """ "cat" is in the title and twice in the text: 3 + 0.5; the lengths are 4 + 0.5 and 1 + 0, 2.75 on average."""
    with WordCounter(LexicalSettings(k1=1.2, b=0.75), title_weight=0.5) as counter:
        counter.add(["cat cat dog cat", "dog"], ["cat", ""])
        words = counter.finish()
        vectors = words.beside(nothing(["a", "b"]), 0)
    assert words.words == ["dog", "cat"] and words.mean_length == 2.75
    damping = [1.2 * (0.25 + 0.75 * length / 2.75) for length in (4.5, 1)]
    expected = [[1 / (1 + damping[0]), 3.5 / (3.5 + damping[0])], [1 / (1 + damping[1])]]
    for (_, _, weights), wanted in zip(vectors, expected, strict=True):
        np.testing.assert_allclose(weights, wanted, rtol=1e-6)
