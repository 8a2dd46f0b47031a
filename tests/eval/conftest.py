"""A collection small enough to work out by hand, and an encoder that needs no model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lsr import SparseVectors, Vocabulary

WORDS = ["cat", "dog", "fish", "bird", "sat", "swam", "flew"]

DOCUMENTS = [
    {"_id": "d1", "title": "cat", "text": "cat sat"},
    {"_id": "d2", "title": "", "text": "dog sat"},
    {"_id": "d3", "title": "", "text": "fish swam"},
    {"_id": "d4", "title": "", "text": "bird flew"},
]
QUERIES = [
    {"_id": "q1", "text": "cat sat"},
    {"_id": "q2", "text": "fish"},
    {"_id": "q3", "text": " "},
    {"_id": "unjudged", "text": "dog"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\td2\t1\nq1\td4\t0\nq2\td3\t2\nq3\td1\t1\n"


class WordEncoder:
    """Weighs each known word of a text by how often it occurs; stands where a SparseEncoder does."""

    name = "words"
    dim = len(WORDS)
    inference_free = False
    max_length = 512

    def __init__(self, factor: float = 1.0) -> None:
        self.vocabulary = Vocabulary(WORDS)
        self.factor = factor

    def settings(self) -> dict[str, Any]:
        return {"model": "words", "factor": self.factor, "shape": (1, 2)}

    def encode_queries(self, texts: Iterable[str], ids: Sequence[str] | None = None) -> SparseVectors:
        rows = []
        for text in texts:
            counts = Counter(WORDS.index(word) for word in text.split() if word in WORDS)
            terms = sorted(counts)
            rows.append((terms, [counts[term] * self.factor for term in terms]))
        return SparseVectors.from_rows(rows, ids, self.dim)

    def encode_documents(
        self,
        texts: Iterable[str],
        ids: Sequence[str] | None = None,
        *,
        top_k: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> SparseVectors:
        vectors = self.encode_queries(texts, ids)
        if progress:
            progress(len(vectors))
        return vectors


@pytest.fixture
def words() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def collection_folder(tmp_path: Path) -> Path:
    """Four documents, three judged queries (one of them without text), in BEIR's layout."""
    folder = tmp_path / "pets"
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", DOCUMENTS), ("queries", QUERIES)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    return folder
