"""What a collection has to answer, from a dictionary, and documents to write to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from lsr.core.documents import Document
from lsr.index import Index
from lsr.index.collection.create import create_collection
from lsr.index.collection.policy import LivePolicy
from lsr.index.collection.writer import CollectionWriter
from lsr.index.live.writes import Put

TERMS = 12
SCALE = 2.0**-7
DENSE = {"dim": 3, "full_dim": 3, "similarity": "dot", "kind": "flat", "encoder": None}
# Of a few documents each, so that little makes segments, and merges of them.
SMALL = LivePolicy(memory_documents=6, together=2)
LARGE = LivePolicy(memory_documents=100_000)

Query = Mapping[int | str, float]


def create(path: Path, **options: Any) -> None:
    """An empty collection of model terms, words, tokens and dense vectors."""
    create_collection(path, **{"terms": TERMS, "weight_scale": SCALE, "tokens": True, "dense": DENSE, **options})


def tokens_of(documents: Sequence[Document]) -> list[np.ndarray[Any, Any]]:
    """The tokens of a text are the numbers in it."""
    return [np.unique(np.array(document.text.split(), np.uint32)) for document in documents]


def opened(path: Path, policy: LivePolicy = SMALL, **options: Any) -> CollectionWriter:
    """Its writer."""
    return CollectionWriter(path, tokens_of=tokens_of, policy=policy, **options)


def put(
    id: str,
    terms: Mapping[int, float] | None = None,
    words: Mapping[str, float] | None = None,
    tokens: Sequence[int] = (),
    dense: Sequence[float] = (0, 0, 0),
    **fields: Any,
) -> Put:
    """A document of these weights."""
    terms, words = terms or {}, words or {}
    document = Document(id, " ".join(map(str, tokens)), fields=fields)
    return Put(
        document,
        np.array(sorted(terms), np.uint32),
        np.array([terms[term] for term in sorted(terms)], np.float32),
        tuple(words),
        np.array(list(words.values()), np.float32),
        tokens_of([document])[0],
        len(words),
        np.array(dense, np.float32),
    )


def made_put(random: np.random.Generator, id: str, version: int) -> Put:
    """A document by chance, of so few weights that many score the same."""

    def weights(names: Sequence[Any]) -> dict[Any, float]:
        return {name: float(random.choice([0.125, 0.25, 0.5])) for name in names}

    return put(
        id,
        weights(random.choice(TERMS, random.integers(0, 4), replace=False).tolist()),
        weights([f"w{word}" for word in random.choice(9, random.integers(0, 4), replace=False).tolist()]),
        random.integers(0, TERMS, random.integers(0, 5)).tolist(),
        random.integers(-2, 3, 3).tolist(),
        version=version,
    )


def made_query(random: np.random.Generator) -> dict[int | str, float]:
    """Terms and words by chance, of weights that no rounding of queries changes."""
    names: list[int | str] = random.choice(TERMS, random.integers(0, 4), replace=False).tolist()
    names += [f"w{word}" for word in random.choice(9, random.integers(0, 4), replace=False).tolist()]
    return {name: float(random.integers(1, 9)) / 4 for name in names}


def asked(index: Index, query: Query) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The query by the index's term ids, without words that it does not hold."""
    words = index.parts.get("words")
    found: dict[int, float] = {}
    for name, weight in query.items():
        id = name if isinstance(name, int) else None if words is None else words.find(name)
        if id is not None:
            found[id] = weight
    ids = sorted(found)
    return np.array(ids, np.uint32), np.array([found[id] for id in ids], np.float32)


def score(document: Put, query: Query) -> float:
    """The exact sum, rounded once."""
    total = Fraction(0)
    for names, weights in ((document.terms, document.weights), (document.words, document.word_weights)):
        for name, weight in zip(list(names), weights.tolist(), strict=True):
            given = query.get(name if isinstance(name, str) else int(name))
            if given is not None:
                stored = min(max(round(Fraction(weight) / Fraction(SCALE)), 1), 255)
                total += stored * Fraction(SCALE) * Fraction(given)
    return float(np.float32(float(total)))


def best(scores: Mapping[str, float], k: int) -> tuple[list[str], list[float]]:
    """Ids and scores of the k best, equal ones by the bytes of their ids."""
    ranked = sorted(scores, key=lambda id: (-scores[id], id.encode()))[:k]
    return ranked, [scores[id] for id in ranked]


def check(
    index: Index, truth: Mapping[str, Put], random: np.random.Generator, queries: int = 3, *, dense: bool = True
) -> None:
    """AssertionError if the index does not hold and find what the dictionary does; `dense`: by dense vectors, too."""
    assert len(index.documents) == len(truth)
    assert sorted(each.id for each in index.documents.scan()) == sorted(truth)
    for id, each in truth.items():
        assert index.documents.get(id) == each.document
    for _ in range(queries):
        query, k = made_query(random), int(random.integers(1, 9))
        scores = {id: score(each, query) for id, each in truth.items()}
        wanted = best({id: value for id, value in scores.items() if value > 0}, k)
        for mode in ("exact", "exhaustive"):
            hits = index.search(*asked(index, query), k, mode=mode)
            assert (hits.ids, hits.scores.tolist()) == wanted, mode
        if truth and dense:
            vector = random.integers(-2, 3, 3).astype(np.float32)
            found = index.parts["dense"].search(vector, k)
            scores = {id: float(each.dense @ vector) for id, each in truth.items() if each.dense is not None}
            assert (index.documents.row_ids(found.rows), found.scores.tolist()) == best(scores, k)
    if truth:
        check_counts(index, truth)


def check_counts(index: Index, truth: Mapping[str, Put]) -> None:
    """The counts that IDF is made of: of words, of terms, and of tokens of texts."""
    counts, words = index.parts["terms"], index.parts.get("words")
    for word in {word for each in truth.values() for word in each.words}:
        assert words is not None
        (found,) = counts.of(np.array([words.find(word)])).tolist()
        assert found == sum(word in each.words for each in truth.values()), word
    terms = sum((np.bincount(each.terms, minlength=TERMS) for each in truth.values()), np.zeros(TERMS, np.int64))
    tokens = sum((np.bincount(each.tokens, minlength=TERMS) for each in truth.values()), np.zeros(TERMS, np.int64))
    assert counts.documents[:TERMS].tolist() == terms.tolist() == counts.of(np.arange(TERMS)).tolist()
    assert counts.tokens is not None and counts.tokens[:TERMS].tolist() == tokens.tolist()
