"""Collections that are encoded anew, and what they have to answer then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lsr.collection.collection import Collection
from lsr.index import verify
from lsr.index.collection.policy import LivePolicy
from lsr.index.live.versions import COMING
from lsr.search.retriever import Retriever

MODELS = Path(__file__).parents[1] / "golden" / "encoders"
SPLADE, DOC, DENSE = (str(MODELS / name / "model") for name in ("splade", "doc", "dense"))
# Of the tiny models' vocabulary.
WORDS = "index file search folder terms recall blocks memory hybrid kernels windows corpus".split()  # noqa: SIM905
QUERIES = ("index file", "search terms recall", "windows", "the corpus of a folder of kernels")
SMALL = LivePolicy(memory_documents=12, together=2)


def document(number: int, version: int = 0) -> dict[str, Any]:
    random = np.random.default_rng([number, version])
    text = " ".join(random.choice(WORDS, random.integers(3, 60)).tolist())
    return {"_id": f"d{number}", "title": "A title" * (number % 2), "text": text, "version": version, "number": number}


def create(path: Path, model: str = SPLADE, count: int = 30, **options: Any) -> Collection:
    """A collection of some documents, in segments and in its log, with deletions in both."""
    Collection.create(path, model=model, **options).close()
    collection = Collection.open(path, policy=SMALL)
    collection.add([document(number) for number in range(count)])
    collection.wait()
    if count:
        collection.delete(["d1", "d2"])
        collection.add([document(3, 1), document(count)])
        collection.delete(f"d{count}")
    return collection


def answers(searched: Any, **options: Any) -> list[list[tuple[str, float]]]:
    return [[(hit.id, hit.score) for hit in searched.search(query, 8, **options).hits] for query in QUERIES]


def check_as_fresh(collection: Collection, path: Path, model: str, **options: Any) -> None:
    """AssertionError if it does not answer as one that is made now, of the same documents; nothing is left over."""
    held = {each.id: each for each in collection.scan()}
    with Collection.create(path, model=model, **options) as fresh:
        fresh.add(held.values())
        modes: list[dict[str, Any]] = [{}, {"mode": "exhaustive"}, {"lexical_weight": 0.0}]
        modes += [{"mode": "hybrid"}, {"mode": "dense"}] if "dense" in options else []
        for mode in modes if model != "bm25" else [{}]:
            wanted = answers(fresh, **mode)
            assert any(wanted)
            assert answers(collection, **mode) == wanted
            assert answers(Retriever.open(collection.path), **mode) == wanted
        made, other = collection.snapshot.manifest, fresh.snapshot.manifest
        assert made.encoder == other.encoder and made.weight_scale == other.weight_scale
        assert made.live is not None and other.live is not None and made.live.windows == other.live.windows
        assert made.live.settings == other.live.settings and made.live.tokens == other.live.tokens
    assert verify(collection.path) == []
    assert not (collection.path / COMING).exists()
