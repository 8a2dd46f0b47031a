"""Segments that are searched together: the answers of one, with less work than each by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_oracle import random_vectors

from lsr.core.documents import Document
from lsr.index import Index
from lsr.index.collection.create import create_collection
from lsr.index.collection.policy import LivePolicy
from lsr.index.collection.writer import CollectionWriter
from lsr.index.engines.choose import Choice
from lsr.index.engines.engine import NoParameters
from lsr.index.engines.registry import ENGINES
from lsr.index.filters.allowed import AllowedRows
from lsr.index.format.settings import IndexSettings
from lsr.index.live.writes import Delete, Put
from lsr.vectors.sparse import SparseVectors

DOCUMENTS, DIM = 900, 300
# From here on, ids of so few documents are not columns of their own.
WORDS = DIM - 40
BY_HAND = LivePolicy(memory_documents=10**6, together=10**6, most_deleted=1.0)

Made = Callable[..., Index]


def puts(vectors: SparseVectors) -> list[Put]:
    """Documents of model terms and, from WORDS on, of words."""
    found = []
    for number in range(len(vectors)):
        terms, weights = vectors.row(number)
        model = terms < WORDS
        words = tuple(f"w{term}" for term in terms[~model].tolist())
        document = Document(f"d{number:04}", "")
        found.append(Put(document, terms[model].astype(np.uint32), weights[model], words, weights[~model]))
    return found


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Make a collection of segments of these sizes; what is left over stays in memory, some is deleted."""

    def make(sizes: list[int], *, levels: int, deleted: int = 0, bits: int = 8) -> Index:
        path = tmp_path / "-".join(map(str, sizes))
        create_collection(path, terms=WORDS, weight_scale=4 / 255, settings=IndexSettings(weight_bits=bits))
        written = puts(random_vectors(DOCUMENTS, DIM, mean_terms=9, seed=3, levels=levels))
        with CollectionWriter(path, policy=BY_HAND) as writer:
            for size in sizes:
                writer.apply(written[:size], wait=False)
                del written[:size]
                writer.flush()
            if written:
                writer.apply(written, wait=False)
            writer.apply([Delete(f"d{number:04}") for number in range(0, DOCUMENTS, 7)][:deleted], wait=False)
            return writer.snapshot()

    return make


def query(index: Index, random: np.random.Generator, terms: int) -> tuple[Any, Any]:
    """So many terms and words that the index holds, of few different weights."""
    drawn = random.choice(DIM, terms, replace=False).tolist()
    words = index.parts["words"]
    ids = [term if term < WORDS else words.find(f"w{term}") for term in drawn]
    weights = random.integers(1, 4, terms).astype(np.float32)
    known = [place for place, id in enumerate(ids) if id is not None]
    return np.array([ids[place] for place in known]), weights[known]


def answer(index: Index, terms: int, k: int, **options: Any) -> list[Any]:
    """Ids and scores of some queries, each with the statistics of its search."""
    found = []
    for seed in range(25):
        hits = index.search(*query(index, np.random.default_rng(seed), terms), k, **options)
        found.append((hits.ids, hits.scores.tolist()))
    return found


