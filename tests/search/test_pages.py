"""Pages of hits are slices of one ranking: nothing comes twice, and nothing is lost."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from index_oracle import random_vectors

from lsr import Document
from lsr.index import DenseSettings, Index, IndexBuilder, SeismicSettings, add_dense
from lsr.index.format.settings import IndexSettings
from lsr.search.flat import plan_of
from lsr.search.retriever import Retriever
from lsr.text.windows import WindowSettings, cut_document
from lsr.vectors.sparse import SparseVectors

DIM, TERMS, DOCUMENTS, PAGE = 12, 60, 700, 20
EXACT = [
    {"mode": "exact"},
    {"mode": "exhaustive"},
    {"mode": "dense"},
    {"mode": "dense", "feedback": "rocchio"},
    {"mode": "exact", "feedback": "rm3"},
    {"mode": "hybrid"},
    {"mode": "hybrid", "depth": 30, "fusion": "rrf"},
    {"mode": "hybrid", "depth": 30, "fusion": "min_max", "completion": "none"},
    {"mode": "hybrid", "completion": "exact"},
    {"mode": "hybrid", "feedback": "rocchio", "interpolate": "both"},
    {"mode": "hybrid", "feedback": "rm3", "feedback_vectors": "sparse", "interpolate": "before"},
    {"mode": "sparse-first", "depth": 30},
]
APPROXIMATE = [
    {"mode": "approximate", "cut": 0.3, "heap_factor": 0.7, "max_blocks": 4},
    {"mode": "seismic", "query_cut": 2, "heap_factor": 0.7},
    {"mode": "dense", "dense_mode": "approximate", "effort": 8},
]


def build(path: Path, windows: WindowSettings | None = None, kind: str = "flat") -> Index:
    vectors = random_vectors(DOCUMENTS, TERMS, 6, seed=4)
    settings = IndexSettings(seismic=SeismicSettings())
    with IndexBuilder(path, dim=TERMS, windows=windows, settings=settings) as builder:
        if windows is None:
            builder.add(vectors)
        else:
            documents = (Document(f"d{number}", "one two three four five six ") for number in range(DOCUMENTS))
            cut = list(islice((row for each in documents for row in cut_document(each, windows)), DOCUMENTS))
            ids = [row.id for row in cut]
            builder.add(SparseVectors(vectors.indptr, vectors.indices, vectors.weights, ids, TERMS), cut)
        made = builder.finish()
    random = np.random.default_rng(4)
    return add_dense(made, [random.normal(size=(DOCUMENTS, DIM)).astype(np.float32)], settings=DenseSettings(kind))


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    return Retriever(build(tmp_path_factory.mktemp("pages") / "index", kind="hnsw"))


def ask(retriever: Retriever, options: dict, k: int, offset: int = 0) -> list[str]:
    random = np.random.default_rng(7)
    plan = plan_of(**options)
    given = {}
    if plan.retrieve.needs_sparse:
        terms = np.sort(random.choice(TERMS, 12, replace=False))
        given["vector"] = (terms, random.uniform(0.2, 2, 12).astype(np.float32))
    if plan.retrieve.needs_dense:
        given["dense_vector"] = random.normal(size=DIM).astype(np.float32)
    found = retriever.search(k=k, offset=offset, plan=plan, **given)
    assert [hit.rank for hit in found.hits] == list(range(offset + 1, offset + 1 + len(found.hits)))
    return [hit.id for hit in found.hits]


def pages(retriever: Retriever, options: dict) -> list[str]:
    ids: list[str] = []
    while page := ask(retriever, options, PAGE, len(ids)):
        ids += page
        assert len(ids) <= DOCUMENTS + PAGE
    assert len(set(ids)) == len(ids), "a document comes twice"
    return ids


@pytest.mark.parametrize("options", EXACT, ids=str)
def test_pages_are_the_whole_ranking(retriever: Retriever, options: dict) -> None:
    if options["mode"] == "dense" or (options["mode"] == "hybrid" and options.get("completion") != "exact"):
        options = {**options, "dense_mode": "exact"}
    assert pages(retriever, options) == ask(retriever, options, DOCUMENTS)


@pytest.mark.parametrize("options", APPROXIMATE, ids=str)
def test_pages_of_what_is_approximate_are_slices_of_one_ranking(retriever: Retriever, options: dict) -> None:
    ids = pages(retriever, options)
    # The first page is that of a search without pages, and all that a deep search finds comes on some page.
    assert ids[:PAGE] == ask(retriever, options, PAGE)
    assert set(ask(retriever, options, DOCUMENTS)) <= set(ids)


@pytest.mark.parametrize("score", ["max", "sum"])
@pytest.mark.parametrize("mode", ["exact", "approximate", "dense", "hybrid", "sparse-first"])
def test_pages_of_documents_found_by_their_windows(tmp_path: Path, mode: str, score: str) -> None:
    retriever = Retriever(build(tmp_path / "index", WindowSettings(score=score, words=2, stride=2)))
    ids = pages(retriever, {"mode": mode})
    documents = len(retriever.index.documents)
    everything = set(ask(retriever, {"mode": mode}, documents))
    assert everything <= set(ids)
    if mode in ("dense", "hybrid"):
        assert len(ids) == documents
    if mode in ("exact", "dense"):
        assert ids == ask(retriever, {"mode": mode}, documents)


def test_later_hits_of_a_fused_ranking_never_score_above_earlier_ones(retriever: Retriever) -> None:
    random = np.random.default_rng(1)
    found = retriever.search(
        vector=([1, 5, 9], [1.0, 0.5, 2.0]),
        dense_vector=random.normal(size=DIM),
        k=DOCUMENTS,
        mode="hybrid",
        depth=20,
        completion="none",
    )
    scores = [hit.score for hit in found.hits]
    assert len(scores) == DOCUMENTS and scores == sorted(scores, reverse=True)
