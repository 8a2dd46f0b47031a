"""Documents and an encoder by chance, for collections of shards."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lsr import Document, SparseVectors
from lsr.core.vocabulary import Vocabulary
from lsr.index import Index

TERMS = 40


class HashingEncoder:
    """Hashes words instead of running a model; weights are few, so that many documents score the same."""

    dim = TERMS
    max_length = 64
    inference_free = False
    name = "hashing"
    vocabulary = Vocabulary([f"t{term}" for term in range(TERMS)])

    def __init__(self, outlier: float = 0.0, stop_after: int | None = None) -> None:
        self.outlier, self.stop_after = outlier, stop_after
        self.encoded: list[str] = []

    def settings(self) -> dict[str, Any]:
        return {"model": "hashing", "dim": self.dim, "outlier": self.outlier}

    def encode_documents(
        self,
        texts: Iterable[str],
        ids: Sequence[str],
        *,
        top_k: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> SparseVectors:
        if self.stop_after is not None and len(self.encoded) >= self.stop_after:
            raise KeyboardInterrupt
        self.encoded += ids
        rows = []
        for text in texts:
            weights: dict[int, float] = {}
            for word in text.split():
                hashed = zlib.crc32(word.encode())
                weights[hashed % self.dim] = 0.25 * (1 + hashed % 5)
                if self.outlier and word == "huge":
                    weights[hashed % self.dim] = self.outlier
            terms = sorted(weights)
            rows.append((np.array(terms, np.uint32), np.array([weights[term] for term in terms], np.float32)))
        if progress:
            progress(len(ids))
        return SparseVectors.from_rows(rows, ids, self.dim)


def made_documents(
    seed: int, count: int, *, fields: bool = True, words: int = 30, long: bool = False
) -> list[Document]:
    """Documents by chance; some have no words, some no fields, and one a weight far above the others."""
    chance = random.Random(seed)
    names = [f"word{number}" for number in range(words)]
    made = []
    for number in range(count):
        length = chance.choice([0, 3, 8, 20] if not long else [3, 60, 200])
        values: dict[str, Any] = {}
        if fields and chance.random() < 0.7:
            values = {"year": chance.randint(1990, 1995), "tag": chance.choice(["a", "b", "é"])}
            if chance.random() < 0.1:
                values["year"] += 0.5
        text = " ".join(chance.choices(names, k=length)) + (" huge" if number == count // 2 else "")
        made.append(Document(f"d{chance.randint(0, 10**6)}-{number}", text, chance.choice(["", *names]), values))
    return made


def made_queries(seed: int, count: int, words: int = 30) -> list[str]:
    """Texts of the same words."""
    chance = random.Random(seed)
    return [
        " ".join(chance.choices([f"word{number}" for number in range(words)], k=chance.randint(1, 5)))
        for _ in range(count)
    ]


def files_of(path: Path) -> dict[str, bytes]:
    """The files of all shards, but for what says when they were made, by names without the build."""
    shards = [each for each in Index.open(path).manifest.shards.records if each is not None]  # type: ignore[union-attr]
    return {
        f"{shard.name[:10]}/{file.relative_to(path / shard.name)}": file.read_bytes()
        for shard in shards
        for file in sorted((path / shard.name).rglob("*"))
        if file.is_file() and file.name != "manifest.json"
    }