@pytest.mark.parametrize("levels", [2, 0], ids=["ties", "no ties"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("terms", [5, 150], ids=["narrow", "wide"])
def test_several_segments_answer_as_one(made: Made, levels: int, bits: int, terms: int) -> None:
    one = made([DOCUMENTS], levels=levels, deleted=40, bits=bits)
    several = made([400, 250, 100, 100], levels=levels, deleted=40, bits=bits)
    memory = made([300, 300], levels=levels, deleted=40, bits=bits)
    everything = {"mode": "approximate", "cut": 0.0, "heap_factor": 1.0, "max_blocks": 10**6}
    for k in (1, 10, 1000):
        expected = answer(one, terms, k, mode="exhaustive")
        for index in (one, several, memory):
            assert answer(index, terms, k, mode="exact") == expected
            assert answer(index, terms, k, **everything) == expected


@pytest.mark.parametrize("share", [0.5, 0.05, 0.001])
def test_a_filter(made: Made, share: float) -> None:
    """Of so few rows, too, that some segments have one and are scored directly, and some have many."""
    one, several = made([DOCUMENTS], levels=2, deleted=30), made([420, 240, 180], levels=2, deleted=30)
    random = np.random.default_rng(1)
    allowed = {f"d{number:04}" for number in np.flatnonzero(random.random(DOCUMENTS) < share)} | {"d0001", "d0700"}
    # Most of one segment, too.
    allowed |= {f"d{number:04}" for number in range(430, 600)}
    found = []
    for index in (one, several):
        allow = np.array([id in allowed for id in index.documents.row_ids(np.arange(len(index)))])
        found.append(answer(index, 6, 10, mode="exact", allow=allow))
    assert found[0] == found[1] and any(ids for ids, _ in found[0])


def test_a_batch_of_queries(made: Made) -> None:
    several = made([500, 300], levels=2)
    asked = [query(several, np.random.default_rng(seed), terms) for seed in range(3) for terms in (3, 120, 30)]
    ordered = [tuple(each[np.argsort(ids)] for each in (ids, weights)) for ids, weights in asked]
    queries = SparseVectors.from_rows([(ids, weights.astype(np.float32)) for ids, weights in ordered], dim=several.dim)
    together = several.search_batch(queries, 7, mode="exact", threads=2)
    assert [list(hits) for hits in together] == [list(several.search(*each, 7, mode="exact")) for each in asked]


def test_a_segment_begins_at_what_the_others_have_reached(made: Made) -> None:
    several = made([300, 300, 300], levels=0)
    prepared = several.sparse.prepare(*query(several, np.random.default_rng(0), 40))
    together = several.sparse.search_prepared(prepared, 3, mode="exact").stats.documents_scored
    everything, choice = AllowedRows(300), Choice(ENGINES["exact"], NoParameters())
    alone = [
        segment.search(own, 3, choice, everything)[0][2].documents_scored
        for segment, own in zip(several._searched, prepared.by_segment, strict=True)
    ]
    assert alone[0] <= together < sum(alone)


def test_a_budget_is_of_all_segments(made: Made) -> None:
    """The first block is visited whatever it is, and after it none, in no segment."""
    several = made([450, 450], levels=0)
    stats = several.search(*query(several, np.random.default_rng(0), 40), 3, mode="approximate", budget_us=1e-3).stats
    assert stats.documents_scored == 0


def test_segments_of_different_types_are_searched_one_by_one(build: Callable[..., Index]) -> None:
    vectors = random_vectors(200, 50, seed=4, levels=3)
    fine = build(vectors, settings=IndexSettings(weight_bits=16)).segments
    coarse = build(vectors, settings=IndexSettings(weight_bits=8))
    both = Index(coarse.path, coarse.manifest, (*coarse.segments, *fine))
    for seed in range(10):
        terms = np.random.default_rng(seed).choice(50, 6, replace=False)
        found = [list(both.search(terms, np.ones(6), 20, mode=mode)) for mode in ("exact", "exhaustive")]
        assert found[0] == found[1] and len({id for id, _ in found[0]}) < 20


@pytest.mark.parametrize("least", [0.7, 0.9], ids=["many bounds", "one bound"])
def test_a_limit_of_blocks_is_spent_on_the_best_of_all_segments(build: Callable[..., Index], least: float) -> None:
    """The first segment has more blocks that are nearly as good than may be visited; the best are in the second."""

    def made(subject: int, weights: np.ndarray[Any, Any]) -> list[tuple[Any, Any]]:
        return [(np.array([0, subject]), np.array([weight, 1.0], np.float32)) for weight in weights]

    several = [
        build(SparseVectors.from_rows(rows, dim=4), settings=IndexSettings(block_size=3), weight_scale=1 / 255)
        for rows in (
            made(1, np.linspace(least, 0.9, 3000)),
            [*made(2, np.full(3000, 0.1)), *made(3, np.full(9, 1.0))],
        )
    ]
    index = Index(several[0].path, several[0].manifest, tuple(part.segments[0] for part in several))
    for limit in (3, 8, 64):
        found = index.search([0], [1.0], 9, mode="approximate", cut=0.0, heap_factor=1.0, max_blocks=limit)
        assert found.scores.tolist() == [1.0] * 9
        assert found.stats.documents_scored <= 3 * limit
