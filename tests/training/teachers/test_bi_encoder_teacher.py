"""Teachers that compare vectors: a batch's scores and a set's are inner products."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsr import SparseEncoder
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.sparse.bm25 import Bm25Encoder
from lsr.training.data import TrainingSet
from lsr.training.teachers import BiEncoderTeacher
from lsr.training.teachers.pairs import Pairs
from lsr.training.teachers.vectors import BiEncoder, encode_documents, encode_to_disk


@pytest.fixture(scope="module", params=["sparse", "dense", "bm25"])
def encoder(request: pytest.FixtureRequest) -> BiEncoder:
    if request.param == "sparse":
        return SparseEncoder.load("splade-tiny", max_length=64, dtype="float32")
    if request.param == "dense":
        return DenseEncoder.load("minilm", dtype="float32")
    return Bm25Encoder.fit(["a seabird that flies", "bread and water", "wheels and strings", "dense ice"])


def expected(encoder: BiEncoder, query: str, texts: list[str]) -> np.ndarray:
    """One pair at a time."""
    left = encoder.encode_queries([query])
    scores = []
    for text in texts:
        right = encoder.encode_documents([text])
        if isinstance(left, np.ndarray):
            scores.append(float(left[0] @ right[0]))
        else:
            scores.append((left.to_scipy() @ right.to_scipy().T).toarray()[0, 0])
    return np.array(scores)


def test_scores_of_a_batch(encoder: BiEncoder) -> None:
    queries = ["which birds fly far", "bread", "nothing to do with it"]
    candidates = [["dense ice", "a seabird that flies"], ["bread and water"], []]
    scores = BiEncoderTeacher(encoder).score(queries, candidates)
    assert [of_query.dtype for of_query in scores] == [np.float32] * 3
    for query, texts, of_query in zip(queries, candidates, scores, strict=True):
        np.testing.assert_allclose(of_query, expected(encoder, query, texts), rtol=1e-4, atol=1e-5)


def test_scores_of_a_set(encoder: BiEncoder, training_set: TrainingSet, tmp_path: Path) -> None:
    pairs = Pairs.of(training_set)
    scores = np.full(len(pairs), np.nan, np.float32)
    BiEncoderTeacher(encoder).score_pairs(pairs, scores, work=tmp_path)
    for i in range(len(training_set)):
        example = training_set[i]
        texts = training_set.texts.take(example.candidates)
        np.testing.assert_allclose(scores[pairs.span(i)], expected(encoder, example.query, texts), rtol=1e-4, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]  # vectors are gone


class Counting(Bm25Encoder):
    """Remembers what it encoded."""

    seen: list[str]

    def encode_documents(self, texts, *arguments, **options):  # type: ignore[no-untyped-def]
        texts = list(texts)
        self.seen += texts
        return super().encode_documents(texts, *arguments, **options)

    def encode_queries(self, texts, *arguments, **options):  # type: ignore[no-untyped-def]
        texts = list(texts)
        self.seen += texts
        return super().encode_queries(texts, *arguments, **options)


def test_every_text_is_encoded_once(training_set: TrainingSet, tmp_path: Path) -> None:
    encoder = Counting.fit(["bread", "ice"])
    assert isinstance(encoder, Counting)
    encoder.seen = []
    pairs = Pairs.of(training_set)
    BiEncoderTeacher(encoder).score_pairs(pairs, np.empty(len(pairs), np.float32), work=tmp_path)
    assert len(encoder.seen) == len(set(encoder.seen)) == 5 + 3  # the unused text is not among them

    encoder.seen = []
    BiEncoderTeacher(encoder).score(["ice", "ice"], [["bread", "ice"], ["ice", "bread"]])
    assert encoder.seen == ["bread", "ice", "ice", "ice"]


def test_cosine_where_the_encoder_says_so() -> None:
    class Dense:
        name, dim, similarity = "made", 2, "cosine"

        def encode_documents(self, texts: list[str], **_: object) -> np.ndarray:
            return np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)[: len(texts)]

        encode_queries = encode_documents

    assert BiEncoderTeacher(Dense()).score(["q"], [["a", "b"]])[0].tolist() == pytest.approx([1.0, 0.0])
    Dense.similarity = "dot"
    assert BiEncoderTeacher(Dense()).score(["q"], [["a", "b"]])[0].tolist() == [25.0, 0.0]


def test_vectors_made_before_are_used(training_set: TrainingSet, tmp_path: Path) -> None:
    encoder = Bm25Encoder.fit(training_set.texts.take(range(6)))
    every = (training_set.texts[row] for row in range(6))
    documents = encode_to_disk(encoder, encode_documents, every, tmp_path / "documents")
    pairs = Pairs.of(training_set)
    found, plain = np.empty((2, len(pairs)), np.float32)
    BiEncoderTeacher(encoder, documents=documents).score_pairs(pairs, found, work=tmp_path)
    BiEncoderTeacher(encoder).score_pairs(pairs, plain, work=tmp_path)
    np.testing.assert_array_equal(found, plain)


def test_nothing_to_encode(tmp_path: Path) -> None:
    encoder = Bm25Encoder.fit(["bread"])
    assert len(encode_to_disk(encoder, encode_documents, [], tmp_path / "none")) == 0
    assert len(encode_to_disk(encoder, encode_documents, ["", "the"], tmp_path / "empty")) == 2
    assert BiEncoderTeacher(encoder).score([], []) == []


def test_names_and_titles(training_set: TrainingSet) -> None:
    teacher = BiEncoderTeacher(Bm25Encoder.fit(["bread"]), "mine")
    assert teacher.name == "mine" and BiEncoderTeacher(teacher.encoder).name == "bm25"
