"""Cutting documents into windows, and finding documents by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr import Document, Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.core.errors import InputError, OutputExistsError
from lsr.search.flat import plan_of
from lsr.text.windows import WindowSettings, cut_document, cut_text, join_windows, split_window_id

# -- cutting ---------------------------------------------------------------------------------------------------------


def pieces(text: str, words: int, stride: int) -> list[str]:
    return [text[start:stop] for start, stop in cut_text(text, words, stride)]


def test_windows_end_and_begin_at_sentences_by_hand() -> None:
    text = "One two three. Four five six seven. Eight nine ten."
    assert pieces(text, 10, 5) == [text]
    # Nine words reach to "nine"; the last sentence end is after seven. The next begins at most five words on.
    assert pieces(text, 9, 5) == ["One two three. Four five six seven. ", "Four five six seven. Eight nine ten."]
    # No sentence ends in the second half of the window: it ends after so many words.
    assert pieces("a b c. d e f g h i j", 8, 8) == ["a b c. d e f g h ", "i j"]
    assert pieces("a b c\nd e f", 4, 4) == ["a b c\n", "d e f"]
    assert pieces('He said "no." Then 3.5 more', 5, 4)[0] == 'He said "no." '
    # A pair of Chinese characters counts as a word.
    assert pieces("鳥は星を見て飛ぶ。魚は泳ぐ。", 5, 5) == ["鳥は星を見て飛ぶ。", "魚は泳ぐ。"]


@settings(deadline=None)
@given(
    text=st.text(alphabet=st.sampled_from(list("ab.!? \n\t鳥。é")), max_size=200),
    words=st.integers(1, 12),
    stride=st.integers(1, 12),
    title=st.sampled_from(["", "T"]),
)
def test_no_word_is_lost_and_a_document_is_put_together_again(text: str, words: int, stride: int, title: str) -> None:
    stride = min(stride, words)
    spans = cut_text(text, words, stride)
    assert spans[0][0] == 0 and spans[-1][1] == len(text)
    for (start, stop), (following, end) in pairwise(spans):
        assert start < following <= stop <= end
    for start, stop in spans:
        assert len(cut_text(text[start:stop], words, stride)) == 1
    document = Document("d#1", text, title, {"a": [1]})
    rows = cut_document(document, WindowSettings(words=words, stride=stride))
    assert join_windows(rows) == document
    assert [split_window_id(row.id) for row in rows] == [("d#1", number) for number in range(len(rows))]
    assert all(row.title == title for row in rows)


@pytest.mark.parametrize("values", [{"score": "mean"}, {"words": 0}, {"stride": 151}, {"stride": 0}, {"top": 0}])
def test_settings_that_make_no_sense(values: dict) -> None:
    with pytest.raises(InputError):
        WindowSettings(**values)


# -- finding ---------------------------------------------------------------------------------------------------------

FILLER = "The committee met again on a Tuesday and spoke about nothing in particular. " * 4
CORPUS = [
    Document(
        "mixed", FILLER + "A glacier is a body of dense ice that moves slowly downhill. " + FILLER, "Minutes", {"p": 3}
    ),
    Document("bread", "Bread is leavened by wild yeast kept alive in flour and water. " * 6, "Sourdough"),
    Document("tern", "The Arctic tern flies from pole to pole."),
]
SETTINGS = WindowSettings(words=20, stride=15)


@pytest.fixture(scope="module")
def indexed(encoder: SparseEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from lsr.build.dense import add_dense_vectors
    from lsr.encoding.dense.encoder import DenseEncoder

    path = tmp_path_factory.mktemp("windows") / "index"
    index = index_corpus(CORPUS, path, encoder, windows=SETTINGS)
    add_dense_vectors(index, DenseEncoder.load("minilm"))
    return path


@pytest.mark.parametrize("mode", ["auto", "exact", "exhaustive", "dense", "hybrid", "sparse-first"])
def test_every_search_gives_documents_with_their_best_windows(indexed: Path, mode: str) -> None:
    retriever = Retriever.open(indexed)
    response = retriever.search("where is a glacier of ice", 3, mode=mode, explain=True)
    first = response.hits[0]
    assert [first.id, first.document.title, first.document.fields] == ["mixed", "Minutes", {"p": 3}]
    assert len({hit.id for hit in response.hits}) == len(response.hits)
    assert first.window is not None and "body of dense ice" in first.document.text
    assert len(first.document.text.split()) <= 20
    assert CORPUS[0].text[first.window.start : first.window.stop] == first.document.text
    plan = plan_of(mode)
    encoded = retriever.encode_queries(["where is a glacier of ice"] * 2, plan)
    ranked = retriever.rank(encoded, 3, plan)
    for hits in (*ranked, retriever.rank_one(encoded, 1, 3, plan)):
        assert hits.ids == [hit.id for hit in response.hits]
        np.testing.assert_allclose(hits.scores, [hit.score for hit in response.hits], rtol=1e-5)


def test_vectors_explanations_and_filters(indexed: Path) -> None:
    retriever = Retriever.open(indexed)
    found = retriever.search("glacier ice", 2, explain=True)
    assert found.hits[0].matches is not None
    assert sum(m.contribution for m in found.hits[0].matches) == pytest.approx(found.hits[0].score, rel=1e-5)
    assert retriever.explain("glacier ice", "mixed").score == pytest.approx(found.hits[0].score, rel=1e-5)
    by_vector = retriever.search_vector(retriever.encode("glacier ice"), 2)
    assert [hit.id for hit in by_vector.hits] == [hit.id for hit in found.hits]
    assert by_vector.hits[0].window == found.hits[0].window and by_vector.stats is not None
    # A filter is of windows: without the best one, the document is found by another.
    index = retriever.index
    allow = np.ones(len(index), bool)
    allow[index.documents.rows_of("mixed")[found.hits[0].window.number]] = False
    other = retriever.search("glacier ice committee", 3, allow=allow)
    held = next(hit for hit in other.hits if hit.id == "mixed")
    assert held.window != found.hits[0].window


def test_sums_add_up_and_the_best_window_is_shown(indexed: Path, encoder: SparseEncoder, tmp_path: Path) -> None:
    best = Retriever.open(indexed)
    query = "yeast and flour for bread"
    terms, weights = encoder.encode_queries([query]).row(0)
    index = index_corpus(CORPUS, tmp_path / "sum", encoder, windows=replace(SETTINGS, score="sum", top=2))
    hit = Retriever(index).search(query, 1).hits[0]
    scores = np.sort(index.scores(terms, weights, index.documents.rows_of("bread")))[::-1]
    assert hit.id == "bread" and hit.score == pytest.approx(float(scores[:2].sum(dtype=np.float64)))
    assert best.search(query, 1).hits[0].score == pytest.approx(float(scores[0]))


def test_reranking_reads_the_best_windows(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    retriever = Retriever.open(indexed)
    read: list[str] = []

    def score(model: str, text: str, rows: np.ndarray) -> np.ndarray:
        read.extend(retriever.index.documents.at(int(row)).text for row in rows)
        return np.arange(len(rows), dtype=np.float32)

    monkeypatch.setattr(retriever.rerankers, "score", score)
    before = retriever.search("glacier ice bread", 3)
    after = retriever.search("glacier ice bread", 3, rerank="made-up")
    assert read == [hit.document.text for hit in before.hits]
    assert [hit.id for hit in after.hits] == [hit.id for hit in before.hits][::-1]
    assert after.hits[-1].window == before.hits[0].window


def test_an_interrupted_encoding_of_windows_goes_on_with_the_same_windows_only(
    encoder: SparseEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lsr.build.shards.SHARD_DOCUMENTS", 4)

    def interrupted() -> Iterator[Document]:
        yield from CORPUS[:1]
        raise KeyboardInterrupt

    path = tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        index_corpus(interrupted(), path, encoder, windows=SETTINGS)
    for other in (None, replace(SETTINGS, words=25)):
        with pytest.raises(OutputExistsError, match="windows was"):
            index_corpus(CORPUS, path, encoder, windows=other)
    index = index_corpus(CORPUS, path, encoder, windows=SETTINGS)
    assert [index.documents.get(document.id) for document in CORPUS] == CORPUS
